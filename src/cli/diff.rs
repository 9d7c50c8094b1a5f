//! `nodebake diff`

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Common, Failure, Loaded, Outcome, Ui, goldens, load, report};
use crate::bake::Packer;
use crate::edge::fs;
use crate::review::{self, Change, Golden, Impacts, MANIFEST, NodeDiff};

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

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let is_fleet = loaded.is_fleet;
    let mut nodes = compare(ui, loaded, args)?;
    if is_fleet {
        for name in fs::marked_folders(&args.dir, MANIFEST)? {
            if nodes.iter().all(|node| node.name != name) {
                nodes.push(NodeDiff::whole(name, Change::Removed));
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
        "{} differs from what {} renders: {} added, {} changed, {} removed\n  `{}` brings it up to date",
        args.dir.display(),
        args.node.display(),
        count(Change::Added),
        count(Change::Changed),
        count(Change::Removed),
        again(args)
    ));
    Err(Failure::Findings)
}

/// Every node beside its folder, on all CPUs.
fn compare(ui: &Ui, loaded: Loaded, args: &Args) -> Result<Vec<NodeDiff>, Failure> {
    let is_fleet = loaded.is_fleet;
    let impacts = Impacts::read(&loaded.catalog).map_err(|failed| {
        report::print(ui, &failed, args.common.short);
        Failure::Findings
    })?;
    let packer = Packer::default();
    let (compared, findings) = loaded.build_with(|built, catalog| {
        let name = built.plan.spec.name.value.clone();
        let folder = goldens::folder(&args.dir, &name, is_fleet);
        let found = match goldens::read(&folder) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let golden = Golden::new(built.verified.tree(), goldens::user_data(&built, &packer));
        let is_none = found.as_ref().is_some_and(BTreeMap::is_empty);
        let node = review::compare_node(name, &golden, found.as_ref(), &built.plan, catalog, &impacts);
        Ok(Ok((node, folder, is_none)))
    });
    load::settle(ui, &findings, &args.common)?;
    if !fs::exists(&args.dir) {
        let again = again(args);
        let missing = anyhow::anyhow!("{} is not there: `{again}` writes it", args.dir.display());
        return Err(Failure::World(missing));
    }
    let mut nodes = Vec::new();
    for one in compared.ok_or(Failure::Findings)? {
        let (node, folder, is_none) = one?;
        if is_none && !is_fleet {
            return Err(goldens::no_goldens(&folder));
        }
        nodes.push(node);
    }
    Ok(nodes)
}

fn again(args: &Args) -> String {
    format!("nodebake render {} -o {}", args.node.display(), args.dir.display())
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
