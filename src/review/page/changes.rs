//! What differs from a folder of goldens: the same change of many nodes once.

use std::collections::BTreeSet;

use serde::Serialize;

use super::text::{Paths, count, few, shown};
use crate::review::words::grouped;
use crate::review::{Change, Fold, FoldedItem, How, Item, NodeDiff, news, on_nodes};

/// Changes whose text is shown; a page is for reading.
const WITH_TEXT: usize = 400;

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Changes {
    folder: String,
    summary: String,
    /// Further lines about all nodes: those that are new or gone, the user-data, another program.
    notes: Vec<String>,
    files: Vec<ChangedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ChangedFile {
    path: String,
    subject: String,
    change: Change,
    impact: &'static str,
    on: String,
    /// Whether more people may do something with the file.
    wider: bool,
    words: Vec<ChangedValue>,
    notes: Vec<String>,
    /// The node whose lines are shown, where those of others differ.
    whose: String,
    lines: Vec<DiffLine>,
    /// Whether its text is left out.
    cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ChangedValue {
    words: String,
    /// On which of the nodes, if not on all that have the change.
    on: String,
    causes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct DiffLine {
    /// `added`, `removed`, `place`; empty for what stays.
    kind: &'static str,
    text: String,
}

impl Changes {
    /// What `nodes` say of the folder called `folder`.
    pub(super) fn new(folder: &str, nodes: &[NodeDiff], paths: &Paths) -> Self {
        let folds = news(nodes);
        let files = folds.iter().enumerate();
        let files: Vec<ChangedFile> = files
            .map(|(at, fold)| changed(fold, nodes, paths, at < WITH_TEXT))
            .collect();
        let touched = nodes.iter().filter(|node| node.change.is_some()).count();
        Self {
            folder: shown(folder),
            summary: if touched == 0 {
                "Nothing: the folder holds what is rendered now.".into()
            } else {
                // A node without a folder is made anew, and needs nothing of a machine that runs.
                let running = nodes.iter().filter(|node| node.change == Some(Change::Changed));
                let most = running.filter_map(|node| node.impact).max();
                let most = most.map_or(String::new(), |impact| {
                    format!("; what they need at most: {}", impact.words())
                });
                format!(
                    "{} on {} of {}{most}.",
                    count(files.len(), "change"),
                    grouped(touched as u64),
                    count(nodes.len(), "node")
                )
            },
            notes: notes(nodes),
            files,
        }
    }
}

fn notes(nodes: &[NodeDiff]) -> Vec<String> {
    let mut notes = Vec::new();
    for (change, words) in [
        (Change::Added, "new, without a folder"),
        (Change::Removed, "gone: folders without a node"),
    ] {
        let whole = nodes.iter().filter(|node| node.change == Some(change));
        let names: Vec<&str> = whole.map(|node| node.name.as_str()).collect();
        if !names.is_empty() {
            notes.push(format!("{words}: {}", shown(&few(&names))));
        }
    }
    let mut data: Vec<(String, Vec<&str>)> = Vec::new();
    for node in nodes {
        let Some(words) = node.user_data.as_ref().map(crate::review::UserDataChange::words) else {
            continue;
        };
        match data.iter_mut().find(|(known, _)| *known == words) {
            Some((_, names)) => names.push(&node.name),
            None => data.push((words, vec![&node.name])),
        }
    }
    let shown_data = data.iter().take(20);
    notes.extend(shown_data.map(|(words, names)| format!("{words}: {}", shown(&few(names)))));
    if let Some(more) = data.len().checked_sub(20).filter(|more| *more > 0) {
        notes.push(format!("and {} more sizes of user-data", grouped(more as u64)));
    }
    let makers: BTreeSet<&str> = nodes.iter().filter_map(|node| node.maker.as_deref()).collect();
    notes.extend(
        makers
            .into_iter()
            .map(|maker| format!("the folder was made by {}", shown(maker))),
    );
    let templates: BTreeSet<&str> = nodes
        .iter()
        .flat_map(|node| &node.templates)
        .map(String::as_str)
        .collect();
    if !templates.is_empty() {
        let list: Vec<&str> = templates.into_iter().collect();
        notes.push(format!("templates that changed since: {}", shown(&list.join(", "))));
    }
    notes
}

fn changed(fold: &Fold<'_>, nodes: &[NodeDiff], paths: &Paths, with_text: bool) -> ChangedFile {
    let file = fold.file;
    let by_values = file.change == Change::Changed && file.how == How::Values;
    let values = fold.items.iter().filter(|_| by_values);
    let mut words: Vec<ChangedValue> = values.map(|item| value(item, fold, nodes, paths)).collect();
    // What is said of the file itself; its values have been told.
    let told: Vec<String> = file.items.iter().filter(|_| by_values).map(Item::words).collect();
    let said = file.words().into_iter().filter(|said| !told.contains(said));
    words.extend(said.map(|said| ChangedValue {
        words: shown(&said),
        on: String::new(),
        causes: Vec::new(),
    }));
    let several = nodes.len() > 1;
    let first = fold.nodes.first().copied().unwrap_or_default();
    ChangedFile {
        path: shown(&file.path),
        subject: shown(&file.subject),
        change: file.change,
        impact: fold.impact().words(),
        on: if several {
            shown(&on_nodes(&fold.nodes, fold.of, nodes))
        } else {
            String::new()
        },
        wider: file.mode.is_some_and(|mode| mode.widens()),
        words,
        notes: file.notes.iter().map(|note| shown(note)).collect(),
        whose: if by_values && fold.nodes.len() > 1 {
            shown(first)
        } else {
            String::new()
        },
        lines: if with_text { lines(&file.diff) } else { Vec::new() },
        cut: !with_text && !file.diff.is_empty(),
    }
}

fn value(item: &FoldedItem<'_>, fold: &Fold<'_>, nodes: &[NodeDiff], paths: &Paths) -> ChangedValue {
    ChangedValue {
        words: shown(&item.item.words()),
        on: if item.nodes.len() == fold.nodes.len() {
            String::new()
        } else {
            shown(&on_nodes(&item.nodes, fold.of, nodes))
        },
        causes: causes(item.item, paths),
    }
}

fn causes(item: &Item, paths: &Paths) -> Vec<String> {
    let causes = item.causes.iter();
    causes
        .map(|cause| match &cause.place {
            Some(place) => format!("{}: {}", shown(&cause.what), paths.place(place)),
            None => format!("{}: {}", shown(&cause.what), paths.sentence(&cause.origin)),
        })
        .collect()
}

/// The lines of a unified diff, without its head.
fn lines(diff: &str) -> Vec<DiffLine> {
    let body = diff
        .lines()
        .skip_while(|line| line.starts_with("---") || line.starts_with("+++"));
    body.map(|line| DiffLine {
        kind: match line.as_bytes().first() {
            Some(b'+') => "added",
            Some(b'-') => "removed",
            Some(b'@' | b'\\') => "place",
            _ => "",
        },
        text: shown(line),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_loses_its_head_only() {
        let kinds: Vec<&str> = lines("--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- not a head\n+b\n c\n\\ No newline\n")
            .iter()
            .map(|line| line.kind)
            .collect();
        assert_eq!(kinds, ["place", "removed", "added", "", "place"]);
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let mut node = NodeDiff::whole("a".into(), Change::Added);
        node.change = None;
        let none = Changes::new("golden", &[node], &Paths::default());
        assert!(none.summary.starts_with("Nothing") && none.files.is_empty() && none.notes.is_empty());
        let new = Changes::new(
            "golden",
            &[NodeDiff::whole("a".into(), Change::Added)],
            &Paths::default(),
        );
        assert_eq!(new.notes, ["new, without a folder: a"]);
        assert!(new.summary.starts_with("0 changes on 1 of 1 node"), "{}", new.summary);
    }
}
