//! The lines in which a text differs from another one that is shown whole.

use serde::Serialize;
use similar::{DiffOp, TextDiff};

use super::text::shown;

/// A line of the text, or a gap in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct OwnLine {
    /// The line's number in the text; nothing for a gap.
    number: Option<usize>,
    /// The line, or what is missing.
    text: String,
}

/// What `new` has in place of `old`.
pub(super) fn own_lines(old: &str, new: &str) -> Vec<OwnLine> {
    let diff = TextDiff::from_lines(old, new);
    let lines: Vec<&str> = new.split_inclusive('\n').collect();
    let mut own = Vec::new();
    for operation in diff.ops() {
        let range = operation.new_range();
        if !matches!(operation, DiffOp::Equal { .. }) {
            for number in range.clone() {
                let text = lines.get(number).copied().unwrap_or_default();
                own.push(OwnLine {
                    number: Some(number + 1),
                    text: shown(text.trim_end_matches('\n')),
                });
            }
        }
        let gone = operation.old_range();
        if matches!(operation, DiffOp::Delete { .. }) {
            let last = gone.end;
            let text = if gone.len() == 1 {
                format!("without line {last}")
            } else {
                format!("without lines {} to {last}", gone.start + 1)
            };
            own.push(OwnLine { number: None, text });
        }
    }
    if old.ends_with('\n') != new.ends_with('\n') {
        let text = if new.ends_with('\n') {
            "with a line end at its end"
        } else {
            "without a line end at its end"
        };
        own.push(OwnLine {
            number: None,
            text: text.into(),
        });
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> Vec<String> {
        let lines = own_lines(old, new);
        let told = |line: &OwnLine| match line.number {
            Some(number) => format!("{number} {}", line.text),
            None => line.text.clone(),
        };
        lines.iter().map(told).collect()
    }

    #[test]
    fn changed_added_and_missing_lines() {
        assert_eq!(told("a\nb\nc\n", "a\nx\nc\nd\n"), ["2 x", "4 d"]);
        assert_eq!(told("a\nb\nc\n", "c\n"), ["without lines 1 to 2"]);
        assert_eq!(told("a\nb\n", "b\n"), ["without line 1"]);
        assert_eq!(told("a\n", "a"), ["1 a", "without a line end at its end"]);
        assert!(told("a\n", "a\n").is_empty());
    }
}
