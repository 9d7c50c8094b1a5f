//! Requests: what a plugin needs by its pin, and nothing else.

use serde_json::{Map, Value};

use super::{File, Glob, NodeFacts, Op, PROTOCOL, Pin, Request};
use crate::base::PluginKind;
use crate::plan::Plan;
use crate::spec::NodeSpec;
use crate::syntax::PluginUse;
use crate::tree::{Entry, FileTree};

impl Request {
    /// Asks a program who it is.
    pub fn describe() -> Self {
        Self {
            protocol: PROTOCOL,
            op: Op::Describe,
            kind: None,
            name: None,
            with: Value::Null,
            node: None,
            plan: None,
            files: None,
            artifact: None,
        }
    }

    /// Asks for work, without inputs yet.
    pub(super) fn run(kind: PluginKind, one: &PluginUse) -> Self {
        Self {
            op: Op::Run,
            kind: Some(kind),
            name: Some(one.name.value.clone()),
            with: one.with.clone(),
            ..Self::describe()
        }
    }

    pub(super) fn with_node(mut self, pin: &Pin, spec: &NodeSpec) -> Self {
        self.node = pin.access.node.then(|| NodeFacts {
            name: spec.name.value.clone(),
            profile: spec.profile.value.clone(),
            image: spec.image.value.clone(),
            instance_type: spec.instance_type.value.clone(),
        });
        self
    }

    pub(super) fn with_plan(mut self, pin: &Pin, plan: &Plan) -> Self {
        if !pin.access.plan.is_empty() {
            self.plan = Some(parts(&plan.book.to_context(), &pin.access.plan));
        }
        self
    }

    pub(super) fn with_files(mut self, pin: &Pin, tree: &FileTree) -> Self {
        if !pin.access.files.is_empty() {
            self.files = Some(visible(pin, tree).map(file).collect());
        }
        self
    }
}

/// The files a plugin may see.
pub(super) fn visible<'t>(pin: &Pin, tree: &'t FileTree) -> impl Iterator<Item = &'t Entry> {
    let globs = globs(&pin.access.files);
    tree.iter()
        .filter(move |entry| globs.iter().any(|glob| glob.matches(&entry.tree_path())))
}

/// The pattern list of a pin; patterns were checked when it was read.
pub(super) fn globs(patterns: &[String]) -> Vec<Glob> {
    patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect()
}

fn file(entry: &Entry) -> File {
    File {
        plane: entry.plane.word().into(),
        path: entry.path.to_string(),
        mode: entry.mode.to_string(),
        filetype: entry.filetype.word().into(),
        text: entry.text.clone(),
    }
}

/// The subtree of `all` that has `paths` only. What is not there is left out: another node may have it.
fn parts(all: &Value, paths: &[String]) -> Map<String, Value> {
    let mut found = Map::new();
    let mut sorted: Vec<&String> = paths.iter().collect();
    // A whole before its parts, which then find themselves in it.
    sorted.sort_by_key(|path| (path.matches('.').count(), *path));
    for path in sorted {
        let names: Vec<&str> = path.split('.').collect();
        if let Some(value) = names.iter().try_fold(all, |value, name| value.get(name)) {
            put(&mut found, &names, value);
        }
    }
    found
}

fn put(into: &mut Map<String, Value>, names: &[&str], value: &Value) {
    match names {
        [] => {}
        [last] => drop(into.insert((*last).to_owned(), value.clone())),
        [first, rest @ ..] => {
            let next = into
                .entry((*first).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(next) = next {
                put(next, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_of_a_plan() {
        let all = json!({"a": {"b": {"c": 1, "d": 2}, "e": 3}, "f": [4], "g": 5});
        let of = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            Value::Object(parts(&all, &paths)).to_string()
        };
        assert_eq!(of(&["a.b.c", "f"]), r#"{"f":[4],"a":{"b":{"c":1}}}"#);
        assert_eq!(of(&["a.b.c", "a"]), r#"{"a":{"b":{"c":1,"d":2},"e":3}}"#);
        assert_eq!(of(&["nothing.here", "g.x", ""]), "{}");
    }
}
