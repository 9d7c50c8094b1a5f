//! Differences for people and programs: the terminal, a comment of a pull request, code scanning, annotations.

mod github;
mod markdown;
mod sarif;
mod text;

pub use github::annotations;
pub use markdown::markdown;
pub use sarif::sarif;
pub use text::{coloured, text};

use std::collections::BTreeMap;

use super::diff::Change;
use super::fold::few;
use super::impact::Impact;
use super::node::{NodeDiff, UserDataChange};
use super::words::grouped;

/// Most different sizes of user-data that are told each.
const SIZES: usize = 4;

/// A comparison as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'d> {
    /// The node.yaml, as the user named it.
    pub file: &'d str,
    /// What it was compared with: a folder, or a revision.
    pub with: &'d str,
    /// Whether the file is a fleet.
    pub is_fleet: bool,
    /// Whether that is a revision.
    pub is_revision: bool,
    /// Every node, also those that are the same.
    pub nodes: &'d [NodeDiff],
}

impl<'d> Shown<'d> {
    /// The nodes whose folder is there and differs.
    fn changed(&self) -> impl Iterator<Item = &'d NodeDiff> {
        self.nodes.iter().filter(|node| node.change == Some(Change::Changed))
    }

    /// The nodes by the most they need, the heaviest first.
    fn by_impact(&self) -> Vec<(Impact, Vec<&'d str>)> {
        let mut all: BTreeMap<std::cmp::Reverse<Impact>, Vec<&str>> = BTreeMap::new();
        for node in self.changed() {
            let impact = node.impact.unwrap_or(Impact::Nothing);
            all.entry(std::cmp::Reverse(impact)).or_default().push(&node.name);
        }
        all.into_iter().map(|(impact, names)| (impact.0, names)).collect()
    }

    /// How user-data changes, a line each: every size where there are few, what they are between where there are many.
    fn user_data(&self) -> Vec<String> {
        let changes: Vec<&UserDataChange> = self.changed().filter_map(|node| node.user_data.as_ref()).collect();
        let mut all: BTreeMap<String, usize> = BTreeMap::new();
        for change in &changes {
            *all.entry(change.words()).or_default() += 1;
        }
        if all.len() <= SIZES {
            let on = |number: usize| {
                if self.is_fleet {
                    format!(", {}", count(number, "node"))
                } else {
                    String::new()
                }
            };
            return all.into_iter().map(|(words, number)| words + &on(number)).collect();
        }
        let sizes = changes
            .iter()
            .filter_map(|change| Some((change.old.as_ref()?.bytes, change.new.as_ref()?.bytes)));
        let signed = |(old, new): (usize, usize)| {
            let size = i64::try_from(old.abs_diff(new)).unwrap_or(i64::MAX);
            if new < old { -size } else { size }
        };
        let (least, most) = (sizes.clone().map(signed).min(), sizes.map(signed).max());
        let largest = changes
            .iter()
            .filter_map(|change| Some(change.new.as_ref()?.bytes))
            .max();
        vec![format!(
            "user-data changes by {:+} to {:+} bytes, the largest has {} bytes now, {}",
            least.unwrap_or_default(),
            most.unwrap_or_default(),
            grouped(largest.unwrap_or_default() as u64),
            count(changes.len(), "node")
        )]
    }

    /// What is to be said of the program that made the folders, each thing once.
    fn makers(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for node in self.nodes {
            let mut words = match &node.maker {
                Some(then) => format!(
                    "the goldens were made by {}; this is {}",
                    super::visible(then),
                    super::maker()
                ),
                None if node.templates.is_empty() => continue,
                None => "the goldens were made by other templates than this program's".to_owned(),
            };
            if !node.templates.is_empty() {
                words.push_str(&format!("; templates that differ: {}", node.templates.join(", ")));
            }
            if !all.contains(&words) {
                all.push(words);
            }
        }
        all
    }
}

/// `1 node`, `2 nodes`.
pub(super) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
