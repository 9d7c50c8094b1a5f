//! `nodebake render`

use std::path::{Path, PathBuf};

use super::{Common, Failure, Outcome, Ui, goldens, load};
use crate::bake::Packer;
use crate::edge::fs;
use crate::review::{self, Golden, Leftovers, MANIFEST};

/// Write the plain files of a node into a folder, by plane: node/ is the
/// machine's root, cluster/ and aws/ are for kubectl and the AWS CLI.
///
/// Files that an earlier render wrote there and that are made no more are
/// removed; files of others are left alone.
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
    let packer = Packer::default();
    let (built, findings) = loaded.build(|built| {
        let user_data = goldens::user_data(&built, &packer);
        Ok((built, user_data))
    });
    load::settle(ui, &findings, &args.common)?;
    let built = built.ok_or(Failure::Findings)?;
    let mut work: Vec<(PathBuf, Golden<'_>, Leftovers)> = Vec::new();
    // Every folder is looked at before the first one is touched.
    for (node, user_data) in &built {
        let folder = goldens::folder(&args.output, &node.plan.spec.name.value, is_fleet);
        let golden = Golden::new(node.verified.tree(), user_data.clone());
        let left = look(&folder, &golden)?;
        work.push((folder, golden, left));
    }
    for (folder, golden, left) in &work {
        write(folder, golden, left)?;
        ui.talk(&format!("wrote {} files to {}", golden.tree().len(), folder.display()));
        tell(ui, left);
    }
    if is_fleet {
        for name in fs::marked_folders(&args.output, MANIFEST)? {
            if built.iter().all(|(node, _)| node.plan.spec.name.value != name) {
                let folder = args.output.join(name);
                ui.talk(&format!("{} is of no node of this fleet: left alone", folder.display()));
            }
        }
    }
    Ok(())
}

/// What lies in a folder already. Refuses if something stands in the way.
fn look(folder: &Path, golden: &Golden<'_>) -> Result<Leftovers, Failure> {
    let Some(found) = goldens::read(folder)? else {
        return Ok(Leftovers::default());
    };
    let left = review::leftovers(golden, &found);
    if left.in_the_way.is_empty() {
        return Ok(left);
    }
    Err(Failure::Usage(format!(
        "{}: {}; nothing is written",
        folder.display(),
        few(&left.in_the_way)
    )))
}

/// The MANIFEST comes last: whatever interrupts this, the next run finds all that is nodebake's listed in it.
fn write(folder: &Path, golden: &Golden<'_>, left: &Leftovers) -> Result<(), fs::FsError> {
    for stale in &left.stale {
        let path = folder.join(stale);
        fs::remove(&path)?;
        if let Some(parent) = path.parent() {
            fs::remove_empty(folder, parent);
        }
    }
    for entry in golden.tree().iter() {
        let path = folder.join(entry.tree_path());
        fs::remove_empty(folder, &path);
        fs::write_atomically(&path, entry.text.as_bytes(), entry.mode.bits())?;
    }
    fs::write_atomically(&folder.join(MANIFEST), golden.manifest().as_bytes(), 0o644)
}

fn tell(ui: &Ui, left: &Leftovers) {
    if let Some(line) = left.damage {
        ui.talk(&format!(
            "  its MANIFEST was damaged at line {line}; files it no longer told of are taken for foreign"
        ));
    }
    for (what, files) in [
        ("removed, made no more", &left.stale),
        ("left alone, made no more but changed by hand", &left.edited),
        ("left alone, not nodebake's", &left.foreign),
    ] {
        if !files.is_empty() {
            ui.talk(&format!("  {what}: {}", few(files)));
        }
    }
}

/// The first of a list, and how many more there are.
fn few(list: &[String]) -> String {
    let shown = list
        .iter()
        .take(5)
        .map(|name| review::visible(name))
        .collect::<Vec<_>>()
        .join(", ");
    match list.len().saturating_sub(5) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
