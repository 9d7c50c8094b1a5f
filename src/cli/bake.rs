//! `nodebake bake`

use std::path::{Path, PathBuf};

use super::{Common, Failure, Outcome, Ui, bundle, load};
use crate::bake::{Artifact, Format, Packer};
use crate::edge::fs;
use crate::pipeline::Built;

/// Bake a node, or every node of a fleet.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// What to make; `nodebake catalog formats` lists them
    #[arg(long, default_value = "cloud-init", value_name = "FORMAT", value_parser = format)]
    format: Format,
    /// The file to write, stdout if left out; for a fleet the folder, in which
    /// each node gets NAME.yaml, or NAME.img. A tarball holds the whole fleet,
    /// and is packed with zstd if its name ends with .zst
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    #[command(flatten)]
    bundle: bundle::BundleArgs,
    #[command(flatten)]
    common: Common,
}

fn format(word: &str) -> Result<Format, String> {
    let known = Format::ALL.iter().find(|(name, ..)| *name == word);
    known.map(|(_, format, _)| *format).ok_or_else(|| {
        let words: Vec<&str> = Format::ALL.iter().map(|(name, ..)| *name).collect();
        format!("there are {}", words.join(", "))
    })
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let Some(one) = args.format.one() else {
        return bundle::run(
            ui,
            loaded,
            &args.node,
            args.output.as_deref(),
            &args.bundle,
            &args.common,
        );
    };
    args.bundle.refuse_unless_tarball()?;
    let is_fleet = loaded.is_fleet;
    if is_fleet && args.output.is_none() {
        return Err(Failure::Usage(
            "a fleet is baked into a folder: give one with -o".into(),
        ));
    }
    let packer = Packer::default();
    let (baked, findings) = loaded.build(|built| one(&built.plan, &built.verified, &packer));
    load::settle(ui, &findings, &args.common)?;
    // All nodes are baked before the first one is written.
    let baked = baked.ok_or(Failure::Findings)?;
    if let Some(folder) = args.output.as_ref().filter(|_| is_fleet) {
        return write_fleet(ui, folder, &baked);
    }
    for (built, artifact) in &baked {
        let name = &built.plan.spec.name.value;
        match &args.output {
            Some(path) => {
                fs::write_atomically(path, &artifact.bytes, 0o644)?;
                say(ui, &path.display().to_string(), built, artifact);
            }
            None if ui.data_is_seen && artifact.ending != "yaml" => {
                return Err(Failure::Usage(
                    "this is no text for a terminal: give a file with -o".into(),
                ));
            }
            None => {
                ui.data(&artifact.bytes)?;
                say(ui, name, built, artifact);
            }
        }
    }
    Ok(())
}

/// Every node's file. On all CPUs: each waits for the disk, and the waits overlap.
fn write_fleet(ui: &Ui, folder: &Path, baked: &[(Built, Artifact)]) -> Outcome {
    let path = |(built, artifact): &(Built, Artifact)| {
        folder.join(format!("{}.{}", built.plan.spec.name.value, artifact.ending))
    };
    let write = |node: &(Built, Artifact)| fs::write_atomically(&path(node), &node.1.bytes, 0o644);
    for (node, written) in baked.iter().zip(load::on_all_cpus(baked.iter().collect(), &write)) {
        written?;
        say(ui, &path(node).display().to_string(), &node.0, &node.1);
    }
    Ok(())
}

fn say(ui: &Ui, what: &str, built: &Built, artifact: &Artifact) {
    let budget = &artifact.budget;
    let kind = if artifact.gzipped { ", gzip" } else { "" };
    let limit = if budget.max.is_none() || built.plan.provider.verified {
        ""
    } else {
        " (limit not measured)"
    };
    ui.talk(&format!("{what}: {budget}{limit}{kind}, sha256 {}", artifact.sha256));
    if budget.is_tight() {
        ui.talk(&format!(
            "  little is left; the largest parts are {}",
            budget.biggest(5)
        ));
    }
}
