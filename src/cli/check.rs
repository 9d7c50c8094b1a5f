//! `nodebake check`

use std::path::PathBuf;

use super::{Common, Failure, Loaded, Outcome, Ui, load, report};
use crate::bake;

/// Check a node.yaml, the cluster's facts and every file they make. All
/// findings are shown at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// Findings as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let policy = args.common.policy()?;
    let (loaded, mut findings) = Loaded::read(&args.node, &args.common, policy);
    let mut count = 0;
    if let Some(loaded) = loaded {
        count = loaded.nodes.len();
        let packer = bake::Packer::default();
        let (_, found) = loaded.build(|built| bake::user_data(&built.plan, &built.verified, &packer).map(|_| ()));
        findings.extend(found);
    }
    if args.json {
        ui.data(report::json(&findings)?.as_bytes())?;
        return if findings.has_errors() {
            Err(Failure::Findings)
        } else {
            Ok(())
        };
    }
    load::settle(ui, &findings, &args.common)?;
    ui.talk(&format!(
        "{} is fine: {count} node{}",
        args.node.display(),
        if count == 1 { "" } else { "s" }
    ));
    Ok(())
}
