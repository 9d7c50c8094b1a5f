//! `nodebake rollback`

use super::deliver::{Where, units_with};
use super::{Outcome, Ui};
use crate::deliver::{self, LEDGER, Left, Mark, Progress, Task};

/// Go back to what was before the last installation; after one that was
/// interrupted, to exactly what was before it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Where,
    /// Keep a copy of files that were changed since
    #[arg(long)]
    backup: bool,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let target = args.place.open(true)?;
    let lock = target.lock(args.place.wait)?;
    match deliver::left(&target.disk)? {
        Left::Nothing => {
            deliver::tidy(&target.disk)?;
            ui.talk("there is nothing to go back to; nothing was changed");
            Ok(())
        }
        Left::Prepared => {
            deliver::tidy(&target.disk)?;
            ui.talk("the last installation had not begun; nothing was changed");
            Ok(())
        }
        Left::Begun(journal, Progress::Done) if journal.task == Task::Uninstall => {
            target.end_uninstall(ui)?;
            ui.talk("everything had been uninstalled already; it was brought to its end");
            Ok(())
        }
        Left::Begun(journal, _) => {
            // Whether nothing of ours was there before, so that units stop instead of starting anew.
            let first = journal.task == Task::Install
                && journal
                    .entries
                    .iter()
                    .any(|entry| entry.path.as_str() == LEDGER && entry.before == Mark::Absent);
            let (script, env) = (target.script("uninstall")?, target.env()?);
            if first {
                units_with(&target, ui, "--off", script.as_deref(), env.as_deref())?;
            }
            target.undo(ui, &journal, args.backup)?;
            ui.talk("everything is as it was before");
            if first {
                units_with(&target, ui, "--back", script.as_deref(), env.as_deref())?;
                if target.live {
                    deliver::forget(&target.disk)?;
                }
                return Ok(());
            }
            drop(lock);
            target.activate(ui)
        }
    }
}
