//! What a check found, and the report of a whole run.

use std::fmt;

use serde::Serialize;

use super::Place;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing may be baked.
    Error,
    /// It can be baked, and somebody should look; `--strict` makes it an error.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A further place that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where to look.
    pub place: Place,
    /// What is there.
    pub message: String,
}

/// One mistake or doubt: which rule, what, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's id, such as `spec/unknown-key`; `nodebake catalog checks ID` explains it.
    pub id: &'static str,
    /// What is wrong, a sentence without a final period.
    pub message: String,
    /// Where it was written, if it was written anywhere.
    pub place: Option<Place>,
    /// How to mend it.
    pub hint: Option<String>,
    /// Other places that belong to it.
    pub notes: Vec<Note>,
}

impl Finding {
    /// A finding with no place yet.
    pub fn new(severity: Severity, id: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            id,
            message: message.into(),
            place: None,
            hint: None,
            notes: Vec::new(),
        }
    }

    /// An error at a place.
    pub fn error(id: &'static str, message: impl Into<String>, place: &Place) -> Self {
        Self::new(Severity::Error, id, message).at(place.clone())
    }

    /// A warning at a place.
    pub fn warning(id: &'static str, message: impl Into<String>, place: &Place) -> Self {
        Self::new(Severity::Warning, id, message).at(place.clone())
    }

    /// The same finding, at `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same finding, at `place` if there is one.
    #[must_use]
    pub fn maybe_at(mut self, place: Option<&Place>) -> Self {
        self.place = place.cloned();
        self
    }

    /// The same finding, with a way to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same finding, with a further place.
    #[must_use]
    pub fn note(mut self, place: &Place, message: impl Into<String>) -> Self {
        self.notes.push(Note {
            place: place.clone(),
            message: message.into(),
        });
        self
    }
}

/// All findings of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding. One that says the same of the same place as an earlier one is dropped: what a fleet's defaults
    /// do wrong is told once, not once a node.
    pub fn push(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Adds all findings of `other`.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Finding>) {
        for finding in other {
            self.push(finding);
        }
    }

    /// Whether any finding forbids baking.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many errors and how many warnings there are.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .count();
        (errors, self.findings.len() - errors)
    }

    /// The findings: errors first, then by file and place.
    pub fn sorted(&self) -> Vec<&Finding> {
        let mut all: Vec<&Finding> = self.findings.iter().collect();
        all.sort_by(|a, b| {
            let key = |finding: &Finding| {
                let place = finding.place.as_ref();
                (
                    finding.severity,
                    place.map(|place| (place.source.name.clone(), place.start)),
                )
            };
            key(a).cmp(&key(b))
        });
        all
    }
}

impl IntoIterator for Report {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.findings.into_iter()
    }
}

impl From<Finding> for Report {
    fn from(finding: Finding) -> Self {
        Self {
            findings: vec![finding],
        }
    }
}
