//! `nodebake diff`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Common, Failure, Outcome, Ui, load};
use crate::base::{MAX_SOURCE_BYTES, OnDisk};
use crate::edge::fs;
use crate::review::{self, Change, FileDiff, MANIFEST};
use crate::tree::FileTree;

/// Compare what a node renders now with a folder that `nodebake render` wrote.
/// Lines with - are the folder's, lines with + are rendered now. Ends with 0
/// if both are the same, with 1 if not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// The folder; of a fleet the one with a folder a node in it
    dir: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// How the folder of one node differs.
#[derive(Debug, Serialize)]
struct NodeDiff {
    name: String,
    /// None: the folder is there and has the same files.
    change: Option<Change>,
    files: Vec<FileDiff>,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let is_fleet = loaded.is_fleet;
    let (built, findings) = loaded.build(Ok);
    load::settle(ui, &findings, &args.common)?;
    let built = built.ok_or(Failure::Findings)?;
    let again = format!("nodebake render {} -o {}", args.node.display(), args.dir.display());
    if !fs::exists(&args.dir) {
        let missing = anyhow::anyhow!("{} is not there: `{again}` writes it", args.dir.display());
        return Err(Failure::World(missing));
    }
    let mut nodes = Vec::new();
    for node in &built {
        let name = node.plan.spec.name.value.clone();
        let folder = if is_fleet {
            args.dir.join(&name)
        } else {
            args.dir.clone()
        };
        nodes.push(compare(name, &folder, node.verified.tree(), is_fleet)?);
    }
    if is_fleet {
        for name in fs::marked_folders(&args.dir, MANIFEST)? {
            if nodes.iter().all(|node| node.name != name) {
                nodes.push(NodeDiff {
                    name,
                    change: Some(Change::Removed),
                    files: Vec::new(),
                });
            }
        }
    }
    if args.json {
        ui.data((serde_json::to_string_pretty(&nodes)? + "\n").as_bytes())?;
    } else {
        let text: String = nodes.iter().map(|node| shown(node, is_fleet)).collect();
        ui.data(coloured(&text, ui.data_colour).as_bytes())?;
    }
    if nodes.iter().all(|node| node.change.is_none()) {
        ui.talk(&format!(
            "{} holds what {} renders",
            args.dir.display(),
            args.node.display()
        ));
        return Ok(());
    }
    let count = |change: Change| {
        let files = nodes.iter().flat_map(|node| &node.files);
        files.filter(|file| file.change == change).count()
    };
    ui.talk(&format!(
        "{} differs from what {} renders: {} added, {} changed, {} removed\n  `{again}` brings it up to date",
        args.dir.display(),
        args.node.display(),
        count(Change::Added),
        count(Change::Changed),
        count(Change::Removed)
    ));
    Err(Failure::Findings)
}

fn compare(name: String, folder: &Path, tree: &FileTree, is_fleet: bool) -> Result<NodeDiff, Failure> {
    let is_there = fs::exists(folder);
    let found: BTreeMap<String, OnDisk> = if is_there {
        fs::read_tree(folder, &review::roots(), MAX_SOURCE_BYTES as u64)?
    } else {
        BTreeMap::new()
    };
    if found.is_empty() && !is_fleet {
        return Err(Failure::Usage(format!(
            "{} is no folder that `nodebake render` wrote: it has neither MANIFEST nor files of a node",
            folder.display()
        )));
    }
    let files = review::diff(tree, &found);
    let change = match files.is_empty() {
        true => None,
        false if is_there => Some(Change::Changed),
        false => Some(Change::Added),
    };
    Ok(NodeDiff { name, change, files })
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

/// One node's differences for people. Of a node that is new or gone only that is said.
fn shown(node: &NodeDiff, is_fleet: bool) -> String {
    match node.change {
        Some(Change::Added) => return format!("added {}: a node without a folder\n", node.name),
        Some(Change::Removed) => return format!("removed {}: a folder without a node\n", node.name),
        _ => {}
    }
    let mut text = String::new();
    for file in &node.files {
        let mut notes = Vec::new();
        notes.extend(
            file.mode
                .map(|mode| format!("mode {} to {}", mode.folder, mode.rendered)),
        );
        notes.extend(file.notes.iter().cloned());
        let notes = if notes.is_empty() {
            String::new()
        } else {
            format!(" ({})", notes.join("; "))
        };
        let folder = if is_fleet {
            format!("{}/", node.name)
        } else {
            String::new()
        };
        text.push_str(&format!(
            "{} {folder}{}{notes}\n{}",
            word(file.change),
            review::visible(&file.path),
            file.diff
        ));
    }
    text
}

fn coloured(text: &str, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let one = |line: &str| {
        let code = match line.as_bytes().first() {
            Some(b'+') => "32",
            Some(b'-') => "31",
            Some(b'@') => "36",
            Some(b' ' | b'\\') | None => return format!("{line}\n"),
            _ => "1",
        };
        format!("\x1b[{code}m{line}\x1b[0m\n")
    };
    text.lines().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals() {
        let text = "changed x\n@@ -1 +1 @@\n-a\n+b\n c\n";
        assert_eq!(coloured(text, false), text);
        assert_eq!(
            coloured(text, true),
            "\x1b[1mchanged x\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n\x1b[31m-a\x1b[0m\n\x1b[32m+b\x1b[0m\n c\n"
        );
    }
}
