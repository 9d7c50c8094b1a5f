//! What cloud-init knows, and what nodebake makes of it in a user's own cloud-config.

use super::Catalog;
use crate::base::{Report, Version};
use crate::syntax::yaml::{Node, Reader};

/// One top-level key of a cloud-config document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudConfigKey {
    /// The key.
    pub key: String,
    /// The first cloud-init that knows it, if that is later than the oldest image's.
    pub since: Option<Version>,
    /// Why it cannot be merged.
    pub refuse: Option<String>,
    /// Why somebody should look.
    pub warn: Option<String>,
}

impl Catalog {
    /// Reads the table of keys.
    pub(super) fn read_cloud_config_keys(&self) -> Result<Vec<CloudConfigKey>, Report> {
        self.read("profiles/cloud-init/keys.yaml", |reader, node| {
            let mut fields = reader.map(node, "the table of cloud-config keys");
            let keys = fields.required(reader, "keys");
            fields.done(reader);
            Some(reader.list(keys?).iter().filter_map(|row| key(reader, row)).collect())
        })
    }
}

fn key(reader: &mut Reader<'_>, node: &Node) -> Option<CloudConfigKey> {
    let mut fields = reader.map(node, "a key's row");
    let key = fields.required(reader, "key").and_then(|node| reader.text(node));
    let since = fields
        .optional("since")
        .and_then(|node| reader.parsed(node, "catalog/value"));
    let mut text = |name| {
        fields
            .optional(name)
            .and_then(|node| reader.text(node))
            .map(|text| text.value)
    };
    let refuse = text("refuse");
    let warn = text("warn");
    fields.done(reader);
    Some(CloudConfigKey {
        key: key?.value,
        since: since.map(|since| since.value),
        refuse,
        warn,
    })
}
