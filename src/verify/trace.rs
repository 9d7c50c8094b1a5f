//! From a finding in rendered text back to what caused it: the template's line, and the lines of node.yaml, of the
//! profile or of the cluster's facts that decided the values on it.

use super::Subject;
use crate::base::{Finding, Note, Place};
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
    let plan = subject.plan;
    if let Some(file) = plan.spec.files.iter().find(|file| file.path.place == entry.origin) {
        return user_line(&file.content.place, entry, line).into_iter().collect();
    }
    let Some(template) = template_of(plan, subject.catalog, entry) else {
        return Vec::new();
    };
    let Some(at) = origins(plan, &template).and_then(|lines| lines.get(line - 1).copied()) else {
        return Vec::new();
    };
    let place = Place::line_of(&template.source, at);
    let text = &template.source.text[place.start..place.end];
    let mut found: Vec<Note> = values_on(text)
        .into_iter()
        .filter_map(|path| {
            let cause = plan.book.get(path)?.origin()?.place()?;
            Some(Note {
                place: cause.clone(),
                message: format!("`{path}` is decided here"),
            })
        })
        .collect();
    found.push(Note {
        place,
        message: "made by this line".into(),
    });
    found
}

/// The line of node.yaml that holds the file's line, if the content is written out as a block.
fn user_line(content: &Place, entry: &Entry, line: usize) -> Option<Note> {
    let first = content.line_column().0;
    let wanted = entry.text.lines().nth(line - 1)?.trim();
    // The place of a block is its first line of text.
    let place = Place::line_of(&content.source, first + line - 1);
    let same = content.source.text[place.start..place.end].trim() == wanted && !wanted.is_empty();
    Some(Note {
        place: if same { place } else { content.clone() },
        message: "written here".into(),
    })
}

/// The paths of the plan that a template's line interpolates.
fn values_on(line: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    for tag in line.split("{{").skip(1) {
        let inside = tag.split("}}").next().unwrap_or_default();
        paths.extend(paths_in(inside));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_line() {
        assert_eq!(values_on("a: {{ x.y }} {{ [b.c, \"d e\"] }} z.z"), ["x.y", "b.c"]);
        assert!(values_on("plain").is_empty());
    }
}
