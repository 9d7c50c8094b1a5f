//! For a terminal, or a file.

use super::super::diff::Change;
use super::super::fold::{Fold, FoldedItem, fold, news, on_nodes};
use super::super::impact::Impact;
use super::super::visible;
use super::{Shown, count, few};

/// Most values of one file that are told each; the patch has them all.
const ITEMS: usize = 200;

/// What changes, then the patch of each file if `patch` asks for it. Of a single node the patches together are one that
/// `patch -p1` takes. Nothing if nothing differs.
pub fn text(shown: &Shown<'_>, patch: bool) -> String {
    let mut text = String::new();
    for node in shown.nodes {
        match node.change {
            Some(Change::Added) if shown.is_revision => text.push_str(&format!("added {}: a new node\n", node.name)),
            Some(Change::Added) => text.push_str(&format!("added {}: a node without a folder\n", node.name)),
            Some(Change::Removed) => {
                let why = if shown.is_revision {
                    "the node is gone"
                } else {
                    "a folder without a node"
                };
                text.push_str(&format!("removed {}: {why}\n", visible(&node.name)));
            }
            _ => {}
        }
    }
    for (impact, names) in shown.by_impact() {
        let of = if shown.is_fleet {
            format!("{} of {}: ", names.len(), count(shown.nodes.len(), "node"))
        } else {
            String::new()
        };
        text.push_str(&format!("{of}{}: {}\n", few(&names, 8), impact.words()));
    }
    for words in shown.makers() {
        text.push_str(&words);
        text.push('\n');
    }
    text.extend(shown.user_data().into_iter().map(|words| words + "\n"));
    // A patch of a single node is whole only with its MANIFEST.
    let folds = if shown.is_fleet || !patch {
        news(shown.nodes)
    } else {
        fold(shown.nodes)
    };
    for fold in folds {
        text.push_str(&one(shown, &fold));
        if patch {
            text.push_str(&fold.file.diff);
        }
    }
    text
}

fn one(shown: &Shown<'_>, fold: &Fold<'_>) -> String {
    let file = fold.file;
    let mut notes = Vec::new();
    notes.extend(file.mode.map(|mode| {
        let wider = if mode.widens() { ", wider" } else { "" };
        format!("mode {} to {}{wider}", mode.folder, mode.rendered)
    }));
    notes.extend(file.notes.iter().map(|note| visible(note)));
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join("; "))
    };
    let on = if shown.is_fleet {
        format!(" {}", on_nodes(&fold.nodes, fold.of, shown.nodes))
    } else {
        String::new()
    };
    let needs = match fold.impact() {
        Impact::Nothing => String::new(),
        impact => format!(" [{}]", impact.words()),
    };
    let word = match file.change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    };
    let mut text = format!("{word} {}{notes}{needs}{on}\n", visible(&file.path));
    if fold.items.is_empty() {
        let obvious = file.change != Change::Changed || file.how == super::super::How::Opaque || file.mode.is_some();
        if !obvious {
            text.extend(file.words().iter().map(|words| format!("  {words}\n")));
        }
        return text;
    }
    for item in fold.items.iter().take(ITEMS) {
        text.push_str(&told(shown, fold, item));
    }
    if fold.items.len() > ITEMS {
        text.push_str(&format!("  and {}\n", count(fold.items.len() - ITEMS, "more value")));
    }
    text
}

/// A value, what it needs and on which nodes if that is not what is said of the whole file, and what decided it.
fn told(shown: &Shown<'_>, fold: &Fold<'_>, one: &FoldedItem<'_>) -> String {
    let item = one.item;
    let needs = if item.impact == fold.impact() {
        String::new()
    } else {
        format!(" [{}]", item.impact.words())
    };
    let on = if one.nodes.len() == fold.nodes.len() {
        String::new()
    } else {
        format!(" {}", on_nodes(&one.nodes, fold.of, shown.nodes))
    };
    let causes: Vec<String> = item
        .causes
        .iter()
        .map(|cause| match cause.what.as_str() {
            "template" => visible(&cause.origin),
            what => format!("{what}: {}", visible(&cause.origin)),
        })
        .collect();
    let causes = if causes.is_empty() {
        String::new()
    } else {
        format!("    {}\n", causes.join("; "))
    };
    format!("  {}{needs}{on}\n{causes}", item.words())
}

/// `text` with colours for a terminal.
pub fn coloured(text: &str) -> String {
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
        assert_eq!(
            coloured(text),
            "\x1b[1mchanged x\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n\x1b[31m-a\x1b[0m\n\x1b[32m+b\x1b[0m\n c\n"
        );
    }
}
