//! The list `plugins` of a node or a profile: who takes part, and what it is told.
//!
//! ```yaml
//! plugins:
//!   - check: no-latest-tags
//!   - facts: inventory
//!     with: { file: hosts.csv }
//! ```

use serde_json::Value;

use super::yaml::{Node, Reader, to_json};
use crate::base::{Finding, Located, Place, PluginKind, is_dns1123_label};

/// One plugin that takes part.
#[derive(Debug, Clone)]
pub struct PluginUse {
    /// What it does.
    pub kind: PluginKind,
    /// Its name.
    pub name: Located<String>,
    /// What it is told; null if nothing.
    pub with: Value,
}

impl PluginUse {
    /// `kind/name`
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.name.value)
    }

    /// Reads a list of them. A plugin may be there twice if it is told different things.
    pub fn read_all(reader: &mut Reader<'_>, list: &Node) -> Vec<Self> {
        let mut uses: Vec<Self> = Vec::new();
        for item in reader.list(list) {
            let Some(one) = Self::read(reader, item) else { continue };
            if let Some(first) = uses
                .iter()
                .find(|other| other.id() == one.id() && other.with == one.with)
            {
                let message = format!("{} is named twice and told the same", one.id());
                let finding = Finding::error("spec/plugins", message, &one.name.place);
                reader.report.push(finding.note(&first.name.place, "the first one"));
            }
            uses.push(one);
        }
        uses
    }

    fn read(reader: &mut Reader<'_>, item: &Node) -> Option<Self> {
        let mut fields = reader.map(item, "a plugin");
        let mut named = Vec::new();
        for kind in PluginKind::ALL {
            named.extend(fields.optional(kind.word()).map(|node| (kind, node)));
        }
        let with = fields
            .optional("with")
            .map_or(Value::Null, |node| to_json(reader, node));
        let place = fields.place().clone();
        fields.done(reader);
        let [(kind, node)] = named[..] else {
            let message = if named.is_empty() {
                "this names no plugin"
            } else {
                "this names several plugins"
            };
            let finding = Finding::error("spec/plugins", message, &place);
            reader
                .report
                .push(finding.hint("write one of facts, patch, check, format, deliver, and the plugin's name"));
            return None;
        };
        let name = reader.text(node)?;
        Self::check_name(&name.value).map_or_else(
            |why| {
                reader.report.push(Finding::error("spec/plugins", why, &name.place));
                None
            },
            |()| {
                Some(Self {
                    kind,
                    name: name.clone(),
                    with,
                })
            },
        )
    }

    /// Names are parts of file names and of commands.
    pub fn check_name(name: &str) -> Result<(), String> {
        if is_dns1123_label(name) {
            Ok(())
        } else {
            Err(format!(
                "`{name}` is no name of a plugin: lower-case letters, digits and `-`, at most 63"
            ))
        }
    }

    /// Where it is named.
    pub fn place(&self) -> &Place {
        &self.name.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Report, Source};
    use crate::syntax::yaml::parse;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut report = Report::new();
        let root = parse(&Source::new("t", text)).unwrap();
        let uses = PluginUse::read_all(&mut Reader { report: &mut report }, &root);
        let found = report.sorted().iter().map(|finding| finding.message.clone()).collect();
        (
            uses.iter().map(|one| format!("{} {}", one.id(), one.with)).collect(),
            found,
        )
    }

    #[test]
    fn one_kind_one_name() {
        let (uses, found) = read("- check: a\n- { facts: b, with: { file: x, n: 1 } }\n- { check: a, with: [1] }\n");
        assert_eq!(
            uses,
            ["check/a null", "facts/b {\"file\":\"x\",\"n\":1}", "check/a [1]"]
        );
        assert!(found.is_empty(), "{found:?}");
        for (text, message) in [
            ("- { check: a, patch: b }", "this names several plugins"),
            ("- { with: 1 }", "this names no plugin"),
            ("- a", "must be a map"),
            ("- check: ../a", "is no name of a plugin"),
            ("- check: A", "is no name of a plugin"),
            ("- { chek: a }", "is not a key of `a plugin`"),
            ("- check: a\n- check: a", "named twice"),
        ] {
            let (_, found) = read(text);
            assert!(found.iter().any(|line| line.contains(message)), "{text}: {found:?}");
        }
    }
}
