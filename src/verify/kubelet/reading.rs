//! What this node's kubelet will run with, read once a run: its configuration with every drop-in laid over it, its
//! feature gates, its command line.

use super::gates::Gates;
use super::layers::{command_line, configuration};
use super::quantities::nanoseconds;
use super::schema::{self, Faults};
use crate::base::{Finding, KubeMinor, Place, Severity};
use crate::catalog::Catalog;
use crate::syntax::yaml::{Entry, Node};
use crate::verify::Subject;

/// The kubelet of one node.
#[derive(Debug)]
pub(in crate::verify) struct Reading {
    /// Its minor.
    pub(super) minor: KubeMinor,
    /// The configuration in effect. Every value knows where it was written.
    pub(in crate::verify) config: Node,
    /// Its command line: each word, and the line it stands in.
    pub(super) words: Vec<(String, Place)>,
    /// What the schema says of the configuration.
    pub(super) faults: Faults,
    /// Which feature gates are on.
    pub(super) gates: Gates,
    /// The name of our generated file.
    ours: Option<String>,
    /// What the user laid over it: what a null removed still has its place here.
    user: Option<Node>,
}

impl Reading {
    pub(in crate::verify) fn new(subject: &Subject<'_>) -> Self {
        let minor = subject.plan.minor();
        let words = command_line(subject);
        let (ours, config) = configuration(subject, flag_in(&words, "config-dir"));
        let gates = Gates::new(&config, &words, minor);
        let faults = schema::walk(subject, &config, &gates, ours.as_deref());
        Self {
            minor,
            config,
            words,
            faults,
            gates,
            ours,
            user: subject.plan.spec.node().and_then(|node| node.kubelet.config.clone()),
        }
    }

    /// The value at a dotted path; `None` where there is none, or one that the schema refused already.
    pub(super) fn at(&self, path: &str) -> Option<&Node> {
        let found = path.split('.').try_fold(&self.config, |node, key| node.get(key))?;
        (!found.is_null() && self.is_sound(found)).then_some(found)
    }

    /// The entries of the map at `path` that have a value which the schema did not refuse.
    pub(super) fn entries(&self, path: &str) -> impl Iterator<Item = &Entry> {
        let entries = self.at(path).map(Node::entries).unwrap_or_default();
        let refused = |entry: &&Entry| self.faults.names.contains(&entry.key_place);
        entries
            .iter()
            .filter(|entry| !entry.value.is_null() && self.is_sound(&entry.value))
            .filter(move |entry| !refused(entry))
    }

    /// The entry `key` of the map at `path`: for keys with dots.
    pub(super) fn entry(&self, path: &str, key: &str) -> Option<&Node> {
        self.entries(path)
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// Whether the schema has nothing against a value.
    pub(super) fn is_sound(&self, node: &Node) -> bool {
        !self.faults.refused.contains(&node.place)
    }

    /// Text at `path`.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(Node::text)
    }

    /// Text at `path` that says something.
    pub(super) fn said(&self, path: &str) -> Option<&str> {
        self.text(path).filter(|text| !text.is_empty())
    }

    /// A boolean at `path`, or what the kubelet takes without it.
    pub(super) fn truth(&self, path: &str, default: bool) -> bool {
        self.text(path).map_or(default, |text| text == "true")
    }

    /// A whole number at `path`.
    pub(super) fn number(&self, path: &str) -> Option<i64> {
        self.text(path).and_then(|text| text.parse().ok())
    }

    /// A duration at `path`, in nanoseconds.
    pub(super) fn duration(&self, path: &str) -> Option<i128> {
        self.text(path).and_then(nanoseconds)
    }

    /// A mistake in how several values go together: it points at the one the user wrote or removed, and names the
    /// others.
    pub(super) fn clash(&self, id: &'static str, message: impl Into<String>, paths: &[&str]) -> Finding {
        let named: Vec<(&str, &Node)> = paths.iter().filter_map(|path| Some((*path, self.at(path)?))).collect();
        let finding = self.clash_of(id, message, &named);
        if finding.place.as_ref().is_some_and(|place| !self.is_ours(place)) {
            return finding;
        }
        match paths.iter().find_map(|path| self.removed(path)) {
            Some(place) => match finding.place.clone() {
                Some(ours) => finding.at(place.clone()).note(&ours, format!("`{}`", paths[0])),
                None => finding.at(place.clone()),
            },
            None => finding,
        }
    }

    /// Where the user removed the value at `path`, or a map above it.
    pub(super) fn removed(&self, path: &str) -> Option<&Place> {
        let mut node = self.user.as_ref()?;
        for key in path.split('.') {
            node = node.get(key)?;
            if node.is_null() {
                break;
            }
        }
        node.is_null().then_some(&node.place)
    }

    /// [`Self::clash`] of values that were looked up already.
    pub(super) fn clash_of(&self, id: &'static str, message: impl Into<String>, named: &[(&str, &Node)]) -> Finding {
        let finding = Finding::new(Severity::Error, id, message);
        let user = named.iter().position(|(_, node)| !self.is_ours(&node.place));
        let Some((_, main)) = named.get(user.unwrap_or(0)) else {
            return finding;
        };
        let others = named.iter().filter(|(_, node)| node.place != main.place);
        others.fold(finding.at(main.place.clone()), |finding, (name, node)| {
            finding.note(&node.place, format!("`{name}`"))
        })
    }

    /// Whether something was written in our generated file.
    pub(super) fn is_ours(&self, place: &Place) -> bool {
        self.ours.as_ref() == Some(&place.source.name)
    }

    /// Whether this kubelet has the feature gate `name`, and it is on.
    pub(in crate::verify) fn has_gate(&self, name: &str, catalog: &Catalog) -> bool {
        self.gates.knows(name, catalog) && self.gates.is_on(name, catalog)
    }

    /// The value of the flag `name`.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        flag_in(&self.words, name)
    }
}

/// The value of the flag `name` among the words of a command line.
pub(super) fn flag_in<'w>(words: &'w [(String, Place)], name: &str) -> Option<&'w str> {
    words
        .iter()
        .find_map(|(word, _)| word.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
}
