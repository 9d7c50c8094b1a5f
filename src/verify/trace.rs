//! From a line of rendered text back to what caused it: the template's line, and the lines of node.yaml, of the profile
//! or of the cluster's facts that decided the values on it. For findings, and for whoever asks why a line changed.

use std::sync::Arc;

use super::Subject;
use crate::base::{Finding, Note, Place};
use crate::catalog::{Catalog, Template};
use crate::plan::Plan;
use crate::render::{origins, paths_in, template_of};
use crate::tree::Entry;

/// The finding with its causes.
pub(super) fn causes(subject: &Subject<'_>, mut finding: Finding) -> Finding {
    let Some(place) = &finding.place else { return finding };
    let Some(entry) = subject.tree.iter().find(|entry| entry.tree_path() == place.source.name) else {
        return finding;
    };
    let line = place.line_column().0;
    let found = notes(subject, entry, line);
    if found.is_empty() {
        return finding;
    }
    // The template as a whole is no news beside its line.
    finding.notes.retain(|note| note.place != entry.origin);
    finding.notes.extend(found);
    finding
}

fn notes(subject: &Subject<'_>, entry: &Entry, line: usize) -> Vec<Note> {
    let steps = Trail::new(subject.plan, subject.catalog, entry).of(line);
    let note = |step: Step| {
        let message = match (step.value, step.is_template) {
            (Some(value), _) => format!("`{value}` is decided here"),
            (None, true) => "made by this line".into(),
            (None, false) => "written here".into(),
        };
        step.place.map(|place| Note { place, message })
    };
    steps.into_iter().filter_map(note).collect()
}

/// The way back from the lines of one rendered file.
#[derive(Debug)]
pub struct Trail<'t> {
    plan: &'t Plan,
    entry: &'t Entry,
    /// Where the user wrote the content, for a file of his own.
    own: Option<&'t Place>,
    /// The template, and for each line of the file its line.
    template: Option<(Arc<Template>, Vec<usize>)>,
}

/// One thing that decided what stands on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The value of the plan, such as `sizing.maxPods`; `None` for the text around values.
    pub value: Option<String>,
    /// Whether this is the template's line.
    pub is_template: bool,
    /// In words: `node.yaml:15:22`, `default: …`.
    pub origin: String,
    /// Where it is written, if it is written in a file.
    pub place: Option<Place>,
}

impl<'t> Trail<'t> {
    /// The trail of `entry`, rendered with `plan` and `catalog`.
    pub fn new(plan: &'t Plan, catalog: &Catalog, entry: &'t Entry) -> Self {
        let own = plan.spec.files.iter().find(|file| file.path.place == entry.origin);
        let template = match own {
            Some(_) => None,
            None => template_of(plan, catalog, entry).and_then(|template| {
                let lines = origins(plan, &template)?;
                Some((template, lines))
            }),
        };
        Self {
            plan,
            entry,
            own: own.map(|file| &file.content.place),
            template,
        }
    }

    /// What made the file as a whole: `template kubelet/config`, or the place of a file of the user's own.
    pub fn made_by(&self) -> String {
        match (&self.template, self.own) {
            (Some((template, _)), _) => format!("template {}", template.name),
            (None, Some(content)) => content.to_string(),
            (None, None) => self.entry.origin.to_string(),
        }
    }

    /// What decided line `line`, counted from 1: the values on it, then the template's line.
    pub fn of(&self, line: usize) -> Vec<Step> {
        if let Some(content) = self.own {
            return user_line(content, self.entry, line)
                .map(|place| Step {
                    value: None,
                    is_template: false,
                    origin: place.to_string(),
                    place: Some(place),
                })
                .into_iter()
                .collect();
        }
        let Some((template, lines)) = &self.template else {
            return Vec::new();
        };
        let Some(at) = line.checked_sub(1).and_then(|line| lines.get(line).copied()) else {
            return Vec::new();
        };
        let place = Place::line_of(&template.source, at);
        let text = &template.source.text[place.start..place.end];
        let mut steps: Vec<Step> = Vec::new();
        for path in values_on(text, template.body()) {
            let Some(origin) = self.plan.book.get(path).and_then(|decision| decision.origin()) else {
                continue;
            };
            if steps.iter().all(|step| step.value.as_deref() != Some(path)) {
                steps.push(Step {
                    value: Some(path.to_owned()),
                    is_template: false,
                    origin: origin.to_string(),
                    place: origin.place().cloned(),
                });
            }
        }
        steps.push(Step {
            value: None,
            is_template: true,
            origin: place.to_string(),
            place: Some(place),
        });
        steps
    }
}

/// The list that the variable of a loop goes through: `a.list` for `item` in `{% for item in a.list %}`.
fn looped<'t>(body: &'t str, variable: &str) -> Option<&'t str> {
    body.split("{% for ").skip(1).find_map(|rest| {
        let (head, _) = rest.split_once("%}")?;
        let (name, list) = head.split_once(" in ")?;
        (name.trim() == variable).then(|| paths_in(list).into_iter().next())?
    })
}

/// The line of node.yaml that holds the file's line, if the content is written out as a block.
fn user_line(content: &Place, entry: &Entry, line: usize) -> Option<Place> {
    let first = content.line_column().0;
    let wanted = entry.text.lines().nth(line.checked_sub(1)?)?.trim();
    // The place of a block is its first line of text.
    let place = Place::line_of(&content.source, first + line - 1);
    let same = content.source.text[place.start..place.end].trim() == wanted && !wanted.is_empty();
    Some(if same { place } else { content.clone() })
}

/// The paths of the plan that a template's line interpolates, in the template with this body.
fn values_on<'t>(line: &'t str, body: &'t str) -> Vec<&'t str> {
    let mut paths = Vec::new();
    for tag in line.split("{{").skip(1) {
        let inside = tag.split("}}").next().unwrap_or_default();
        for word in inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_') {
            let variable = word.split('.').next().unwrap_or(word);
            paths.extend(looped(body, variable).or_else(|| paths_in(word).into_iter().next()));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_line() {
        assert_eq!(values_on("a: {{ x.y }} {{ [b.c, \"d e\"] }} z.z", ""), ["x.y", "b.c"]);
        assert!(values_on("plain", "").is_empty());
        let body = "{% for one in a.list %}\n{{ one | word }} {{ one.z }}\n{% endfor %}\n";
        assert_eq!(values_on("{{ one | word }}", body), ["a.list"]);
        assert_eq!(values_on("{{ one.z }}", body), ["a.list"]);
    }
}
