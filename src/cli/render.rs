//! `nodebake render`

use std::path::PathBuf;

use super::{Common, Failure, Outcome, Ui, load};
use crate::edge::fs;
use crate::review;

/// Write the plain files of a node into a folder, by plane: node/ is the
/// machine's root, cluster/ and aws/ are for kubectl and the AWS CLI.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// The folder; a fleet gets one folder a node in it
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let is_fleet = loaded.is_fleet;
    let (built, findings) = loaded.build(|_| Ok(()));
    load::settle(ui, &findings, &args.common)?;
    for (node, ()) in built.ok_or(Failure::Findings)? {
        let folder = if is_fleet {
            args.output.join(&node.plan.spec.name.value)
        } else {
            args.output.clone()
        };
        let tree = node.verified.tree();
        for entry in tree.iter() {
            fs::write_atomically(
                &folder.join(entry.tree_path()),
                entry.text.as_bytes(),
                entry.mode.bits(),
            )?;
        }
        fs::write_atomically(&folder.join("MANIFEST"), review::manifest(tree).as_bytes(), 0o644)?;
        ui.talk(&format!("wrote {} files to {}", tree.len(), folder.display()));
    }
    Ok(())
}
