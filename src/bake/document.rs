//! One `#cloud-config` document: files, the user's own keys, one command. What was written is read back by another
//! parser before anybody gets it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::budget::Share;
use super::cloud_init::STAGE;
use super::pack::{Packer, may_win};
use crate::base::{Finding, Mode, Report, Severity, Source};
use crate::plan::Plan;
use crate::syntax::FileType;
use crate::syntax::quote::quote;
use crate::syntax::yaml::{self, Reader, block_scalar, is_block_safe, scalar, to_json};

/// A file that a document carries.
#[derive(Debug, Clone)]
pub(super) struct Carried<'t> {
    /// Where cloud-init puts it.
    pub(super) path: String,
    /// Its mode.
    pub(super) mode: Mode,
    /// Its text.
    pub(super) text: &'t str,
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
    fn plainest(file: &Carried<'_>) -> Self {
        let head = head(file);
        if is_block_safe(file.text) {
            Self {
                text: format!("{head}    content: {}", block_scalar(file.text, 6)),
                written: Written::Block,
            }
        } else {
            Self {
                text: format!("{head}    content: {}\n", scalar(file.text)),
                written: Written::Quoted,
            }
        }
    }

    fn smallest(file: &Carried<'_>, packer: &Packer) -> Result<Self, Report> {
        if !may_win(file.text) {
            return Ok(Self::plainest(file));
        }
        let packed = packer.pack(file.text).ok_or_else(|| broken(&file.path))?;
        let head = head(file);
        let text = format!("{head}    encoding: gz+b64\n    content: {packed}\n");
        let packed = Self {
            written: Written::Packed(packed),
            text,
        };
        // No form of a text is shorter than itself.
        if packed.text.len() < head.len() + file.text.len() {
            return Ok(packed);
        }
        let plain = Self::plainest(file);
        let smaller = packed.text.len() < plain.text.len();
        Ok(if smaller { packed } else { plain })
    }
}

fn head(file: &Carried<'_>) -> String {
    format!("  - path: {}\n    permissions: \"{}\"\n", scalar(&file.path), file.mode)
}

/// A document with every file as plain text, whatever its size.
pub(super) fn plainest(plan: &Plan, files: &[Carried<'_>], command: &[&str]) -> Result<(String, Vec<Share>), Report> {
    document(
        plan,
        files,
        &files.iter().map(Item::plainest).collect::<Vec<_>>(),
        command,
    )
}

/// A document with every file as text or packed, whichever is smaller.
pub(super) fn smallest(
    plan: &Plan,
    files: &[Carried<'_>],
    command: &[&str],
    packer: &Packer,
) -> Result<(String, Vec<Share>), Report> {
    let items: Result<Vec<Item>, Report> = files.iter().map(|file| Item::smallest(file, packer)).collect();
    document(plan, files, &items?, command)
}

/// The document that brings `files` and then runs `command`, with what each file takes of it.
fn document(
    plan: &Plan,
    files: &[Carried<'_>],
    items: &[Item],
    command: &[&str],
) -> Result<(String, Vec<Share>), Report> {
    let value = |path: &str| {
        plan.book
            .get(path)
            .and_then(|value| value.value().as_str())
            .unwrap_or_default()
    };
    let (name, cluster) = (value("meta.name"), value("cluster.name"));
    let who = match plan.node {
        Some(_) => format!("{name} as {} of {cluster}", value("identity.nodeName")),
        None => format!("{name}, a proxy of {cluster}"),
    };
    let mut text = format!("#cloud-config\n# {who}, by nodebake\nwrite_files:\n");
    let mut shares = Vec::new();
    text.reserve(items.iter().map(|item| item.text.len()).sum());
    for (file, item) in files.iter().zip(items) {
        shares.push(Share {
            path: file.path.strip_prefix(STAGE).unwrap_or(&file.path).to_owned(),
            bytes: item.text.len(),
            file_bytes: file.text.len(),
            encoding: item.written.word(),
        });
        text.push_str(&item.text);
    }
    // The user's own keys, in the order they were written. Ours are refused among them.
    for (key, own) in own_keys(plan) {
        let own = quote(FileType::Yaml, own).unwrap_or_default();
        text.push_str(&format!("{}: {own}\n", scalar(key)));
    }
    let words: Vec<String> = command.iter().map(|word| scalar(word)).collect();
    text.push_str(&format!("runcmd:\n  - [{}]\n", words.join(", ")));
    reread(plan, &text, files, items, command)?;
    Ok((text, shares))
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
fn reread(plan: &Plan, text: &str, files: &[Carried<'_>], items: &[Item], command: &[&str]) -> Result<(), Report> {
    let config: CloudConfig = serde_yaml::from_str(text).map_err(|error| broken(&error.to_string()))?;
    if config.write_files.len() != files.len() || config.runcmd != [command] {
        return Err(broken("the number of files, or the command"));
    }
    for ((read, file), item) in config.write_files.iter().zip(files).zip(items) {
        let (encoding, content) = match &item.written {
            Written::Packed(packed) => ("gz+b64", &**packed),
            Written::Block | Written::Quoted => ("", file.text),
        };
        let same = read.path == file.path
            && read.permissions == file.mode.to_string()
            && read.encoding == encoding
            && read.content == content;
        if !same {
            return Err(broken(&file.path));
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
