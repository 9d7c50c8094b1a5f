//! `nodebake plugin run`

use std::path::{Path, PathBuf};

use super::super::load::Inputs;
use super::super::plugins::Plugins;
use super::super::{Failure, Outcome, Ui, report};
use super::Of;
use crate::base::Report;
use crate::edge::fs;
use crate::plugin::{Host, Op, Request, judge, trouble};

/// Run one plugin of a node once, as nodebake runs it, and print its reply.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    of: Of,
    /// Its name
    name: String,
    /// A file with the request; if left out the plugin is asked who it is
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let uses = args.of.uses(ui)?;
    let Some(one) = uses.iter().find(|one| one.name.value == args.name) else {
        let node = args.of.node.display();
        return Err(Failure::Usage(format!("{node} names no plugin `{}`", args.name)));
    };
    let tell = |failed: Report| {
        report::print(ui, &failed, false);
        Failure::Findings
    };
    let (op, request) = match &args.request {
        None => (Op::Describe, serde_json::to_vec(&Request::describe())?),
        Some(path) => (Op::Run, request(path)?),
    };
    let plugins =
        Plugins::ready(std::slice::from_ref(one), &args.of.node, &args.of.plugins, Inputs::Disk).map_err(tell)?;
    let Some((plugins, pin)) = plugins.as_ref().and_then(|plugins| {
        let pin = plugins.runner.pin(one.kind, &one.name.value)?;
        Some((plugins, pin))
    }) else {
        return Err(Failure::Findings);
    };
    let ended = plugins.runner.run(pin, &request, None);
    plugins.tell(ui);
    let reply = judge(pin, op, &ended).map_err(|why| tell(trouble(one, &why).into()))?;
    ui.json(&reply)?;
    Ok(())
}

fn request(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(fs::read_bytes(path)?)
}
