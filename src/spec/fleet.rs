//! The kinds of document: one node, a fleet that shares defaults, or the proxy before satellites.

use std::sync::Arc;

use super::{KubeletSpec, NodeSpec, ProxySpec};
use crate::base::{Finding, Located, Report, Source, is_dns1123_subdomain};
use crate::syntax::yaml::{self, Entry, Kind, Node, Reader};

/// The version of the format. Every version keeps its meaning for ever.
pub const API_VERSION: &str = "nodebake/v1";

/// A `node.yaml` as a whole.
#[derive(Debug, Clone)]
pub struct Document {
    /// `metadata.name`.
    pub name: Located<String>,
    /// Whether it is a fleet.
    pub is_fleet: bool,
    /// The nodes, in the order they were written; exactly one unless it is a fleet.
    pub nodes: Vec<NodeSpec>,
}

/// What `kind` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Node,
    Fleet,
    Proxy,
}

/// Reads a `node.yaml`. All mistakes of form are reported together.
pub fn read(source: &Arc<Source>) -> Result<Document, Report> {
    let root = yaml::parse(source)?;
    let mut report = Report::new();
    let document = document(&mut Reader { report: &mut report }, &root);
    match document {
        Some(document) if !report.has_errors() => Ok(document),
        _ => Err(report),
    }
}

const KINDS: [(&str, Word); 3] = [("Node", Word::Node), ("Fleet", Word::Fleet), ("Proxy", Word::Proxy)];

fn document(reader: &mut Reader<'_>, root: &Node) -> Option<Document> {
    let mut fields = reader.map(root, "the document");
    if let Some(node) = fields.required(reader, "apiVersion") {
        reader.word(node, &[(API_VERSION, ())]);
    }
    let kind = fields
        .required(reader, "kind")
        .and_then(|node| reader.word(node, &KINDS));
    let metadata = fields.required(reader, "metadata");
    let spec = fields.required(reader, "spec");
    fields.done(reader);

    let name = metadata.and_then(|node| {
        let mut fields = reader.map(node, "metadata");
        let name = fields.required(reader, "name").and_then(|node| name(reader, node));
        fields.done(reader);
        name
    });
    let (kind, spec) = (kind?, spec?);
    let nodes = match kind.value {
        Word::Fleet => fleet(reader, spec),
        Word::Node => NodeSpec::read(reader, spec, name.clone()?, KubeletSpec::read)
            .into_iter()
            .collect(),
        Word::Proxy => NodeSpec::read(reader, spec, name.clone()?, ProxySpec::read)
            .into_iter()
            .collect(),
    };
    Some(Document {
        name: name?,
        is_fleet: kind.value == Word::Fleet,
        nodes,
    })
}

/// A name that can be a file name and a Kubernetes object's.
pub(super) fn name(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let name = reader.text(node)?;
    if !is_dns1123_subdomain(&name.value) {
        let message = format!(
            "`{}` is not a name: lower-case letters, digits, `-` and `.`",
            name.value
        );
        reader.report.push(Finding::error("spec/name", message, &name.place));
        return None;
    }
    Some(name)
}

fn fleet(reader: &mut Reader<'_>, spec: &Node) -> Vec<NodeSpec> {
    let mut fields = reader.map(spec, "spec of a Fleet");
    let defaults = fields.optional("defaults");
    let nodes = fields.required(reader, "nodes");
    fields.done(reader);
    if let Some(defaults) = defaults {
        reader.map(defaults, "defaults");
    }
    let mut specs: Vec<NodeSpec> = Vec::new();
    let Some(nodes) = nodes else { return specs };
    let items = reader.list(nodes);
    if items.is_empty() {
        reader.report.push(Finding::error(
            "spec/empty-fleet",
            "a fleet has at least one node",
            &nodes.place,
        ));
    }
    for item in items {
        let mut fields = reader.map(item, "a node of the fleet");
        let name = fields.required(reader, "name").and_then(|node| name(reader, node));
        let own: Vec<Entry> = item
            .entries()
            .iter()
            .filter(|entry| entry.key != "name")
            .cloned()
            .collect();
        let own = Node {
            place: item.place.clone(),
            kind: Kind::Map(own),
        };
        let merged = match defaults {
            Some(defaults) => own.over(defaults),
            None => own,
        };
        let Some(name) = name else { continue };
        if let Some(first) = specs.iter().find(|other| other.name.value == name.value) {
            reader.report.push(
                Finding::error(
                    "spec/duplicate-node",
                    format!("a second node is called `{}`", name.value),
                    &name.place,
                )
                .note(&first.name.place, "the first one"),
            );
        }
        specs.extend(NodeSpec::read(reader, &merged, name, KubeletSpec::read));
    }
    specs
}
