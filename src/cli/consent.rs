//! A plan, and the yes to it.

use std::io::{self, BufRead, IsTerminal, Write};

use super::{Failure, Ui};
use crate::cloud::Plan;

/// Shows the plan and asks, unless `yes` was said beforehand. True if it shall be carried out; a plan with nothing to do
/// is not asked about. Without a terminal to ask on, the yes must be in the command.
pub(super) fn consent(ui: &Ui, plan: &Plan, yes: bool) -> Result<bool, Failure> {
    ui.talk(plan.to_string().trim_end());
    if plan.is_done() {
        ui.talk("nothing to do");
        return Ok(false);
    }
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "nothing was done: nobody can be asked here, say --yes to carry out the plan".into(),
        ));
    }
    let _ = io::stderr().lock().write_all(b"Carry this out? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let agreed = matches!(answer.trim(), "y" | "Y" | "yes");
    if !agreed {
        ui.talk("nothing was done");
    }
    Ok(agreed)
}
