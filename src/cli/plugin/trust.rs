//! `nodebake plugin trust`

use super::super::load::Inputs;
use super::super::plugins::lock;
use super::super::{Failure, Outcome, Ui, report};
use super::{Of, describe, stranger};
use crate::base::{Finding, Report, Severity};
use crate::edge::fs;
use crate::edge::plugin::{Places, Runner, find};
use crate::plugin::{Guard, LOCK, Pin, Pins, Trouble, tame, trouble};
use crate::syntax::PluginUse;

/// Record the plugins of a node in plugins.lock beside it: the sha256 of each,
/// and what it asks for. Asking is the only time that a plugin runs without
/// being trusted; it is given nothing, and held by every guard. The changes of
/// the lock are printed: review and commit them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    of: Of,
    /// Only these; all that the node names, if left out
    name: Vec<String>,
    /// Switch off a guard of theirs: deadline, memory, cpu, file-size,
    /// open-files, processes, landlock, syscalls
    #[arg(long, value_name = "GUARD")]
    without: Vec<Guard>,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let beside = args.of.beside();
    let uses: Vec<PluginUse> = args
        .of
        .uses(ui)?
        .into_iter()
        .filter(|one| args.name.is_empty() || args.name.contains(&one.name.value))
        .collect();
    if let Some(name) = args
        .name
        .iter()
        .find(|name| !uses.iter().any(|one| one.name.value == **name))
    {
        return Err(Failure::Usage(format!(
            "{} names no plugin `{name}`",
            args.of.node.display()
        )));
    }
    let tell = |failed: Report| {
        report::print(ui, &failed, false);
        Failure::Findings
    };
    let mut pins = lock(Inputs::Disk, beside).map_err(tell)?;
    let before = if fs::exists(&beside.join(LOCK)) {
        pins.text()
    } else {
        String::new()
    };
    let mut found = Report::new();
    if let (Some(first), Err(why)) = (uses.first(), args.of.plugins.may_run()) {
        return Err(tell(trouble(first, &why).into()));
    }
    let runner = args.of.plugins.runner(beside).map_err(|finding| tell(finding.into()))?;
    let places = args.of.plugins.places(beside);
    for one in &uses {
        match ask(one, &pins, &places, &runner, &args.without) {
            Ok((pin, summary)) => {
                ui.talk(&format!("{}: {}", one.id(), tame(&summary, 200)));
                pins.set(pin);
            }
            Err(finding) => found.push(*finding),
        }
    }
    if found.has_errors() {
        return Err(tell(found));
    }
    let after = pins.text();
    let path = beside.join(LOCK);
    if before == after {
        ui.talk(&format!("{}: nothing to change", path.display()));
        return Ok(());
    }
    fs::write_atomically(&path, after.as_bytes(), 0o644)?;
    let name = path.display().to_string();
    let diff = similar::TextDiff::from_lines(&before, &after);
    ui.data(diff.unified_diff().header(&name, &name).to_string().as_bytes())?;
    Ok(())
}

fn ask(
    one: &PluginUse,
    pins: &Pins,
    places: &Places,
    runner: &Runner,
    without: &[Guard],
) -> Result<(Pin, String), Box<Finding>> {
    let wrong = |message: String| {
        let found = Trouble {
            id: "plugin/unknown",
            message,
            hint: None,
        };
        Box::new(trouble(one, &found))
    };
    let Some(candidate) = find(one.kind, &one.name.value, places) else {
        return Err(wrong("is nowhere to be found".into()));
    };
    if !candidate.is_executable {
        let path = candidate.path.display();
        return Err(Box::new(
            Finding::new(Severity::Error, "plugin/start", format!("{path} is not executable"))
                .at(one.place().clone())
                .hint(format!("chmod +x {path}")),
        ));
    }
    let (program, sha256) = runner
        .store()
        .keep(&candidate.path)
        .map_err(|error| wrong(error.to_string()))?;
    let mut pin = stranger(one.kind, &one.name.value, sha256);
    let described = describe(runner, &pin, &program).map_err(|why| Box::new(trouble(one, &why)))?;
    pin.access = described.access;
    // A guard that was switched off for reasons stays so: the lock is where that is reviewed.
    pin.without = pins
        .get(pin.kind, &pin.name)
        .map(|old| old.without.clone())
        .unwrap_or_default();
    pin.without.extend(without);
    pin.without.sort_unstable();
    pin.without.dedup();
    Ok((pin, described.summary))
}
