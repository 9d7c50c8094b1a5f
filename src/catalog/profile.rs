//! Profiles: what a node of one kind consists of.

use serde::Serialize;

use super::Catalog;
use super::files::unknown;
use crate::base::{LabelKey, LabelValue, Located, Place, Report};
use crate::syntax::PluginUse;
use crate::syntax::yaml::{Node, Reader};

/// How nodes of a profile get their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// Derived from one address: `fargate-ip-10-0-2-233.REGION.compute.internal`.
    Satellite,
    /// Given by the user; it is the session name too.
    Hybrid,
}

/// What machines of a profile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Machine {
    /// Nodes of the cluster.
    Node,
    /// Proxies before satellites.
    Proxy,
}

/// A kind of node.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What it is.
    pub summary: String,
    /// What machines of it are.
    pub machine: Machine,
    /// How its nodes are named; of a proxy, those behind it.
    pub naming: Naming,
    /// Values it sets where the user sets none, by their path in the plan.
    pub defaults: Vec<(Located<String>, Node)>,
    /// Labels every node has.
    pub labels: Vec<(Located<LabelKey>, Located<LabelValue>)>,
    /// Templates in the order they are rendered.
    pub templates: Vec<Located<String>>,
    /// The plugins that take part in its nodes.
    pub plugins: Vec<PluginUse>,
    /// Where the file is.
    pub place: Place,
}

impl Profile {
    /// The default at `path`, if the profile sets one.
    pub fn default(&self, path: &str) -> Option<&Node> {
        self.defaults
            .iter()
            .find(|(key, _)| key.value == path)
            .map(|(_, node)| node)
    }
}

impl Catalog {
    /// The profile `name`.
    pub(super) fn read_profile(&self, name: &Located<String>) -> Result<Profile, Report> {
        let path = format!("profiles/{}.yaml", name.value);
        if self.file(&path).is_none() || name.value.contains('/') {
            return Err(unknown("profile", &name.value, Some(&name.place), self.profile_names()));
        }
        self.read(&path, profile)
    }

    /// The names of all profiles: the YAML files directly in profiles/ but for the sizing table.
    pub fn profile_names(&self) -> impl Iterator<Item = &str> {
        self.names("profiles/", ".yaml")
            .filter(|name| !name.contains('/') && *name != "sizing")
    }
}

fn profile(reader: &mut Reader<'_>, node: &Node) -> Option<Profile> {
    let mut fields = reader.map(node, "a profile");
    let name = fields.required(reader, "name").and_then(|node| reader.text(node));
    let summary = fields.required(reader, "summary").and_then(|node| reader.text(node));
    let words = [("satellite", Naming::Satellite), ("hybrid", Naming::Hybrid)];
    let naming = fields
        .required(reader, "naming")
        .and_then(|node| reader.word(node, &words));
    let machines = [("node", Machine::Node), ("proxy", Machine::Proxy)];
    let machine = match fields.optional("machine") {
        Some(node) => reader.word(node, &machines)?.value,
        None => Machine::Node,
    };
    let defaults = fields.optional("defaults");
    let labels = fields.optional("labels");
    let templates = fields.required(reader, "templates");
    let plugins = fields.optional("plugins");
    fields.done(reader);
    let mut own_defaults = Vec::new();
    if let Some(node) = defaults {
        reader.map(node, "defaults");
        for entry in node.entries() {
            let key = Located {
                value: entry.key.clone(),
                place: entry.key_place.clone(),
            };
            own_defaults.push((key, entry.value.clone()));
        }
    }
    let mut own_labels = Vec::new();
    if let Some(node) = labels {
        reader.map(node, "labels");
        for entry in node.entries() {
            let value = reader.parsed(&entry.value, "catalog/value");
            match entry.key.parse() {
                Ok(key) => {
                    let key = Located {
                        value: key,
                        place: entry.key_place.clone(),
                    };
                    own_labels.extend(value.map(|value| (key, value)));
                }
                Err(error) => reader
                    .report
                    .push(crate::base::Finding::error("catalog/value", error, &entry.key_place)),
            }
        }
    }
    Some(Profile {
        name: name?.value,
        summary: summary?.value,
        machine,
        naming: naming?.value,
        defaults: own_defaults,
        labels: own_labels,
        templates: reader
            .list(templates?)
            .iter()
            .filter_map(|item| reader.text(item))
            .collect(),
        plugins: plugins
            .map(|node| PluginUse::read_all(reader, node))
            .unwrap_or_default(),
        place: node.place.clone(),
    })
}
