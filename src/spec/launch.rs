//! `launch`: what a launch through a cloud's API takes beside what is baked. Nothing of it gets into a file.

use crate::base::{Finding, Located, Place};
use crate::syntax::yaml::{Node, Reader};

/// `launch`.
#[derive(Debug, Clone)]
pub struct LaunchSpec {
    /// Where it is.
    pub place: Place,
    /// The region, or `any`.
    pub region: Option<Located<String>>,
    /// The name of the SSH key.
    pub ssh_key: Option<Located<String>>,
    /// What people see, if not the node's name.
    pub name: Option<Located<String>>,
    /// Filesystems, by name.
    pub file_systems: Vec<Located<String>>,
    /// Firewall rulesets, by id or name.
    pub firewall_rulesets: Vec<Located<String>>,
    /// Tags.
    pub tags: Vec<(Located<String>, Located<String>)>,
}

impl LaunchSpec {
    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "launch");
        let mut text = |reader: &mut Reader<'_>, key, check: fn(&str) -> Result<(), String>| {
            fields.optional(key).and_then(|node| checked(reader, node, check))
        };
        let region = text(reader, "region", check_region);
        let ssh_key = text(reader, "sshKey", check_name);
        let name = text(reader, "name", check_name);
        let mut texts = |reader: &mut Reader<'_>, key, check: fn(&str) -> Result<(), String>| {
            let items = fields.optional(key).map(|node| reader.list(node)).unwrap_or_default();
            let read: Vec<Located<String>> = items.iter().filter_map(|item| checked(reader, item, check)).collect();
            for (at, one) in read.iter().enumerate() {
                if let Some(first) = read.iter().take(at).find(|first| first.value == one.value) {
                    let message = format!("`{}` is given twice", one.value);
                    let finding = Finding::error("spec/launch", message, &one.place);
                    reader.report.push(finding.note(&first.place, "the first one"));
                }
            }
            read
        };
        let file_systems = texts(reader, "fileSystems", check_file_system);
        let firewall_rulesets = texts(reader, "firewallRulesets", check_name);
        let tags = fields
            .optional("tags")
            .map(|node| tags(reader, node))
            .unwrap_or_default();
        fields.done(reader);
        Self {
            place: node.place.clone(),
            region,
            ssh_key,
            name,
            file_systems,
            firewall_rulesets,
            tags,
        }
    }
}

fn checked(reader: &mut Reader<'_>, node: &Node, check: fn(&str) -> Result<(), String>) -> Option<Located<String>> {
    let text = reader.text(node)?;
    match check(&text.value) {
        Ok(()) => Some(text),
        Err(why) => {
            reader.report.push(Finding::error("spec/launch", why, &text.place));
            None
        }
    }
}

fn tags(reader: &mut Reader<'_>, node: &Node) -> Vec<(Located<String>, Located<String>)> {
    reader.map(node, "tags");
    let mut read = Vec::new();
    for entry in node.entries() {
        let Some(value) = reader.text(&entry.value) else {
            continue;
        };
        match check_tag(&entry.key, &value.value) {
            Ok(()) => {
                let key = Located {
                    value: entry.key.clone(),
                    place: entry.key_place.clone(),
                };
                read.push((key, value));
            }
            Err(why) => reader.report.push(Finding::error("spec/launch", why, &entry.key_place)),
        }
    }
    read
}

/// A region's name, or `any`.
pub fn check_region(text: &str) -> Result<(), String> {
    let tame = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 64 || !text.chars().all(tame) {
        return Err(format!("`{text}` is no region: `us-west-1`, or `any`"));
    }
    Ok(())
}

/// A name of something in the account: 1 to 64 characters.
pub fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().count() > 64 || text.chars().any(char::is_control) {
        return Err(format!("`{text}` is no name: 1 to 64 characters"));
    }
    Ok(())
}

/// A filesystem's name: letters, digits and `-`, a letter first, up to 60 (Lambda's OpenAPI document 1.10.0).
pub fn check_file_system(text: &str) -> Result<(), String> {
    let tame = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins || text.len() > 60 || !text.chars().all(tame) {
        return Err(format!(
            "`{text}` is no filesystem's name: letters, digits and `-`, a letter first, up to 60"
        ));
    }
    Ok(())
}

/// A tag as Lambda takes it (OpenAPI document 1.10.0): keys of lower-case letters, digits, `-` and `:`, a letter first,
/// 2 to 55 characters; values of up to 128. Keys with `nodebake-` are nodebake's own.
pub fn check_tag(key: &str, value: &str) -> Result<(), String> {
    let tame = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | ':');
    let begins = key.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !(2..=55).contains(&key.len()) || !key.chars().all(tame) {
        return Err(format!(
            "`{key}` is no tag: lower-case letters, digits, `-` and `:`, a letter first, 2 to 55 characters"
        ));
    }
    if key.starts_with("nodebake-") {
        return Err(format!(
            "the tag `{key}` is nodebake's own: its instances are found by it"
        ));
    }
    if value.chars().count() > 128 || value.chars().any(char::is_control) {
        return Err(format!(
            "the value of the tag `{key}` has more than 128 characters, or control characters"
        ));
    }
    Ok(())
}
