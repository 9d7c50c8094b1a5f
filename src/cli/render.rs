//! `nodebake render`

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Common, Failure, Loaded, Outcome, Ui, goldens, load};
use crate::bake::Packer;
use crate::base::{Mode, OnDisk, Report};
use crate::edge::fs;
use crate::review::{self, Asked, Golden, Leftovers, MANIFEST};
use crate::tree::FileTree;

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

/// What is written of what is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    /// Every file, with its mode.
    All,
    /// Files that are not there as they are rendered; the others keep their time. A node's new name is refused unless it
    /// is allowed.
    Changes {
        /// Whether it is.
        allow_new_name: bool,
    },
}

/// So many nodes are written at once: each file is flushed to the disk, which is waiting more than work.
const WRITERS: usize = 8;

/// One node on its way to its folder.
struct Work<'t> {
    folder: PathBuf,
    golden: Golden<'t>,
    found: Option<BTreeMap<String, OnDisk>>,
    left: Leftovers,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    write_all(ui, loaded, &args.output, Only::All, &args.common)
}

/// Renders every node into its folder in `output`.
pub(super) fn write_all(ui: &Ui, loaded: Loaded, output: &Path, only: Only, common: &Common) -> Outcome {
    let is_fleet = loaded.is_fleet;
    let impacts = goldens::impacts(ui, &loaded.catalog, common)?;
    let packer = Packer::default();
    let (built, findings) = loaded.build_with(|built, catalog| {
        let user_data = goldens::user_data(&built, &packer);
        let folder = goldens::folder(output, &built.plan.spec.name.value, is_fleet);
        let found = goldens::read(&folder);
        let mut report = Report::new();
        if let (Only::Changes { allow_new_name: false }, Ok(Some(found))) = (only, &found) {
            let golden = Golden::new(built.verified.tree(), user_data.clone());
            let shown = folder.display().to_string();
            let node = review::compare_node(&golden, (&shown, Some(found)), &built.plan, catalog, &impacts);
            let asked = Asked {
                again: "nodebake golden update --allow-new-name",
                allow_new_name: false,
            };
            let findings = review::findings(&[node], asked).into_iter();
            report.extend(findings.filter(|finding| finding.id == "golden/new-name"));
        }
        if report.has_errors() {
            return Err(report);
        }
        Ok((built, user_data, folder, found))
    });
    load::settle(ui, &findings, common)?;
    let mut built = built.ok_or(Failure::Findings)?;
    let mut work: Vec<Work<'_>> = Vec::new();
    // Every folder is looked at before the first one is touched.
    for (node, user_data, folder, found) in &mut built {
        let golden = Golden::new(node.verified.tree(), user_data.take());
        let found = std::mem::replace(found, Ok(None))?;
        let left = look(folder, found.as_ref(), &golden)?;
        work.push(Work {
            folder: folder.clone(),
            golden,
            found,
            left,
        });
    }
    let mut touched = 0;
    let written = load::on_threads(WRITERS, work.iter().collect(), &|one| write(one, only));
    for (one, written) in work.iter().zip(written) {
        let written = written?;
        let folder = one.folder.display();
        match only {
            Only::All => ui.talk(&format!("wrote {} files to {folder}", one.golden.tree().len())),
            Only::Changes { .. } if written > 0 || !one.left.stale.is_empty() => {
                ui.talk(&format!(
                    "{folder}: {written} written, {} removed",
                    one.left.stale.len()
                ));
            }
            Only::Changes { .. } => {}
        }
        touched += usize::from(written > 0 || !one.left.stale.is_empty());
        tell(ui, &one.left);
    }
    if is_fleet {
        let names: BTreeSet<PathBuf> = work.iter().map(|one| one.folder.clone()).collect();
        for name in fs::marked_folders(output, MANIFEST)? {
            let folder = output.join(name);
            if names.contains(&folder) {
                continue;
            }
            if only == Only::All {
                ui.talk(&format!("{} is of no node of this fleet: left alone", folder.display()));
            } else {
                touched += 1;
                remove_node(ui, &folder)?;
            }
        }
    }
    if only != Only::All && touched == 0 {
        ui.talk(&format!("{} is up to date: nothing is written", output.display()));
    }
    Ok(())
}

/// Takes the goldens of a node that is gone out of its folder: what is pinned there and untouched.
fn remove_node(ui: &Ui, folder: &Path) -> Result<(), Failure> {
    let found = goldens::read(folder)?.unwrap_or_default();
    let nothing = FileTree::default();
    let left = review::leftovers(&Golden::new(&nothing, None), &found);
    for stale in left.stale.iter().map(String::as_str).chain([MANIFEST]) {
        take_away(folder, stale)?;
    }
    // The folder itself, if nothing of others is in it.
    if let Some(parent) = folder.parent() {
        fs::remove_empty(parent, folder);
    }
    ui.talk(&format!(
        "{} is of no node of this fleet: {} removed",
        folder.display(),
        left.stale.len() + 1
    ));
    tell(ui, &left);
    Ok(())
}

fn take_away(folder: &Path, file: &str) -> Result<(), fs::FsError> {
    let path = folder.join(file);
    fs::remove(&path)?;
    if let Some(parent) = path.parent() {
        fs::remove_empty(folder, parent);
    }
    Ok(())
}

/// What lies in a folder already. Refuses if something stands in the way.
fn look(folder: &Path, found: Option<&BTreeMap<String, OnDisk>>, golden: &Golden<'_>) -> Result<Leftovers, Failure> {
    let Some(found) = found else {
        return Ok(Leftovers::default());
    };
    let left = review::leftovers(golden, found);
    if left.in_the_way.is_empty() {
        return Ok(left);
    }
    Err(Failure::Usage(format!(
        "{}: {}; nothing is written",
        folder.display(),
        few(&left.in_the_way)
    )))
}

/// The MANIFEST comes last: whatever interrupts this, the next run finds all that is nodebake's listed in it. Gives how
/// many files were written.
fn write(one: &Work<'_>, only: Only) -> Result<usize, fs::FsError> {
    let Work {
        folder,
        golden,
        found,
        left,
    } = one;
    for stale in &left.stale {
        take_away(folder, stale)?;
    }
    let mut written = 0;
    for path in golden.paths() {
        let (Some(text), mode) = (
            golden.text(path),
            golden.entry(path).map_or(Mode::PUBLIC, |entry| entry.mode),
        ) else {
            continue;
        };
        let there = found.as_ref().and_then(|found| found.get(path));
        let same = matches!(there, Some(OnDisk::File { bytes, executable })
            if bytes == text.as_bytes() && *executable == mode.is_executable());
        if only != Only::All && same {
            continue;
        }
        let target = folder.join(path);
        fs::remove_empty(folder, &target);
        if matches!(there, Some(OnDisk::Link | OnDisk::Special)) {
            // A golden takes its place; whoever writes through a link or into a pipe writes elsewhere, or waits for ever.
            fs::remove(&target)?;
        }
        fs::write_atomically(&target, text.as_bytes(), mode.bits())?;
        written += 1;
    }
    Ok(written)
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
