//! `nodebake report`

use std::path::{Path, PathBuf};

use super::{Common, Failure, Outcome, Ui, goldens, load};
use crate::bake::{self, Artifact, Packer};
use crate::catalog::Catalog;
use crate::edge::fs::{self, FsError};
use crate::pipeline::Built;
use crate::review::page::{self, BudgetPart, BudgetView, NodeView, Page, Paths, Texts};
use crate::review::{self, Change, Golden, Impacts, MANIFEST, NodeDiff, UserData};

/// Write one HTML page about a node or a fleet: sizes, user-data, boot order,
/// every file with where it comes from, findings. It opens without a network.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// The file to write, stdout if left out
    #[arg(short, long, value_name = "PATH", value_parser = super::to_write())]
    output: Option<PathBuf>,
    /// Show what differs from this folder, which `nodebake render` wrote
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    if args.output.is_none() && ui.data_is_seen {
        return Err(Failure::Usage("a page is for a browser: give a file with -o".into()));
    }
    let loaded = load::open(ui, &args.node, &args.common)?;
    let (is_fleet, name) = (loaded.is_fleet, loaded.name.clone());
    let name_of = |path: &Path| path.display().to_string();
    let paths = Paths {
        folder: args.node.parent().map(name_of).unwrap_or_default(),
        catalog: args.common.catalog.as_deref().map(name_of),
    };
    let impacts = goldens::impacts(ui, &loaded.catalog, &args.common)?;
    let (packer, texts) = (Packer::default(), Texts::default());
    let (nodes, findings) = loaded.build_with(|built, catalog| {
        let artifact = bake::user_data(&built.plan, &built.verified, &packer)?;
        let compare = |dir: &PathBuf| compare(&built, catalog, &artifact, &impacts, dir, is_fleet);
        let diff = args.against.as_ref().map(compare).transpose();
        let (plan, report, tree) = (&built.plan, &built.warnings, built.verified.tree());
        let view = NodeView::new(plan, tree, catalog, report, budget(artifact), &texts, &paths);
        Ok(diff.map(|diff| (view, diff)))
    });
    load::settle(ui, &findings, &args.common)?;
    let nodes: Result<Vec<_>, FsError> = nodes.ok_or(Failure::Findings)?.into_iter().collect();
    let (views, diffs): (Vec<NodeView>, Vec<Option<NodeDiff>>) = nodes?.into_iter().unzip();
    let last = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut page = Page::new(&name, &last(&args.node), is_fleet, &views);
    if let Some(dir) = &args.against {
        let diffs = with_gone(dir, diffs.into_iter().flatten().collect(), is_fleet)?;
        page = page.against(&last(dir), &diffs, &paths);
    }
    let html = page::html(&page)?;
    let Some(output) = &args.output else {
        return Ok(ui.data(html.as_bytes())?);
    };
    fs::write_atomically(output, html.as_bytes(), 0o644)?;
    ui.talk(&format!("wrote {} ({} bytes)", output.display(), html.len()));
    Ok(())
}

/// A node beside its folder in `dir`.
fn compare(
    built: &Built,
    catalog: &Catalog,
    artifact: &Artifact,
    impacts: &Impacts,
    dir: &Path,
    is_fleet: bool,
) -> Result<NodeDiff, FsError> {
    let folder = goldens::folder(dir, &built.plan.spec.name.value, is_fleet);
    let found = goldens::read(&folder)?;
    let user_data = UserData {
        bytes: artifact.bytes.len(),
        gzipped: artifact.gzipped,
        sha256: artifact.sha256,
    };
    let golden = Golden::new(built.verified.tree(), Some(user_data));
    let shown = folder.display().to_string();
    let found = (shown.as_str(), found.as_ref());
    Ok(review::compare_node(&golden, found, &built.plan, catalog, impacts))
}

/// The differences, with the nodes that are in `dir` alone.
fn with_gone(dir: &Path, mut nodes: Vec<NodeDiff>, is_fleet: bool) -> Result<Vec<NodeDiff>, Failure> {
    if !fs::exists(dir) {
        return Err(Failure::World(anyhow::anyhow!(
            "{} is not there: `nodebake render` writes it",
            dir.display()
        )));
    }
    if is_fleet {
        for name in fs::marked_folders(dir, MANIFEST)? {
            if nodes.iter().all(|node| node.name != name) {
                nodes.push(NodeDiff::whole(name, Change::Removed));
            }
        }
    }
    Ok(nodes)
}

fn budget(artifact: Artifact) -> BudgetView {
    let budget = artifact.budget;
    let part = |share: bake::Share| BudgetPart {
        path: share.path,
        bytes: share.bytes,
        encoding: share.encoding,
    };
    BudgetView {
        taker: budget.taker,
        used: budget.used,
        max: budget.max,
        gzipped: artifact.gzipped,
        parts: budget.shares.into_iter().map(part).collect(),
    }
}
