//! Findings as the page shows them.

use serde::Serialize;

use super::text::{Paths, shown};
use crate::base::{Finding, Report, Severity};
use crate::verify::check;

/// Rules whose findings come with the day: a page has none.
const OF_THE_DAY: [&str; 3] = ["facts/ca-expired", "facts/ca-not-yet-valid", "facts/ca-ends-soon"];

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct FindingView {
    severity: Severity,
    id: &'static str,
    message: String,
    place: String,
    /// The line it points at.
    line: String,
    hint: String,
    /// What the rule is there for.
    reason: &'static str,
    /// Other places that belong to it.
    notes: Vec<(String, String)>,
}

impl FindingView {
    /// Whether it points into the file at `tree_path`.
    pub(super) fn is_in(&self, tree_path: &str) -> bool {
        self.place.rsplit_once(':').is_some_and(|(file, _)| file == tree_path)
    }
}

/// The findings of a node, errors first.
pub(super) fn findings(report: &Report, paths: &Paths) -> Vec<FindingView> {
    let findings = report.sorted().into_iter();
    findings
        .filter(|finding| !OF_THE_DAY.contains(&finding.id))
        .map(|finding| view(finding, paths))
        .collect()
}

fn view(finding: &Finding, paths: &Paths) -> FindingView {
    let line = finding.place.as_ref().and_then(|place| {
        let number = place.line_column().0;
        place.source.text.lines().nth(number - 1)
    });
    FindingView {
        severity: finding.severity,
        id: finding.id,
        message: paths.sentence(&finding.message),
        place: finding
            .place
            .as_ref()
            .map(|place| paths.place(place))
            .unwrap_or_default(),
        line: shown(line.unwrap_or_default().trim()),
        hint: paths.sentence(finding.hint.as_deref().unwrap_or_default()),
        reason: check(finding.id).map_or("", |check| check.reason),
        notes: finding
            .notes
            .iter()
            .map(|note| (paths.place(&note.place), paths.sentence(&note.message)))
            .collect(),
    }
}
