//! `nodebake proxy delete`

use super::words::DeleteArgs;
use super::{Failure, Outcome, Ui};
use crate::cli::aws::Waiting;
use crate::cli::consent::consent;
use crate::cloud::proxy::{Desk, decide_delete, delete, leftovers};
use crate::edge::clock::System;

pub(super) fn run(ui: &Ui, args: &DeleteArgs) -> Outcome {
    let session = args.aws.open(None)?;
    let calls = session.instances();
    let waiting = Waiting::new();
    let told = |line: &str| waiting.told(line);
    let desk = Desk {
        ec2: &calls,
        clock: &System,
        told: &told,
    };
    let left = leftovers(&desk, &args.name).map_err(Failure::Cloud)?;
    let plan = decide_delete(&left, args.keep_address);
    if !consent(ui, &plan, args.yes)? {
        return Ok(());
    }
    delete(&desk, &left, args.keep_address).map_err(Failure::Cloud)?;
    ui.talk(&format!("nothing is left of proxy {}", args.name));
    Ok(())
}
