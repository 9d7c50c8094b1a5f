//! Texts by their lines.

use std::fmt::Write as _;
use std::ops::Range;

use similar::{Algorithm, DiffOp, TextDiff, capture_diff_slices};

use super::{Compared, Item, What};

/// Most lines between the common beginning and end of two texts that are matched with each other. The work grows with
/// the square of what differs; beyond this all of them are told as replaced.
const MATCHED: usize = 8000;

/// Where lines begin.
pub(super) struct LineIndex(Vec<usize>);

impl LineIndex {
    pub(super) fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line, counted from 1, of a byte.
    pub(super) fn of(&self, byte: usize) -> usize {
        self.0.partition_point(|newline| *newline < byte) + 1
    }
}

/// Lists of one item a line: modules, options. In these the order is that of the file, so a move is told.
pub(super) fn compare(old: &str, new: &str) -> Compared {
    let read = |text: &str| -> Vec<(String, usize)> {
        text.lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
            .map(|(at, line)| (line.trim().to_owned(), at + 1))
            .collect()
    };
    let (was, is) = (read(old), read(new));
    let texts = |side: &[(String, usize)]| side.iter().map(|(line, _)| line.clone()).collect::<Vec<_>>();
    let mut out = Compared::default();
    for (removed, added) in hunks(&texts(&was), &texts(&is)) {
        if removed.len() == 1 && added.len() == 1 {
            let (old, new) = (was[removed.start].clone(), is[added.start].clone());
            let at = format!("line {}", new.1);
            out.items.push(Item::new(What::Changed, &at, old, new));
            continue;
        }
        for at in removed {
            let line = format!("line {}", was[at].1);
            out.items.push(Item::new(What::Removed, &line, was[at].clone(), None));
        }
        for at in added {
            let line = format!("line {}", is[at].1);
            out.items.push(Item::new(What::Added, &line, None, is[at].clone()));
        }
    }
    out
}

/// Which items of `old` were replaced by which of `new`, in order.
pub(super) fn hunks(old: &[String], new: &[String]) -> Vec<(Range<usize>, Range<usize>)> {
    let (start, end) = common(old, new);
    let (was, is) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    if was.len() + is.len() > MATCHED {
        return vec![(start..start + was.len(), start..start + is.len())];
    }
    let shift = |range: Range<usize>| range.start + start..range.end + start;
    capture_diff_slices(Algorithm::Myers, was, is)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| (shift(op.old_range()), shift(op.new_range())))
        .collect()
}

/// How many items both begin with, and how many of the rest both end with.
fn common<T: PartialEq>(old: &[T], new: &[T]) -> (usize, usize) {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let end = old[start..]
        .iter()
        .rev()
        .zip(new[start..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    (start, end)
}

/// The change as a unified diff with these names of the two sides.
pub(in crate::review) fn unified_body(header: (&str, &str), old: &str, new: &str) -> String {
    let was: Vec<&str> = old.split_inclusive('\n').collect();
    let is: Vec<&str> = new.split_inclusive('\n').collect();
    let (start, end) = common(&was, &is);
    let (gone, come) = (was.len() - start - end, is.len() - start - end);
    if gone + come <= MATCHED {
        return TextDiff::from_lines(old, new)
            .unified_diff()
            .header(header.0, header.1)
            .to_string();
    }
    let mut text = format!("--- {}\n+++ {}\n", header.0, header.1);
    let from = |count: usize| if count == 0 { start } else { start + 1 };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "@@ -{},{gone} +{},{come} @@", from(gone), from(come));
    let mut side = |mark: char, lines: &[&str]| {
        for line in lines {
            let end = if line.ends_with('\n') {
                ""
            } else {
                "\n\\ No newline at end of file\n"
            };
            let _ = write!(text, "{mark}{line}{end}");
        }
    };
    side('-', &was[start..start + gone]);
    side('+', &is[start..start + come]);
    text
}
