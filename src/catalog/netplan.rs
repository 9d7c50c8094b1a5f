//! What each netplan reads: the table of `profiles/netplan/keys.yaml`.

use super::Catalog;
use crate::base::{Report, Version};
use crate::syntax::yaml::{Kind, Node, Reader};

/// All maps of a netplan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetplanTable {
    maps: Vec<NetplanMap>,
}

/// One map of a netplan file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NetplanMap {
    name: String,
    /// Maps whose keys it has too.
    with: Vec<String>,
    keys: Vec<NetplanKey>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetplanKey {
    /// The key.
    pub key: String,
    /// The first netplan that knows it, if not all do.
    pub since: Option<Version>,
    /// The map that it is.
    pub holds: Option<String>,
    /// The map that each of its items or values is.
    pub each: Option<String>,
}

impl NetplanTable {
    /// The keys of the map `name`, those it shares with others included; none for a map the table does not have.
    pub fn keys(&self, name: &str) -> Vec<&NetplanKey> {
        let named = |name: &str| self.maps.iter().find(move |map| map.name == name);
        let Some(map) = named(name) else {
            return Vec::new();
        };
        // Shared maps share nothing themselves.
        let shared = map.with.iter().filter_map(|name| named(name));
        let shared = shared.flat_map(|map| &map.keys);
        map.keys.iter().chain(shared).collect()
    }
}

impl Catalog {
    /// Reads the table of netplan's keys.
    pub(super) fn read_netplan_table(&self) -> Result<NetplanTable, Report> {
        self.read("profiles/netplan/keys.yaml", |reader, node| {
            let mut fields = reader.map(node, "the netplan table");
            let covers = fields.required(reader, "covers");
            let maps = fields.required(reader, "maps");
            fields.done(reader);
            let mut range = reader.map(covers?, "covers");
            for end in ["from", "to"] {
                let node = range.required(reader, end);
                node.and_then(|node| reader.parsed::<Version>(node, "catalog/value"));
            }
            range.done(reader);
            let rows = reader.list(maps?).iter();
            Some(NetplanTable {
                maps: rows.filter_map(|row| map(reader, row)).collect(),
            })
        })
    }
}

fn map(reader: &mut Reader<'_>, node: &Node) -> Option<NetplanMap> {
    let mut fields = reader.map(node, "a map's row");
    let name = fields.required(reader, "name").and_then(|node| reader.text(node));
    let with = fields.optional("with");
    let keys = fields.required(reader, "keys");
    fields.done(reader);
    let with = with.map(|node| reader.list(node)).unwrap_or_default();
    let with = with.iter().filter_map(|node| reader.text(node)).map(|text| text.value);
    let with = with.collect();
    let keys = reader.list(keys?).iter();
    Some(NetplanMap {
        name: name?.value,
        with,
        keys: keys.filter_map(|node| key(reader, node)).collect(),
    })
}

fn key(reader: &mut Reader<'_>, node: &Node) -> Option<NetplanKey> {
    if matches!(node.kind, Kind::Scalar { .. }) {
        return Some(NetplanKey {
            key: reader.text(node)?.value,
            since: None,
            holds: None,
            each: None,
        });
    }
    let mut fields = reader.map(node, "a key's row");
    let key = fields.required(reader, "key").and_then(|node| reader.text(node));
    let since = fields
        .optional("since")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    let holds = fields.optional("holds").and_then(|node| reader.text(node));
    let each = fields.optional("each").and_then(|node| reader.text(node));
    fields.done(reader);
    Some(NetplanKey {
        key: key?.value,
        since: since.map(|since| since.value),
        holds: holds.map(|text| text.value),
        each: each.map(|text| text.value),
    })
}
