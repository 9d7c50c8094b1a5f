//! Instances as tables and JSON.

use serde::Serialize;

use crate::cli::table::table;
use crate::cloud::lambda::{Instance, dollars};
use crate::cloud::plain;

/// An instance as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'i> {
    /// The node, if nodebake launched it for one.
    node: Option<&'i str>,
    id: &'i str,
    name: Option<&'i str>,
    status: &'i str,
    instance_type: &'i str,
    region: &'i str,
    ip: Option<&'i str>,
    private_ip: Option<&'i str>,
    cents_per_hour: u64,
    ssh_keys: &'i [String],
    file_systems: &'i [String],
    firewall_rulesets: &'i [String],
    tags: std::collections::BTreeMap<&'i str, &'i str>,
}

impl<'i> Shown<'i> {
    pub(super) fn new(instance: &'i Instance) -> Self {
        Self {
            node: instance.node(),
            id: &instance.id,
            name: instance.name.as_deref(),
            status: instance.status.as_str(),
            instance_type: &instance.instance_type.name,
            region: &instance.region.name,
            ip: instance.ip.as_deref(),
            private_ip: instance.private_ip.as_deref(),
            cents_per_hour: instance.instance_type.cents_per_hour,
            ssh_keys: &instance.ssh_keys,
            file_systems: &instance.file_systems,
            firewall_rulesets: &instance.rulesets,
            tags: instance
                .tags
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect(),
        }
    }
}

/// Instances, one a line.
pub(super) fn instances(all: &[&Instance]) -> String {
    let dash = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), plain);
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            vec![
                dash(one.node()),
                one.id.clone(),
                plain(one.status.as_str()),
                plain(&one.instance_type.name),
                plain(&one.region.name),
                dash(one.ip.as_deref()),
                dollars(one.instance_type.cents_per_hour),
            ]
        })
        .collect();
    table(&["NODE", "ID", "STATUS", "TYPE", "REGION", "ADDRESS", "AN HOUR"], &rows)
}
