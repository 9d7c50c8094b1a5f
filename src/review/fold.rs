//! The same change of many nodes, told once.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{How, Item, What};
use super::diff::{Change, FileDiff};
use super::impact::Impact;
use super::node::NodeDiff;

/// A file's change and the nodes that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold<'d> {
    /// The change, as the first of the nodes has it.
    pub file: &'d FileDiff,
    /// The nodes, in the order of the fleet.
    pub nodes: Vec<&'d str>,
    /// The values that differ, each once, in the order of the file; none if it was compared by lines.
    pub items: Vec<FoldedItem<'d>>,
    /// How many nodes have both the old folder and the new render: those that could have the change.
    pub of: usize,
}

/// A value that differs and the nodes in which it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedItem<'d> {
    /// The value, as the first of the nodes has it: what decided it may stand elsewhere for the others.
    pub item: &'d Item,
    /// The file in which that node has it.
    pub file: &'d FileDiff,
    /// The nodes, in the order of the fleet.
    pub nodes: Vec<&'d str>,
}

impl Fold<'_> {
    /// What all of its nodes need: single values may need more on some of them.
    pub fn impact(&self) -> Impact {
        let common = self.items.iter().filter(|one| one.nodes.len() == self.nodes.len());
        let common = common.map(|one| one.item.impact).max();
        let any = self.items.iter().map(|one| one.item.impact).min();
        common.or(any).unwrap_or(self.file.impact)
    }
}

/// Whether a node is new or gone as a whole.
fn is_whole(node: &NodeDiff) -> bool {
    matches!(node.change, Some(Change::Added | Change::Removed))
}

/// Changes of one file by values are one change, in which each different value is told once; so are changes by lines if
/// the lines are the same. In order of their paths, the most common first among those of one path. Nodes that are new or
/// gone as a whole take no part.
pub fn fold(nodes: &[NodeDiff]) -> Vec<Fold<'_>> {
    let of = nodes.iter().filter(|node| !is_whole(node)).count();
    let mut known: BTreeMap<Key<'_>, (Fold<'_>, Known<'_>)> = BTreeMap::new();
    for node in nodes.iter().filter(|node| !is_whole(node)) {
        for file in &node.files {
            let (fold, items) = known.entry(key(file)).or_insert_with(|| {
                let fold = Fold {
                    file,
                    nodes: Vec::new(),
                    items: Vec::new(),
                    of,
                };
                (fold, BTreeMap::new())
            });
            fold.nodes.push(&node.name);
            for item in &file.items {
                let at = *items.entry(item_key(item)).or_insert_with(|| {
                    fold.items.push(FoldedItem {
                        item,
                        file,
                        nodes: Vec::new(),
                    });
                    fold.items.len() - 1
                });
                fold.items[at].nodes.push(&node.name);
            }
        }
    }
    let mut all: Vec<Fold<'_>> = known.into_values().map(|(fold, _)| fold).collect();
    all.sort_by(|a, b| {
        let is_manifest = |fold: &Fold<'_>| fold.file.path == super::MANIFEST;
        let by_path = (is_manifest(a), &a.file.path).cmp(&(is_manifest(b), &b.file.path));
        by_path
            .then(b.nodes.len().cmp(&a.nodes.len()))
            .then(a.nodes.cmp(&b.nodes))
    });
    all
}

/// As [`fold`], without what only follows: the MANIFEST of a node of which other files differ too. One that is damaged
/// stays.
pub fn news(nodes: &[NodeDiff]) -> Vec<Fold<'_>> {
    let alone: BTreeSet<&str> = nodes
        .iter()
        .filter(|node| node.files.len() == 1)
        .map(|node| node.name.as_str())
        .collect();
    let mut all = fold(nodes);
    for fold in &mut all {
        if fold.file.path == super::MANIFEST && fold.file.notes.is_empty() {
            fold.nodes.retain(|name| alone.contains(name));
        }
    }
    all.retain(|fold| !fold.nodes.is_empty());
    all
}

/// What makes two changes of a file the same: path, kind, mode, notes, and for those by lines the patch.
type Key<'d> = (&'d str, u8, u8, Option<(u32, u32)>, &'d [String], &'d str);

/// Where each value stands among those of a fold.
type Known<'d> = BTreeMap<ItemKey<'d>, usize>;

/// What makes two values the same.
type ItemKey<'d> = (What, &'d str, Option<&'d str>, Option<&'d str>);

fn key(file: &FileDiff) -> Key<'_> {
    // Values are folded one by one, and the MANIFEST of every node is its own.
    let text = if file.how == How::Values || file.path == super::MANIFEST {
        ""
    } else {
        &file.diff
    };
    let mode = file.mode.map(|mode| (mode.folder.bits(), mode.rendered.bits()));
    (&file.path, file.change as u8, file.how as u8, mode, &file.notes, text)
}

fn item_key(item: &Item) -> ItemKey<'_> {
    (item.what, &item.at, item.old.as_deref(), item.new.as_deref())
}

/// Which nodes, in words: `on all 16 nodes`, `on 14 of 16 nodes, not on a, b`, `on 3 of 16 nodes: a, b, c`.
pub fn on_nodes(these: &[&str], of: usize, all: &[NodeDiff]) -> String {
    let count = these.len();
    if count == of {
        return format!("on all {of} nodes");
    }
    if count * 2 > of {
        let ours: BTreeSet<&str> = these.iter().copied().collect();
        let others: Vec<&str> = all
            .iter()
            .filter(|node| !is_whole(node))
            .map(|node| node.name.as_str())
            .filter(|name| !ours.contains(name))
            .collect();
        return format!("on {count} of {of} nodes, not on {}", few(&others, 5));
    }
    format!("on {count} of {of} nodes: {}", few(these, 5))
}

/// The first names of a list, and how many more there are.
pub(super) fn few(names: &[&str], most: usize) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| super::visible(name)).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
