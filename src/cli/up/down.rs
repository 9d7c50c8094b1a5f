//! `nodebake down`

use super::DownArgs;
use super::note::Note;
use super::way::node_name;
use crate::base::Sha256;
use crate::cli::aws::{AwsArgs, with_desk};
use crate::cli::consent::consent;
use crate::cli::lambda::instances::{end, plan_end};
use crate::cli::lambda::launch::chosen;
use crate::cli::lambda::{Connection, cloud, connected};
use crate::cli::{Failure, Outcome, Ui, load};
use crate::cloud::eni::{self, Removal, Whose};
use crate::cloud::lambda::firewall::{self, Edit};
use crate::cloud::lambda::{self, Instance, Lambda};
use crate::cloud::plain;
use crate::cloud::{Act, Kind, Plan};
use crate::edge::fs;

pub(super) fn run(ui: &Ui, args: &DownArgs) -> Outcome {
    let mut loaded = chosen(load::open(ui, &args.node, &args.common)?, args.chosen.as_deref())?;
    let Some((spec, facts)) = loaded.nodes.pop() else {
        return Err(Failure::Findings);
    };
    let node = spec.name.value.clone();
    let about = (node.as_str(), facts.name.value.as_str(), facts.region.value.as_str());
    let mut note = Note::open(&args.node, args.shared.state.as_deref(), about)?;
    let aws = AwsArgs {
        profile: args.shared.profile.clone(),
        region: None,
    };
    let session = aws.open(Some(&facts))?;
    let object = node_name(&spec, &facts);
    connected(ui, &args.shared.account, |connection| {
        let all = connection.api.instances().map_err(cloud)?;
        let machines = machines(ui, connection, &note, &all)?;
        let others = others(&all, &note);
        let edit = rules(connection, &note)?;
        let whose = Whose::Node(node.clone(), Some(facts.name.value.clone()));
        let removal = with_desk(&session, |desk| eni::removal(desk, &whose))?;
        let plan = plan(&machines, (edit.as_ref(), &others), &removal, &note, object.as_deref());
        if plan.is_done() {
            ui.talk(plan.to_string().trim_end());
            ui.talk("nothing to do");
            return note.remove();
        }
        if !consent(ui, &plan, args.shared.yes)? {
            return Ok(());
        }
        // The machine first: it costs money, and has no use for what comes after.
        end(ui, connection, &machines)?;
        note.state.machine = None;
        note.write()?;
        if let Some(edit) = edit.as_ref().filter(|_| others.is_empty()) {
            firewall::apply(&connection.api, edit).map_err(cloud)?;
        }
        note.state.firewall = None;
        note.write()?;
        with_desk(&session, |desk| eni::remove(desk, &removal))?;
        note.state.interface = None;
        note.write()?;
        take_files(ui, &note)?;
        note.remove()?;
        if let Some(object) = &object {
            ui.talk("left to do, on the cluster:");
            ui.data(format!("kubectl delete node {object}\n").as_bytes())?;
            ui.talk("and take its item out of aws-auth, or its access entry, if no other node has the same");
        }
        Ok(())
    })
}

/// The node's machines: one, unless somebody made another. The list may be behind what an earlier run launched.
fn machines(ui: &Ui, connection: &Connection<'_>, note: &Note, all: &[Instance]) -> Result<Vec<Instance>, Failure> {
    let (node, cluster) = (note.state.node.as_str(), note.state.cluster.as_str());
    let listed: Vec<Instance> = lambda::of_node(all, node, cluster).into_iter().cloned().collect();
    let Some(launched) = note.state.machine.as_ref().filter(|_| listed.is_empty()) else {
        return Ok(listed);
    };
    let Some(id) = &launched.instance else {
        ui.talk("an earlier run may have launched a machine: looking for its tag");
        let late = lambda::find_late(&connection.api, node, cluster).map_err(cloud)?;
        return Ok(late.into_iter().collect());
    };
    match connection.api.instance(id) {
        Ok(one) if one.status.is_over() => Ok(Vec::new()),
        Ok(one) => Ok(vec![one]),
        Err(trouble) if trouble.kind == Kind::NotFound => Ok(Vec::new()),
        Err(trouble) => Err(cloud(trouble)),
    }
}

/// Other nodes that run: a proxy may have them behind it too.
fn others(all: &[Instance], note: &Note) -> Vec<String> {
    let (node, cluster) = (Some(note.state.node.as_str()), Some(note.state.cluster.as_str()));
    let running = all.iter().filter(|one| !one.status.is_over());
    let other = running.filter(|one| (one.node(), one.cluster()) != (node, cluster));
    other.filter_map(Instance::node).map(plain).collect()
}

/// What is taken back of the firewall's rules.
fn rules(connection: &Connection<'_>, note: &Note) -> Result<Option<Edit>, Failure> {
    let Some(opened) = &note.state.firewall else {
        return Ok(None);
    };
    let ruleset = connection.api.ruleset(&opened.ruleset).map_err(cloud)?;
    Ok(Some(firewall::revoke(&ruleset, &opened.from)))
}

fn plan(
    machines: &[Instance],
    (edit, others): (Option<&Edit>, &[String]),
    removal: &Removal,
    note: &Note,
    object: Option<&str>,
) -> Plan {
    let mut plan = Plan::default();
    for machine in machines {
        plan_end(&mut plan, machine);
    }
    if let (Some(step), Some(object)) = (plan.steps.last_mut(), object) {
        step.details.push(format!(
            "what runs there is lost: `kubectl drain {object} --ignore-daemonsets --delete-emptydir-data` first"
        ));
    }
    match edit {
        Some(edit) if others.is_empty() => plan.steps.extend(edit.plan.steps.iter().cloned()),
        Some(_) => {
            let why = format!("other nodes run, which may need it: {}", others.join(", "));
            let how = "`nodebake firewall revoke --from ADDRESS` takes it back".to_owned();
            plan.step(Act::Keep, "the firewall's rule for the proxy", [why, how]);
        }
        None => {}
    }
    plan.steps.extend(removal.plan.steps.iter().cloned());
    if let Some(files) = &note.state.files {
        let paths = files.written.iter().map(|file| file.path.clone());
        plan.step(Act::Delete, format!("files in {}", note.folder.display()), paths);
    }
    plan
}

/// Removes what was written and not changed since.
fn take_files(ui: &Ui, note: &Note) -> Outcome {
    for file in note.state.files.iter().flat_map(|files| &files.written) {
        let path = note.folder.join(&file.path);
        match fs::read_bytes(&path) {
            Ok(bytes) if Sha256::of(&bytes).to_string() == file.sha256 => {
                fs::remove(&path)?;
                if let Some(folder) = path.parent() {
                    fs::remove_empty(&note.folder, folder);
                }
            }
            Ok(_) => ui.talk(&format!("{} was changed, and stays", path.display())),
            // It is gone.
            Err(_) => {}
        }
    }
    Ok(())
}
