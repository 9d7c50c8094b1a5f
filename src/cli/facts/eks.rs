//! `nodebake facts eks`

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::EksArgs;
use crate::base::{Report, Source};
use crate::cli::aws::{read_facts, with_desk};
use crate::cli::consent::consent;
use crate::cli::{Failure, Outcome, Ui, report};
use crate::cloud::facts::gather;
use crate::cloud::{Act, Plan};
use crate::edge::aws::Session;
use crate::edge::clock;
use crate::edge::fs;
use crate::facts::{self, Change, ClusterFacts};
use crate::syntax::yaml;

pub(super) fn run(ui: &Ui, args: &EksArgs) -> Outcome {
    let (source, facts) = ask(ui, &args.aws.open(None)?, &args.name, args.wait)?;
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

/// The facts of a cluster as EKS and EC2 tell them, held to what every cluster.yaml is held to.
fn ask(ui: &Ui, session: &Session, name: &str, wait: bool) -> Result<(Arc<Source>, ClusterFacts), Failure> {
    let eks = session.eks();
    let draft = with_desk(session, |desk| gather(desk, &eks, name, session.region(), wait))?;
    let source = Source::new(format!("the facts of {name}"), facts::write(&draft));
    let facts = facts::read(&source).map_err(|failed| refused(ui, &failed))?;
    Ok((source, facts))
}

/// How the cluster differs from what is known of it.
#[cfg(feature = "lambda")]
pub(in crate::cli) fn changes(ui: &Ui, session: &Session, known: &ClusterFacts) -> Result<Vec<Change>, Failure> {
    let (_, now) = ask(ui, session, &known.name.value, false)?;
    Ok(facts::compare(known, &now))
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
        ui.json(&told)?;
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
    ui.json(&value)?;
    Ok(())
}

/// What EKS says is not what nodebake can work with.
fn refused(ui: &Ui, failed: &Report) -> Failure {
    report::print(ui, failed, false);
    Failure::Findings
}
