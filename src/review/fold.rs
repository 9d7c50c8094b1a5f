//! The same change of many nodes, told once.

use super::diff::{Change, FileDiff};
use super::node::NodeDiff;

/// A file's change and the nodes that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold<'d> {
    /// The change, as the first of the nodes has it: what decided its values may stand elsewhere for the others.
    pub file: &'d FileDiff,
    /// The nodes, in the order of the fleet.
    pub nodes: Vec<&'d str>,
    /// How many nodes have both the old folder and the new render: those that could have the change.
    pub of: usize,
}

/// Changes of the same file with the same meaning and the same text are one. In order of their paths, the most common
/// first among those of one path. Nodes that are new or gone as a whole take no part.
pub fn fold(nodes: &[NodeDiff]) -> Vec<Fold<'_>> {
    let whole = |node: &NodeDiff| matches!(node.change, Some(Change::Added | Change::Removed));
    let of = nodes.iter().filter(|node| !whole(node)).count();
    let mut order: std::collections::BTreeMap<Key<'_>, Fold<'_>> = std::collections::BTreeMap::new();
    for node in nodes.iter().filter(|node| !whole(node)) {
        for file in &node.files {
            let fold = order.entry(key(file)).or_insert_with(|| Fold {
                file,
                nodes: Vec::new(),
                of,
            });
            fold.nodes.push(&node.name);
        }
    }
    let mut all: Vec<Fold<'_>> = order.into_values().collect();
    all.sort_by(|a, b| {
        let key = |fold: &Fold<'_>| (fold.file.path == super::MANIFEST, fold.file.path.clone());
        (key(a), b.nodes.len(), &a.nodes).cmp(&(key(b), a.nodes.len(), &b.nodes))
    });
    all
}

/// What makes two changes the same.
type Key<'d> = (&'d str, &'static str, Vec<String>, &'d [String], &'d str);

fn key(file: &FileDiff) -> Key<'_> {
    let word = match file.change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    };
    // The MANIFEST of every node is its own.
    let text = if file.path == super::MANIFEST { "" } else { &file.diff };
    (&file.path, word, file.words(), &file.notes, text)
}

impl Fold<'_> {
    /// Which nodes, in words: `on all 16 nodes`, `on 14 of 16 nodes`, `on a, b and 3 more of 16 nodes`.
    pub fn on(&self, all: &[NodeDiff]) -> String {
        let (count, of) = (self.nodes.len(), self.of);
        if count == of {
            return format!("on all {of} nodes");
        }
        let list = |names: &[&str]| {
            let shown = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            match names.len().saturating_sub(5) {
                0 => shown,
                more => format!("{shown} and {more} more"),
            }
        };
        if count * 2 > of {
            let whole = |node: &&NodeDiff| !matches!(node.change, Some(Change::Added | Change::Removed));
            let others: Vec<&str> = all
                .iter()
                .filter(whole)
                .map(|node| node.name.as_str())
                .filter(|name| !self.nodes.contains(name))
                .collect();
            return format!("on {count} of {of} nodes, not on {}", list(&others));
        }
        format!("on {count} of {of} nodes: {}", list(&self.nodes))
    }
}
