//! `nodebake facts eks`

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::EksArgs;
use crate::base::{Report, Source};
use crate::cli::aws::{Waiting, read_facts};
use crate::cli::consent::consent;
use crate::cli::{Failure, Outcome, Ui, report};
use crate::cloud::eni::Desk;
use crate::cloud::facts::gather;
use crate::cloud::{Act, Plan};
use crate::edge::clock::{self, System};
use crate::edge::fs;
use crate::facts::{self, Change, ClusterFacts};
use crate::syntax::yaml;

pub(super) fn run(ui: &Ui, args: &EksArgs) -> Outcome {
    let text = fetch(args)?;
    // Held to what every cluster.yaml is held to, before anything is written.
    let source = Source::new(format!("the facts of {}", args.name), text);
    let facts = facts::read(&source).map_err(|failed| refused(ui, &failed))?;
    let mut validity = Report::new();
    for finding in facts::check_validity(&facts, clock::now()) {
        validity.push(finding);
    }
    report::print_all(ui, &validity, false);
    let Some(path) = &args.output else {
        return print(ui, args, &source);
    };
    if !fs::exists(path) {
        if args.check {
            return Err(Failure::Usage(format!("there is no {} to compare", path.display())));
        }
        fs::write_atomically(path, source.text.as_bytes(), 0o644)?;
        ui.talk(&format!("wrote {}: review and commit it", path.display()));
        return tell(ui, args, path, &[], true);
    }
    settle(ui, args, path, &facts, &source)
}

/// The text of the cluster.yaml, from the cluster.
fn fetch(args: &EksArgs) -> Result<String, Failure> {
    let session = args.aws.open(None)?;
    let (ec2, eks, waiting) = (session.ec2(), session.eks(), Waiting::new());
    let told = |line: &str| waiting.told(line);
    let desk = Desk {
        ec2: &ec2,
        clock: &System,
        told: &told,
    };
    let draft = gather(&desk, &eks, &args.name, session.region(), args.wait).map_err(Failure::Cloud)?;
    Ok(facts::write(&draft))
}

/// Shows what differs from the file that is there, and takes it over after a yes.
fn settle(ui: &Ui, args: &EksArgs, path: &Path, new: &ClusterFacts, source: &Arc<Source>) -> Outcome {
    let old = read_facts(ui, path).inspect_err(|_| {
        ui.talk(&format!(
            "{} cannot be compared: mend it, or move it out of the way",
            path.display()
        ));
    })?;
    let changes = facts::compare(&old, new);
    if changes.is_empty() {
        ui.talk(&format!("nothing changed: {} is as the cluster", path.display()));
        return tell(ui, args, path, &changes, false);
    }
    let mut details: Vec<String> = changes.iter().map(ToString::to_string).collect();
    details.push("the file is written anew: comments of your own are not kept".into());
    let mut plan = Plan::default();
    plan.step(Act::Change, path.display().to_string(), details);
    if args.check {
        ui.talk(plan.to_string().trim_end());
    }
    let agreed = !args.check && consent(ui, &plan, args.yes)?;
    if agreed {
        fs::write_atomically(path, source.text.as_bytes(), 0o644)?;
        ui.talk(&format!("wrote {}: review and commit it", path.display()));
    }
    tell(ui, args, path, &changes, agreed)?;
    if agreed { Ok(()) } else { Err(Failure::Findings) }
}

/// What changed, for programs.
fn tell(ui: &Ui, args: &EksArgs, path: &Path, changes: &[Change], written: bool) -> Outcome {
    if args.json {
        let changes: Vec<_> = changes
            .iter()
            .map(|one| json!({"what": one.what, "old": one.old, "new": one.new, "meaning": one.meaning}))
            .collect();
        let told = json!({"path": path.display().to_string(), "changes": changes, "written": written});
        ui.data((serde_json::to_string_pretty(&told)? + "\n").as_bytes())?;
    }
    Ok(())
}

fn print(ui: &Ui, args: &EksArgs, source: &Arc<Source>) -> Outcome {
    if !args.json {
        ui.data(source.text.as_bytes())?;
        return Ok(());
    }
    let mut report = Report::new();
    let root = yaml::parse(source).map_err(|failed| refused(ui, &failed))?;
    let value = yaml::to_json(&mut yaml::Reader { report: &mut report }, &root);
    ui.data((serde_json::to_string_pretty(&value)? + "\n").as_bytes())?;
    Ok(())
}

/// What EKS says is not what nodebake can work with.
fn refused(ui: &Ui, failed: &Report) -> Failure {
    report::print(ui, failed, false);
    Failure::Findings
}
