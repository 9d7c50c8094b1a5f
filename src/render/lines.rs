//! Which line of a template made which line of a file, for findings in rendered text.
//!
//! The template is rendered once more with a mark at the beginning of each line; the marks that arrive in the output
//! tell where each of its lines came from. Only done when there is something to tell.

use super::engine::{Engine, context};
use crate::base::Finding;
use crate::catalog::{Catalog, Template};
use crate::plan::Plan;
use crate::tree::Entry;

/// Marks are made of characters of a private use area, which no template and no value of ours has.
const OPEN: char = '\u{f0000}';
const CLOSE: char = '\u{f0001}';

/// The template that made `entry`, if one did.
pub fn template_of(plan: &Plan, catalog: &Catalog, entry: &Entry) -> Option<std::sync::Arc<Template>> {
    plan.profile.templates.iter().find_map(|name| {
        let template = catalog.template(&name.value, None).ok()?;
        (template.source == entry.origin.source).then_some(template)
    })
}

/// Whether the template's condition holds for this plan.
pub fn holds(plan: &Plan, template: &Template) -> Result<bool, Box<Finding>> {
    Engine::new().holds(template, &context(&plan.book.to_context()))
}

/// The paths of the plan that an expression or a template's line names.
pub fn paths_in(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
    words
        .filter(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// For each line of what `template` renders to, the line of the template's file it came from, counted from 1.
pub fn origins(plan: &Plan, template: &Template) -> Option<Vec<usize>> {
    let before = template.lines_before_body();
    if template.is_copied() {
        return Some((0..template.body().lines().count()).map(|at| before + at + 1).collect());
    }
    let context = context(&plan.book.to_context());
    let text = Engine::new().render_instead(template, &marked(template.body()), &context);
    let text = text.ok()?;
    let mut last = before + 1;
    let lines = text.lines().map(|line| {
        let mark = line.rsplit(OPEN).next().filter(|_| line.contains(OPEN));
        if let Some(number) = mark.and_then(|rest| rest.split(CLOSE).next()?.parse::<usize>().ok()) {
            last = before + number;
        }
        last
    });
    Some(lines.collect())
}

/// The body with each line marked, but for lines that begin inside a tag.
fn marked(body: &str) -> String {
    let mut text = String::new();
    let mut open: Option<&str> = None;
    for (at, line) in body.split_inclusive('\n').enumerate() {
        if open.is_none() {
            text.push_str(&format!("{OPEN}{}{CLOSE}", at + 1));
        }
        text.push_str(line);
        let mut rest = line;
        loop {
            match open {
                Some(close) => match rest.find(close) {
                    Some(end) => (open, rest) = (None, &rest[end + close.len()..]),
                    None => break,
                },
                None => {
                    let tags = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
                    let next = tags
                        .iter()
                        .filter_map(|(begin, end)| Some((rest.find(begin)?, *end)))
                        .min();
                    match next {
                        Some((begin, end)) => (open, rest) = (Some(end), &rest[begin + 2..]),
                        None => break,
                    }
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_inside_tags_are_left_alone() {
        let text = marked("a\n{% if x %}\n{{ b\n }}\nc {# d\n e #} f\ng\n");
        let numbers: Vec<&str> = text
            .split(OPEN)
            .skip(1)
            .map(|part| part.split(CLOSE).next().unwrap())
            .collect();
        assert_eq!(numbers, ["1", "2", "3", "5", "7"]);
    }
}
