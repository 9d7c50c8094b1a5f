//! Which containerd fits which Kubernetes, and which configuration schema it reads.

use super::Catalog;
use crate::base::{KubeMinor, Report, Version};
use crate::syntax::yaml::{Node, Reader};

/// The table of `profiles/kubernetes/containerd.yaml`.
#[derive(Debug, Clone)]
pub struct ContainerdTable {
    schemas: Vec<(Version, u64)>,
    kubernetes: Vec<(KubeMinor, Vec<Version>)>,
}

impl ContainerdTable {
    /// The schema version nodebake writes for containerd `version`; `None` below the oldest row.
    pub fn schema(&self, version: &Version) -> Option<u64> {
        self.schemas
            .iter()
            .rev()
            .find(|(from, _)| from <= version)
            .map(|(_, writes)| *writes)
    }

    /// The lowest release of each containerd line that fits Kubernetes `minor`; `None` if the table has no row for it.
    pub fn lines(&self, minor: KubeMinor) -> Option<&[Version]> {
        self.kubernetes
            .iter()
            .find(|(row, _)| *row == minor)
            .map(|(_, lines)| lines.as_slice())
    }

    /// Whether containerd `version` fits Kubernetes `minor`: its own line is listed, and it is not older than the
    /// listed release.
    pub fn fits(&self, version: &Version, minor: KubeMinor) -> bool {
        let same_line = |low: &&Version| low.major() == version.major() && low.minor() == version.minor();
        self.lines(minor)
            .unwrap_or_default()
            .iter()
            .find(same_line)
            .is_some_and(|low| low <= version)
    }
}

impl Catalog {
    /// The containerd table.
    pub(super) fn read_containerd_table(&self) -> Result<ContainerdTable, Report> {
        self.read("profiles/kubernetes/containerd.yaml", |reader, node| {
            let mut fields = reader.map(node, "the containerd table");
            let schemas = fields.required(reader, "schemas");
            let kubernetes = fields.required(reader, "kubernetes");
            fields.done(reader);
            Some(ContainerdTable {
                schemas: reader
                    .list(schemas?)
                    .iter()
                    .filter_map(|row| schema(reader, row))
                    .collect(),
                kubernetes: reader
                    .list(kubernetes?)
                    .iter()
                    .filter_map(|row| minor(reader, row))
                    .collect(),
            })
        })
    }
}

fn schema(reader: &mut Reader<'_>, node: &Node) -> Option<(Version, u64)> {
    let mut fields = reader.map(node, "a schema row");
    let from = fields
        .required(reader, "from")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    fields.required(reader, "reads").map(|node| reader.integer(node, 2, 4));
    let writes = fields
        .required(reader, "writes")
        .and_then(|node| reader.integer(node, 2, 3));
    fields.done(reader);
    Some((from?.value, writes?.value))
}

fn minor(reader: &mut Reader<'_>, node: &Node) -> Option<(KubeMinor, Vec<Version>)> {
    let mut fields = reader.map(node, "a Kubernetes row");
    let minor = fields
        .required(reader, "minor")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    let at_least = fields.required(reader, "atLeast");
    fields.optional("inferred").map(|node| reader.list(node));
    fields.optional("source").map(|node| reader.text(node));
    fields.done(reader);
    let lines = reader.list(at_least?);
    let lines = lines
        .iter()
        .filter_map(|item| reader.parsed(item, "catalog/value"))
        .map(|line| line.value);
    Some((minor?.value, lines.collect()))
}
