//! `nodebake report`

use std::path::{Path, PathBuf};

use super::{Common, Failure, Outcome, Ui, load};
use crate::bake::{self, Artifact, Packer};
use crate::edge::fs;
use crate::review::page::{self, BudgetPart, BudgetView, NodeView, Page, Paths, Texts};

/// Write one HTML page about a node or a fleet: sizes, user-data, boot order,
/// every file with where it comes from, findings. It opens without a network.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// The file to write, stdout if left out
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
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
    let (packer, texts) = (Packer::default(), Texts::default());
    let (nodes, findings) = loaded.build_with(|built, catalog| {
        let tree = built.verified.tree();
        let user_data = user_data(bake::user_data(&built.plan, &built.verified, &packer)?);
        let (plan, report) = (&built.plan, &built.warnings);
        Ok(NodeView::new(plan, tree, catalog, report, user_data, &texts, &paths))
    });
    load::settle(ui, &findings, &args.common)?;
    let nodes = nodes.ok_or(Failure::Findings)?;
    let source = args.node.file_name().unwrap_or_default().to_string_lossy();
    let html = page::html(&Page::new(&name, &source, is_fleet, &nodes))?;
    let Some(output) = &args.output else {
        return Ok(ui.data(html.as_bytes())?);
    };
    fs::write_atomically(output, html.as_bytes(), 0o644)?;
    ui.talk(&format!("wrote {} ({} bytes)", output.display(), html.len()));
    Ok(())
}

fn user_data(artifact: Artifact) -> BudgetView {
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
