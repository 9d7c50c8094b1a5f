//! `nodebake proxy launch`

use std::path::Path;

use serde_json::json;

use super::words::LaunchArgs;
use super::{Failure, Outcome, Ui};
use crate::bake::{Packer, user_data};
use crate::cli::aws::Waiting;
use crate::cli::consent::consent;
use crate::cli::{load, report};
use crate::cloud::proxy::{Desk, Launched, Want, carry_out, decide};
use crate::edge::clock::System;
use crate::plan::Plan;
use crate::spec::is_aws_id;

pub(super) fn run(ui: &Ui, args: &LaunchArgs) -> Outcome {
    for (id, prefix, word) in [(&args.subnet, "subnet", "--subnet"), (&args.ami, "ami", "--ami")] {
        if let Some(id) = id.as_ref().filter(|id| !is_aws_id(id, prefix)) {
            let message = format!("{word} {id}: an id is {prefix}- and 17 hexadecimal digits");
            return Err(Failure::Usage(message));
        }
    }
    let (plan, user_data) = baked(ui, args)?;
    let session = args.aws.open(Some(&plan.facts))?;
    let said = (args.subnet.as_deref(), args.ami.as_deref());
    let want = Want::of(&plan, user_data, said.0, said.1, args.elastic_ip).map_err(Failure::Cloud)?;
    let name = want.name.clone();
    let calls = session.instances();
    let decided = {
        let waiting = Waiting::new();
        let told = |line: &str| waiting.told(line);
        decide(&desk(&calls, &told), want).map_err(Failure::Cloud)?
    };
    if args.dry_run {
        ui.talk(decided.plan.to_string().trim_end());
        ui.talk("nothing was done: --dry-run");
        return Ok(());
    }
    if !decided.plan.is_done() && !consent(ui, &decided.plan, args.yes)? {
        return Ok(());
    }
    if decided.plan.is_done() {
        ui.talk(decided.plan.to_string().trim_end());
    }
    let launched = {
        let waiting = Waiting::new();
        let told = |line: &str| waiting.told(line);
        carry_out(&desk(&calls, &told), &decided).map_err(Failure::Cloud)?
    };
    say(ui, args, &name, &launched)
}

fn desk<'d>(calls: &'d dyn crate::cloud::proxy::Instances, told: &'d dyn Fn(&str)) -> Desk<'d> {
    Desk {
        ec2: calls,
        clock: &System,
        told,
    }
}

/// The plan of the document's proxy, and its user-data.
fn baked(ui: &Ui, args: &LaunchArgs) -> Result<(Plan, Vec<u8>), Failure> {
    let loaded = load::open(ui, &args.proxy, &args.common)?;
    let packer = Packer::default();
    let (made, findings) = loaded.build(|built| {
        let artifact = user_data(&built.plan, &built.verified, &packer)?;
        Ok((built.plan, artifact.bytes))
    });
    report::print(ui, &findings, args.common.short);
    let mut made = made.ok_or(Failure::Findings)?;
    match (made.pop(), made.is_empty()) {
        (Some((plan, bytes)), true) if plan.spec.proxy().is_some() => Ok((plan, bytes)),
        _ => Err(Failure::Usage(format!(
            "{} describes no proxy: it has another `kind`",
            told(&args.proxy)
        ))),
    }
}

fn told(path: &Path) -> String {
    path.display().to_string()
}

fn say(ui: &Ui, args: &LaunchArgs, name: &str, launched: &Launched) -> Outcome {
    let Launched {
        instance,
        private,
        public,
        keeps_address,
    } = launched;
    if args.json {
        let all = json!({
            "name": name, "instance": instance, "privateAddress": private,
            "publicAddress": public, "keepsAddress": keeps_address,
        });
        ui.data(format!("{all:#}\n").as_bytes())?;
        return Ok(());
    }
    ui.talk(&format!("proxy {name} is {instance}, {private} in the VPC"));
    match public {
        Some(public) => {
            ui.talk("open TCP 10250 of the satellites to this address alone:");
            if !keeps_address {
                ui.talk("  (it changes when the machine is replaced; --elastic-ip keeps one)");
            }
            ui.data(format!("{public}/32\n").as_bytes())?;
        }
        None => ui.talk("it has no public address: satellites on the internet are not reached; say --elastic-ip"),
    }
    Ok(())
}
