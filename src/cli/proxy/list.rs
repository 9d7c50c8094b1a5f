//! `nodebake proxy list`

use serde_json::{Value, json};

use super::words::ListArgs;
use super::{Failure, Outcome, Ui};
use crate::cli::table::table;
use crate::cloud::proxy::{Desk, Listed, list};
use crate::edge::clock::System;

pub(super) fn run(ui: &Ui, args: &ListArgs) -> Outcome {
    let session = args.aws.open(None)?;
    let calls = session.instances();
    let told = |line: &str| ui.talk(line);
    let desk = Desk {
        ec2: &calls,
        clock: &System,
        told: &told,
    };
    let all = list(&desk).map_err(Failure::Cloud)?;
    if args.json {
        let all: Vec<Value> = all.iter().map(as_json).collect();
        ui.data(format!("{:#}\n", Value::from(all)).as_bytes())?;
        return Ok(());
    }
    if all.is_empty() {
        ui.talk("there are no proxies here");
        return Ok(());
    }
    let heads = ["NAME", "CLUSTER", "INSTANCE", "STATE", "TYPE", "ADDRESS", "PUBLIC"];
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    ui.data(table(&heads, &rows).as_bytes())?;
    Ok(())
}

fn row(one: &Listed) -> Vec<String> {
    let of = |read: fn(&crate::cloud::proxy::Machine) -> String| one.machine.as_ref().map_or_else(|| "-".into(), read);
    vec![
        one.name.clone(),
        one.cluster.clone(),
        of(|machine| machine.id.clone()),
        of(|machine| machine.state.clone()),
        of(|machine| machine.kind.clone()),
        of(|machine| machine.addresses.first().map(ToString::to_string).unwrap_or_default()),
        one.public().map_or_else(|| "-".into(), |address| address.to_string()),
    ]
}

fn as_json(one: &Listed) -> Value {
    let machine = one.machine.as_ref();
    json!({
        "name": one.name,
        "cluster": one.cluster,
        "instance": machine.map(|machine| &machine.id),
        "state": machine.map(|machine| &machine.state),
        "instanceType": machine.map(|machine| &machine.kind),
        "ami": machine.map(|machine| &machine.ami),
        "subnet": machine.map(|machine| &machine.subnet),
        "addresses": machine.map(|machine| &machine.addresses),
        "publicAddress": one.public(),
        "keepsAddress": one.kept.is_some(),
        "securityGroup": one.group,
    })
}
