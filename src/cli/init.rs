//! `nodebake init`

use std::path::PathBuf;

use super::{Failure, Outcome, Ui};
use crate::edge::fs;
use crate::spec::{CLUSTER_YAML, NODE_YAML};

/// Write a commented node.yaml and cluster.yaml. They bake as they are; no
/// existing file is touched.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to write them
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let files = [("node.yaml", NODE_YAML), ("cluster.yaml", CLUSTER_YAML)];
    for (name, _) in files {
        let path = args.dir.join(name);
        if fs::exists(&path) {
            return Err(Failure::Usage(format!(
                "{} is there already; nothing is written",
                path.display()
            )));
        }
    }
    for (name, text) in files {
        let path = args.dir.join(name);
        fs::write_atomically(&path, text.as_bytes(), 0o644)?;
        ui.talk(&format!("wrote {}", path.display()));
    }
    ui.talk(&format!(
        "next: nodebake check {}",
        args.dir.join("node.yaml").display()
    ));
    Ok(())
}
