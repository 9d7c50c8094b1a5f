//! `nodebake bake`

use std::path::{Path, PathBuf};

use super::{Common, Failure, Outcome, Ui, bootstrap, bundle, load};
use crate::bake::{self, Artifact, Format, Packer};
use crate::edge::fs;
use crate::pipeline::Built;
use crate::tree::FileTree;

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
    tarball: bundle::BundleArgs,
    #[command(flatten)]
    bootstrap: bootstrap::BootstrapArgs,
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
    let published = args.bootstrap.published(ui, args.format)?;
    let loaded = load::open(ui, &args.node, &args.common)?;
    let Some(one) = args.format.one() else {
        return bundle::run(
            ui,
            loaded,
            &args.node,
            args.output.as_deref(),
            &args.tarball,
            &args.common,
        );
    };
    args.tarball.refuse_unless_tarball()?;
    let is_fleet = loaded.is_fleet;
    if is_fleet && args.output.is_none() {
        return Err(Failure::Usage(
            "a fleet is baked into a folder: give one with -o".into(),
        ));
    }
    let packer = Packer::default();
    let warm = |tree: &FileTree| packer.warm(tree);
    let carries = args.format == Format::CloudInit && published.is_none();
    let beside = carries.then_some(&warm as &(dyn Fn(&FileTree) + Sync));
    let (baked, findings) = loaded.build_beside(beside, |built| {
        let artifact = match &published {
            Some(bundle) => bake::bootstrap(&built.plan, &built.verified, bundle, &packer)?,
            None => one(&built.plan, &built.verified, &packer)?,
        };
        Ok(Baked::of(&built, artifact))
    });
    load::settle(ui, &findings, &args.common)?;
    // All nodes are baked before the first one is written.
    let baked = baked.ok_or(Failure::Findings)?;
    if let Some(folder) = args.output.as_ref().filter(|_| is_fleet) {
        return write_fleet(ui, folder, &baked);
    }
    for node in &baked {
        match &args.output {
            Some(path) => {
                fs::write_atomically(path, &node.artifact.bytes, 0o644)?;
                say(ui, &path.display().to_string(), node);
            }
            None if ui.data_is_seen && node.artifact.ending != "yaml" => {
                return Err(Failure::Usage(
                    "this is no text for a terminal: give a file with -o".into(),
                ));
            }
            None => {
                ui.data(&node.artifact.bytes)?;
                say(ui, &node.name, node);
            }
        }
    }
    Ok(())
}

/// What is told and written of a node.
struct Baked {
    name: String,
    artifact: Artifact,
    /// Whether somebody measured what the provider takes.
    is_limit_measured: bool,
}

impl Baked {
    fn of(built: &Built, artifact: Artifact) -> Self {
        Self {
            artifact,
            name: built.plan.spec.name.value.clone(),
            is_limit_measured: built.plan.provider.verified,
        }
    }
}

/// Files on their way to the disk at once. Writing is mostly waiting for it, and it takes many at a time.
const WRITERS: usize = 8;

/// Every node's file.
fn write_fleet(ui: &Ui, folder: &Path, baked: &[Baked]) -> Outcome {
    let path = |node: &Baked| folder.join(format!("{}.{}", node.name, node.artifact.ending));
    let write = |node: &Baked| fs::replace(&path(node), &node.artifact.bytes, 0o644);
    fs::make_folder(folder)?;
    let written = load::on_threads(WRITERS, baked.iter().collect(), &write);
    written.into_iter().collect::<Result<(), _>>()?;
    fs::settle(folder)?;
    for node in baked {
        say(ui, &path(node).display().to_string(), node);
    }
    Ok(())
}

fn say(ui: &Ui, what: &str, node: &Baked) {
    let budget = &node.artifact.budget;
    let kind = if node.artifact.gzipped { ", gzip" } else { "" };
    let limit = if budget.max.is_none() || node.is_limit_measured {
        ""
    } else {
        " (limit not measured)"
    };
    let sha256 = node.artifact.sha256;
    ui.talk(&format!("{what}: {budget}{limit}{kind}, sha256 {sha256}"));
    if budget.is_tight() {
        ui.talk(&format!(
            "  little is left; the largest parts are {}",
            budget.biggest(5)
        ));
    }
}
