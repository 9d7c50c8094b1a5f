//! The tree's YAML and JSON files, read once a run for every check that looks into them.

use std::borrow::Cow;
use std::ptr;

use super::Subject;
use crate::base::{Finding, Place, Report, closest};
use crate::catalog::Plane;
use crate::syntax::FileType;
use crate::syntax::yaml::{self, Kind, Node};
use crate::tree::Entry;

/// One file.
#[derive(Debug)]
pub(super) struct Document<'v> {
    /// The file.
    pub(super) entry: &'v Entry,
    /// What it says, or why it cannot be read.
    pub(super) read: Result<Node, Report>,
}

/// Reads every YAML and JSON file of the tree.
pub(super) fn read<'v>(subject: &Subject<'v>) -> Vec<Document<'v>> {
    let structured = |entry: &&Entry| matches!(entry.filetype, FileType::Yaml | FileType::Json);
    let read = |entry: &'v Entry| {
        let source = entry.source();
        let read = yaml::parse(&source);
        let read = match (read, entry.filetype) {
            // JSON that is no YAML to us: a tab as indentation, an escaped slash.
            (Err(report), FileType::Json) => serde_json::from_str(&entry.text)
                .map(|value| from_json(&value, &Place::new(&source, 0..0)))
                .map_err(|_| report),
            (read, _) => read,
        };
        Document { entry, read }
    };
    subject.tree.iter().filter(structured).map(read).collect()
}

/// A JSON value as a tree; its places are the file's.
fn from_json(value: &serde_json::Value, place: &Place) -> Node {
    use serde_json::Value;
    let scalar = |text: Cow<'_, str>, plain| Kind::Scalar {
        text: text.into_owned(),
        plain,
    };
    let kind = match value {
        Value::Null => scalar("null".into(), true),
        Value::Bool(bool) => scalar(bool.to_string().into(), true),
        Value::Number(number) => scalar(number.to_string().into(), true),
        Value::String(text) => scalar(text.into(), false),
        Value::Array(items) => Kind::List(items.iter().map(|item| from_json(item, place)).collect()),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| yaml::Entry {
                key: key.clone(),
                key_place: place.clone(),
                value: from_json(value, place),
            };
            Kind::Map(map.iter().map(entry).collect())
        }
    };
    Node {
        place: place.clone(),
        kind,
    }
}

/// What a file of the tree says; none if it is no YAML.
pub(super) fn of<'s>(subject: &'s Subject<'_>, entry: &Entry) -> Option<Cow<'s, Node>> {
    let known = subject
        .documents()
        .iter()
        .find(|document| ptr::eq(document.entry, entry));
    match known {
        Some(document) => document.read.as_ref().ok().map(Cow::Borrowed),
        // Its type says something else.
        None => yaml::parse(&entry.source()).ok().map(Cow::Owned),
    }
}

/// The file at `path` of a plane with what it says; none if it is not there or no YAML.
pub(super) fn at<'s>(subject: &'s Subject<'_>, plane: Plane, path: &str) -> Option<(&'s Entry, Cow<'s, Node>)> {
    let entry = subject.tree.get(plane, path)?;
    Some((entry, of(subject, entry)?))
}

/// The documents of one plane that can be read.
pub(super) fn plane<'s>(subject: &'s Subject<'_>, plane: Plane) -> impl Iterator<Item = (&'s Entry, &'s Node)> {
    let read = move |document: &'s Document<'_>| {
        let node = document.read.as_ref().ok()?;
        (document.entry.plane == plane).then_some((document.entry, node))
    };
    subject.documents().iter().filter_map(read)
}

/// The text at `key` of a map.
pub(super) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::text)
}

/// The keys of a map that its reader does not know.
pub(super) fn strangers(id: &'static str, node: &Node, what: &str, known: &[&str]) -> Vec<Finding> {
    let unknown = node
        .entries()
        .iter()
        .filter(|entry| !known.contains(&entry.key.as_str()));
    unknown
        .map(|entry| {
            let message = format!("`{}` is not a key of {what}", entry.key);
            let finding = Finding::error(id, message, &entry.key_place);
            match closest(&entry.key, known.iter().copied()) {
                Some(word) => finding.hint(format!("did you mean `{word}`?")),
                None => finding.hint(format!("its keys are {}", known.join(", "))),
            }
        })
        .collect()
}

/// Whether the tree or an artifact puts something at `path`, or below it.
pub(super) fn brought(subject: &Subject<'_>, path: &str) -> bool {
    let within = |folder: &str, path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let artifacts = &subject.plan.artifacts;
    subject.tree.get(Plane::Node, path).is_some()
        || artifacts.iter().any(|artifact| artifact.dest == path)
        || subject.tree.plane(Plane::Node).any(|entry| entry.path.is_below(path))
        || artifacts
            .iter()
            .any(|artifact| within(&artifact.dest, path) || within(path, &artifact.dest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Source;

    #[test]
    fn json_that_is_no_yaml_is_read_all_the_same() {
        let text = "{\n\t\"a\": [1, true, null, \"x\\/y\"]\n}\n";
        let source = Source::new("t.json", text);
        let node = from_json(&serde_json::from_str(text).unwrap(), &Place::new(&source, 0..0));
        let items = node.get("a").unwrap().items();
        assert_eq!(items[3].text(), Some("x/y"));
        assert!(items[2].is_null() && !items[3].is_null());
    }
}
