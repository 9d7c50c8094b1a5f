//! Findings for people, for editors and for machines. None of them shows a secret: what looks like one is starred out
//! of messages and of the lines around a mistake.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::ui::Ui;
use crate::base::{Finding, Place, Report, Severity, masked};

/// Prints a report to stderr: snippets, or one line a finding; then the count. Errors forbid writing.
pub(super) fn print(ui: &Ui, report: &Report, short: bool) {
    told(ui, report, short, ": nothing is written");
}

/// As [`print`], for commands that write nothing anyway.
pub(super) fn print_all(ui: &Ui, report: &Report, short: bool) {
    told(ui, report, short, "");
}

/// One finding for people: a snippet, or a line.
pub(super) fn one(finding: &Finding, colour: bool, short: bool) -> String {
    if short {
        one_line(finding)
    } else {
        format!("{}\n", snippet(finding, colour))
    }
}

fn told(ui: &Ui, report: &Report, short: bool, consequence: &str) {
    for finding in report.sorted() {
        ui.talk(&one(finding, ui.colour, short));
    }
    let (errors, warnings) = report.counts();
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    if errors > 0 {
        ui.talk(&format!(
            "{}, {}{consequence}",
            count(errors, "error"),
            count(warnings, "warning")
        ));
    } else if warnings > 0 {
        ui.talk(&count(warnings, "warning"));
    }
}

/// `file:line:col: severity: message [id]`, as editors read it.
pub(super) fn one_line(finding: &Finding) -> String {
    let place = finding
        .place
        .as_ref()
        .map(|place| format!("{place}: "))
        .unwrap_or_default();
    let hint = finding
        .hint
        .as_ref()
        .map(|hint| format!(" ({hint})"))
        .unwrap_or_default();
    let line = format!(
        "{place}{}: {}{hint} [{}]",
        finding.severity, finding.message, finding.id
    );
    masked(&line).into_owned()
}

fn cause(place: &Place) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    Snippet::source(masked(&place.source.text))
        .path(place.source.name.as_str())
        .fold(true)
}

/// A place of no width is shown as one character.
fn span(place: &Place) -> std::ops::Range<usize> {
    place.start
        ..place
            .end
            .max((place.start + 1).min(place.source.text.len()))
            .max(place.start)
}

fn snippet(finding: &Finding, colour: bool) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(masked(&finding.message)).id(finding.id);
    let short_hint = finding.hint.as_deref().filter(|hint| hint.starts_with("did you mean"));
    let mut group = Group::with_title(title);
    if let Some(place) = finding.place.as_ref().filter(|place| !place.source.text.is_empty()) {
        let mut primary = AnnotationKind::Primary.span(span(place));
        if let Some(hint) = short_hint {
            primary = primary.label(masked(hint));
        }
        let mut own = cause(place).annotation(primary);
        for note in finding.notes.iter().filter(|note| note.place.source == place.source) {
            own = own.annotation(
                AnnotationKind::Context
                    .span(span(&note.place))
                    .label(masked(&note.message)),
            );
        }
        group = group.element(own);
        for note in finding.notes.iter().filter(|note| note.place.source != place.source) {
            let context = AnnotationKind::Context
                .span(span(&note.place))
                .label(masked(&note.message));
            group = group.element(cause(&note.place).annotation(context));
        }
    }
    if let Some(hint) = finding.hint.as_deref()
        && (short_hint.is_none() || finding.place.is_none())
    {
        group = group.element(Level::HELP.message(masked(hint)));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

#[derive(Serialize)]
struct JsonFinding<'f> {
    severity: Severity,
    id: &'f str,
    message: std::borrow::Cow<'f, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<std::borrow::Cow<'f, str>>,
}

/// The report as a JSON list.
pub(super) fn json(report: &Report) -> serde_json::Result<String> {
    let findings: Vec<JsonFinding<'_>> = report
        .sorted()
        .into_iter()
        .map(|finding| {
            let at = finding.place.as_ref().map(Place::line_column);
            JsonFinding {
                severity: finding.severity,
                id: finding.id,
                message: masked(&finding.message),
                file: finding.place.as_ref().map(|place| place.source.name.as_str()),
                line: at.map(|(line, _)| line),
                column: at.map(|(_, column)| column),
                hint: finding.hint.as_deref().map(masked),
            }
        })
        .collect();
    serde_json::to_string_pretty(&findings).map(|text| text + "\n")
}
