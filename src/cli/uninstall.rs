//! `nodebake uninstall`

use super::deliver::Where;
use super::{Failure, Outcome, Ui};
use crate::deliver::{self, Nothing};

/// Take everything back: files that are nodebake's and unchanged go, what they
/// replaced comes back, and on a running machine units stop. What was changed
/// since stays, and is listed. Without --yes it says what it would do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Where,
    /// Do it; on a running node drain it first
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let target = args.place.open(args.yes)?;
    let options = target.options(false, false);
    if !args.yes {
        let plan = deliver::uninstall(&target.disk, options)?;
        let mut out: String = plan.operations().iter().map(|line| format!("{line}\n")).collect();
        for (path, why) in &plan.kept {
            out += &format!("keep     {path} ({why})\n");
        }
        ui.data(out.as_bytes())?;
        ui.talk("nothing was done; drain the node, then run it with --yes");
        return Ok(());
    }
    let _lock = target.lock(args.place.wait)?;
    target.recover(ui, false)?;
    let plan = deliver::uninstall(&target.disk, options)?;
    if plan.is_empty() && plan.kept.is_empty() {
        ui.talk("nothing is installed; nothing was changed");
        return Ok(());
    }
    target.units(ui, "--off")?;
    target.execute(ui, &plan, &mut Nothing)?;
    target.end_uninstall(ui)?;
    for (path, why) in &plan.kept {
        ui.talk(&format!("kept {path}: {why}"));
    }
    ui.talk("uninstalled");
    if plan.kept.is_empty() {
        Ok(())
    } else {
        Err(Failure::Findings)
    }
}
