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
    let (count, findings) = match Loaded::read(&args.node, args.common.catalog.as_deref(), policy) {
        Ok(loaded) => {
            let count = loaded.nodes.len();
            let packer = bake::Packer::default();
            (
                count,
                loaded
                    .build(|built| bake::user_data(&built.plan, &built.verified, &packer).map(|_| ()))
                    .1,
            )
        }
        Err(failed) => (0, failed),
    };
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
