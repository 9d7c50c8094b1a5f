//! `--format cloud-init`: one `#cloud-config` document that stages every file and starts first boot.
//!
//! Files go under [`STAGE`], not to their final place: the first-boot script checks the machine before it touches
//! anything, keeps what it replaces, and can be run again. One document, because a second `#cloud-config` part would
//! replace `write_files` of the first; no `## template: jinja`, because it drops a document over a `{#` in a script;
//! one `runcmd`, because only the last command's status counts.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::Artifact;
use super::budget::{Budget, Share};
use super::local;
use super::pack::{Packer, may_win};
use crate::base::{Finding, Report, Severity, Sha256, Source};
use crate::catalog::Plane;
use crate::plan::Plan;
use crate::syntax::FileType;
use crate::syntax::quote::quote;
use crate::syntax::yaml::{self, Reader, block_scalar, is_block_safe, scalar, to_json};
use crate::tree::Entry;
use crate::verify::Verified;

/// Where the files of the node wait for first boot.
pub const STAGE: &str = "/var/lib/nodebake/stage";

/// The script that first boot runs, under the stage.
const FIRST_BOOT: &str = "/usr/local/lib/nodebake/first-boot";

/// The node's user-data. Refuses a document that is larger than the provider takes.
pub fn user_data(plan: &Plan, verified: &Verified, packer: &Packer) -> Result<Artifact, Report> {
    local::on_the_web(plan)?;
    let entries: Vec<&Entry> = verified.tree().plane(Plane::Node).collect();
    let written: Vec<Item> = entries
        .iter()
        .map(|entry| Item::smallest(entry, packer))
        .collect::<Result<_, Report>>()?;
    let (text, shares) = document(plan, &entries, &written);
    reread(plan, &text, &entries, &written)?;
    let mut bytes = text.into_bytes();
    let mut shares = shares;
    let mut gzipped = false;
    if plan.provider.gzip {
        // Compressed as a whole the files share a dictionary; inside they stay plain, or it would be paid for twice.
        let (plain, plain_shares) = plain(plan, verified)?;
        let whole = packer.gzip(plain.as_bytes());
        if whole.len() < bytes.len() {
            (bytes, shares, gzipped) = (whole, plain_shares, true);
        }
    }
    let limit = usize::try_from(plan.provider.max_bytes).unwrap_or(usize::MAX);
    let budget = Budget::new(&plan.provider.name, bytes.len(), Some(limit), shares);
    if !budget.fits() {
        let message = format!("the user-data is too large: {budget}");
        let finding = Finding::error("bake/budget", message, &plan.spec.instance_type.place);
        return Err(finding
            .hint(format!("the largest parts are {}", budget.biggest(5)))
            .into());
    }
    Ok(Artifact {
        sha256: Sha256::of(&bytes),
        bytes,
        gzipped,
        budget,
        ending: if gzipped { "yaml.gz" } else { "yaml" },
    })
}

/// The document with every file as plain text, whatever its size.
pub(super) fn plain(plan: &Plan, verified: &Verified) -> Result<(String, Vec<Share>), Report> {
    local::on_the_web(plan)?;
    let entries: Vec<&Entry> = verified.tree().plane(Plane::Node).collect();
    let written: Vec<Item> = entries.iter().map(|entry| Item::plainest(entry)).collect();
    let (text, shares) = document(plan, &entries, &written);
    reread(plan, &text, &entries, &written)?;
    Ok((text, shares))
}

/// How a file's content is written.
enum Written {
    /// As a block of text.
    Block,
    /// As one quoted line.
    Quoted,
    /// Compressed, in base64.
    Packed(Arc<str>),
}

impl Written {
    fn word(&self) -> &'static str {
        match self {
            Self::Block | Self::Quoted => "text",
            Self::Packed(_) => "gz+b64",
        }
    }
}

/// One file's part of the document.
struct Item {
    written: Written,
    text: String,
}

impl Item {
    fn plainest(entry: &Entry) -> Self {
        let head = head(entry);
        if is_block_safe(&entry.text) {
            Self {
                text: format!("{head}    content: {}", block_scalar(&entry.text, 6)),
                written: Written::Block,
            }
        } else {
            Self {
                text: format!("{head}    content: {}\n", scalar(&entry.text)),
                written: Written::Quoted,
            }
        }
    }

    fn smallest(entry: &Entry, packer: &Packer) -> Result<Self, Report> {
        if !may_win(&entry.text) {
            return Ok(Self::plainest(entry));
        }
        let packed = packer.pack(&entry.text).ok_or_else(|| broken(entry.path.as_str()))?;
        let head = head(entry);
        let text = format!("{head}    encoding: gz+b64\n    content: {packed}\n");
        let packed = Self {
            written: Written::Packed(packed),
            text,
        };
        // No form of a text is shorter than itself.
        if packed.text.len() < head.len() + entry.text.len() {
            return Ok(packed);
        }
        let plain = Self::plainest(entry);
        let smaller = packed.text.len() < plain.text.len();
        Ok(if smaller { packed } else { plain })
    }
}

fn head(entry: &Entry) -> String {
    let path = scalar(&format!("{STAGE}{}", entry.path));
    format!("  - path: {path}\n    permissions: \"{}\"\n", entry.mode)
}

fn document(plan: &Plan, entries: &[&Entry], written: &[Item]) -> (String, Vec<Share>) {
    let value = |path: &str| {
        plan.book
            .get(path)
            .and_then(|value| value.value().as_str())
            .unwrap_or_default()
    };
    let mut text = format!(
        "#cloud-config\n# {} as {} of {}, by nodebake\nwrite_files:\n",
        value("meta.name"),
        value("identity.nodeName"),
        value("cluster.name")
    );
    let mut shares = Vec::new();
    text.reserve(written.iter().map(|item| item.text.len()).sum());
    for (entry, item) in entries.iter().zip(written) {
        shares.push(Share {
            path: entry.path.to_string(),
            bytes: item.text.len(),
            file_bytes: entry.text.len(),
            encoding: item.written.word(),
        });
        text.push_str(&item.text);
    }
    // The user's own keys, in the order they were written. Ours are refused among them.
    for (key, own) in own_keys(plan) {
        let own = quote(FileType::Yaml, own).unwrap_or_default();
        text.push_str(&format!("{}: {own}\n", scalar(key)));
    }
    let script = scalar(&format!("{STAGE}{FIRST_BOOT}"));
    text.push_str("runcmd:\n  - [bash, ");
    text.push_str(&script);
    text.push_str("]\n");
    (text, shares)
}

fn own_keys(plan: &Plan) -> impl Iterator<Item = (&String, &Value)> {
    plan.book
        .get("cloudConfig")
        .and_then(|own| own.value().as_object())
        .into_iter()
        .flatten()
}

#[derive(Deserialize)]
struct CloudConfig {
    write_files: Vec<WriteFile>,
    runcmd: Vec<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteFile {
    path: String,
    permissions: String,
    #[serde(default)]
    encoding: String,
    content: String,
}

fn broken(what: &str) -> Report {
    let message = format!("the document does not come back as it went in: {what}");
    Finding::new(Severity::Error, "bake/reread", message)
        .hint("this is a defect of nodebake")
        .into()
}

/// Reads the document back with a parser that did not write it: every file must come back, byte by byte. A packed text
/// was unpacked and compared when it was packed, so here it is compared packed.
fn reread(plan: &Plan, text: &str, entries: &[&Entry], written: &[Item]) -> Result<(), Report> {
    let config: CloudConfig = serde_yaml::from_str(text).map_err(|error| broken(&error.to_string()))?;
    if config.write_files.len() != entries.len() || config.runcmd.len() != 1 {
        return Err(broken("the number of files"));
    }
    for ((file, entry), item) in config.write_files.iter().zip(entries).zip(written) {
        let (encoding, content) = match &item.written {
            Written::Packed(packed) => ("gz+b64", &**packed),
            Written::Block | Written::Quoted => ("", entry.text.as_str()),
        };
        let same = file.path.strip_prefix(STAGE) == Some(entry.path.as_str())
            && file.permissions == entry.mode.to_string()
            && file.encoding == encoding
            && file.content == content;
        if !same {
            return Err(broken(entry.path.as_str()));
        }
    }
    if own_keys(plan).next().is_some() {
        let mut report = Report::new();
        let node = yaml::parse(&Source::new("user-data", text))?;
        for (key, own) in own_keys(plan) {
            let same = node
                .get(key)
                .is_some_and(|node| to_json(&mut Reader { report: &mut report }, node) == *own);
            if !same || report.has_errors() {
                return Err(broken(key));
            }
        }
    }
    Ok(())
}
