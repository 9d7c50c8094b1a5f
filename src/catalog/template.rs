//! Templates: front matter that says where a file goes and when, then the body.

use std::sync::Arc;

use serde::Serialize;

use super::Catalog;
use super::files::unknown;
use crate::base::{Finding, Located, Mode, Place, Report, Source, has_tags};
use crate::syntax::FileType;
use crate::syntax::yaml::{self, Node, Reader};

/// Where a file is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// On the machine.
    Node,
    /// In the cluster, by kubectl.
    Cluster,
    /// In the AWS account, as input of the AWS CLI.
    Aws,
    /// In the build of a container image.
    Image,
}

impl Plane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Node, Self::Cluster, Self::Aws, Self::Image];

    /// Its word, which is also its folder in a rendered tree.
    pub fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Cluster => "cluster",
            Self::Aws => "aws",
            Self::Image => "image",
        }
    }
}

/// One template.
#[derive(Debug, Clone)]
pub struct Template {
    /// `component/name`.
    pub name: String,
    /// What the file is for.
    pub summary: String,
    /// Where it goes; may be a template itself.
    pub path: Located<String>,
    /// Its mode.
    pub mode: Mode,
    /// Where it is used.
    pub plane: Plane,
    /// What it is written in.
    pub filetype: FileType,
    /// The condition under which it is rendered.
    pub when: Option<Located<String>>,
    /// Whether the body is copied as it is, without looking for template syntax.
    pub verbatim: bool,
    /// The whole file.
    pub source: Arc<Source>,
    /// Byte offset of the body in it.
    pub body_start: usize,
}

impl Template {
    /// The body.
    pub fn body(&self) -> &str {
        &self.source.text[self.body_start..]
    }

    /// Whether the body is copied as it is: because it says so, or because nothing in it is to be replaced.
    pub fn is_copied(&self) -> bool {
        self.verbatim || !has_tags(self.body())
    }

    /// How many lines stand before the body, to turn a line of the body into a line of the file.
    pub fn lines_before_body(&self) -> usize {
        self.source.text[..self.body_start].matches('\n').count()
    }
}

impl Catalog {
    /// The template `component/name`.
    pub(super) fn read_template(&self, name: &str, place: Option<&Place>) -> Result<Template, Report> {
        let path = format!("templates/{name}.j2");
        match self.file(&path) {
            Some(source) => parse(name, source, self.tree(&path)),
            None => Err(unknown("template", name, place, self.names("templates/", ".j2"))),
        }
    }
}

/// `front` is the front matter where it was read already.
fn parse(name: &str, source: &Arc<Source>, front: Option<Node>) -> Result<Template, Report> {
    let broken =
        |message: &str| -> Report { Finding::error("catalog/template", message, &Place::new(source, 0..3)).into() };
    let text = &source.text;
    let rest = text
        .strip_prefix("---\n")
        .ok_or_else(|| broken("a template begins with `---` and its front matter"))?;
    let end = rest
        .find("\n---\n")
        .ok_or_else(|| broken("the front matter has no closing `---`"))?;
    let body_start = 4 + end + 5;
    // `---` opens the document for the YAML reader too, so places in the front matter are places in the file.
    let node = match front {
        Some(node) => node,
        None => yaml::parse(&Source::new(source.name.clone(), &text[..=4 + end]))?,
    };
    let mut report = Report::new();
    let mut reader = Reader { report: &mut report };
    let mut fields = reader.map(&node, "front matter");
    let summary = fields
        .required(&mut reader, "summary")
        .and_then(|node| reader.text(node));
    let path = fields.required(&mut reader, "path").and_then(|node| reader.text(node));
    let mode = fields
        .required(&mut reader, "mode")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    let planes = [
        ("node", Plane::Node),
        ("cluster", Plane::Cluster),
        ("aws", Plane::Aws),
        ("image", Plane::Image),
    ];
    let plane = fields
        .required(&mut reader, "plane")
        .and_then(|node| reader.word(node, &planes));
    let filetype = fields
        .required(&mut reader, "type")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    let when = fields.optional("when").and_then(|node| reader.text(node));
    let verbatim = fields
        .optional("verbatim")
        .and_then(|node| reader.boolean(node))
        .is_some_and(|is| is.value);
    fields.done(&mut reader);
    // The places are told in the whole file.
    let whole = |text: Located<String>| Located {
        place: Place::new(source, text.place.start..text.place.end),
        value: text.value,
    };
    let template = || {
        Some(Template {
            name: name.to_owned(),
            summary: summary?.value,
            path: whole(path?),
            mode: mode?.value,
            plane: plane?.value,
            filetype: filetype?.value,
            when: when.map(whole),
            verbatim,
            source: Arc::clone(source),
            body_start,
        })
    };
    match template() {
        Some(template) if !report.has_errors() => Ok(template),
        _ => Err(report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_strict() {
        let good = "---\nsummary: s\npath: /x\nmode: \"0644\"\nplane: node\ntype: yaml\n---\nbody\n";
        let template = parse("a/b", &Source::new("t", good), None).unwrap();
        assert_eq!((template.body(), template.lines_before_body()), ("body\n", 7));
        for bad in [
            "body",
            "---\nsummary: s\n",
            "---\nsummary: s\n---\nbody",
            &good.replace("plane: node", "plane: moon"),
            &good.replace("mode:", "mod:"),
            &good.replace("0644", "644"),
        ] {
            assert!(parse("a/b", &Source::new("t", bad), None).is_err(), "{bad}");
        }
    }
}
