//! Floor 3: templates and plan to files. Undefined is an error, every interpolation is quoted by the type of the file
//! it stands in, and either all files are rendered or none.

mod containerd;
mod engine;
mod lines;

pub use lines::{holds, origins, paths_in, template_of};

use crate::base::{Finding, Place, Report};
use crate::catalog::{Catalog, Plane};
use crate::plan::Plan;
use crate::syntax::FileType;
use crate::tree::{Entry, FileTree};

use engine::{Engine, context};

/// Renders the nodes of a run.
#[derive(Debug)]
pub struct Renderer<'c> {
    catalog: &'c Catalog,
    engine: Engine,
}

impl<'c> Renderer<'c> {
    /// A renderer of this catalog's templates.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            engine: Engine::new(),
        }
    }

    /// All files of a node.
    pub fn render(&self, plan: &Plan) -> Result<FileTree, Report> {
        let mut report = Report::new();
        let mut tree = FileTree::default();
        let context = context(&plan.book.to_context());
        for name in &plan.profile.templates {
            let template = match self.catalog.template(&name.value, Some(&name.place)) {
                Ok(template) => template,
                Err(failed) => {
                    report.extend(failed);
                    continue;
                }
            };
            match self.engine.render(&template, &context) {
                Ok(None) => {}
                Ok(Some(entry)) => match containerd::overlay(plan, entry) {
                    Ok(entry) => add(&mut tree, &mut report, entry),
                    Err(finding) => report.push(*finding),
                },
                Err(finding) => report.push(*finding),
            }
        }
        for file in &plan.spec.files {
            let entry = Entry {
                path: file.path.value.clone(),
                mode: file.mode.value,
                filetype: file.filetype.value,
                plane: Plane::Node,
                text: file.content.value.clone(),
                origin: file.path.place.clone(),
            };
            add(&mut tree, &mut report, entry);
        }
        if report.has_errors() { Err(report) } else { Ok(tree) }
    }
}

/// A text of somebody else's, filled with values of theirs: each is quoted by the type of the file, as in our own
/// templates, and nothing else is in reach. The error is told in words.
pub fn fill(name: &str, filetype: FileType, text: &str, values: &serde_json::Value) -> Result<String, String> {
    Engine::new().fill(name, filetype, text, &context(values))
}

fn add(tree: &mut FileTree, report: &mut Report, entry: Entry) {
    let place = entry.origin.clone();
    if let Err(taken) = tree.insert(entry) {
        let other: Option<&Place> = tree.get(taken.plane, taken.path.as_str()).map(|entry| &entry.origin);
        let mut finding = Finding::error(
            "render/collision",
            format!("two files want the path {}", taken.path),
            &place,
        );
        if let Some(other) = other {
            finding = finding.note(other, "the other one");
        }
        report.push(finding);
    }
}
