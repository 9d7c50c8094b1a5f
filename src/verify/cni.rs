//! CNI configuration: what containerd will find in `/etc/cni/net.d`.

use serde_json::Value;

use super::{Check, Subject};
use crate::base::{Finding, Severity};
use crate::catalog::Plane;
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "cni/form",
        severity: Severity::Error,
        summary: "A CNI configuration is a list of plugins that containerd can load",
        reason: "A broken first file blocks every pod, without a fallback to the next; a list in a .conf file fails, and single plugins were dropped from the specification with 1.0.0 (containernetworking/cni SPEC).",
        run: Some(form),
    },
    Check {
        id: "cni/first-file",
        severity: Severity::Error,
        summary: "Ours is the first file of /etc/cni/net.d",
        reason: "containerd sorts the folder and takes the first file only (containerd/go-cni): another one before ours decides what pods get.",
        run: Some(first_file),
    },
];

const FOLDER: &str = "/etc/cni/net.d";

fn loaded<'s>(subject: &Subject<'s>) -> Vec<&'s Entry> {
    let ending = |entry: &&Entry| {
        let name = entry.path.file_name();
        [".conf", ".conflist", ".json"]
            .iter()
            .any(|ending| name.ends_with(ending))
    };
    subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| entry.path.is_below(FOLDER))
        .filter(ending)
        .collect()
}

fn form(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in loaded(subject) {
        let Ok(config) = serde_json::from_str::<Value>(&entry.text) else {
            continue;
        };
        if let Some(why) = wrong_form(subject, entry, &config) {
            findings.push(Finding::error(
                "cni/form",
                format!("{}: {why}", entry.path),
                &entry.origin,
            ));
        }
    }
    findings
}

fn wrong_form(subject: &Subject<'_>, entry: &Entry, config: &Value) -> Option<String> {
    if !entry.path.as_str().ends_with(".conflist") {
        return Some("only .conflist files are lists of plugins: rename it".into());
    }
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default();
    let version = text("cniVersion");
    let old_runtime = subject.plan.has_old_containerd();
    match version {
        "0.3.0" | "0.3.1" | "0.4.0" | "1.0.0" => {}
        "1.1.0" if !old_runtime => {}
        "1.1.0" => return Some("containerd 1.x cannot read results of cniVersion 1.1.0".into()),
        _ => return Some(format!("`{version}` is no cniVersion that this containerd reads")),
    }
    let name = text("name");
    let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(tame) {
        return Some(format!("`{name}` is no name of a network"));
    }
    let plugins = config
        .get("plugins")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty());
    let Some(plugins) = plugins else {
        return Some("it has no plugins".into());
    };
    plugins.iter().find_map(|plugin| {
        let kind = plugin.get("type").and_then(Value::as_str).unwrap_or_default();
        (kind.is_empty() || kind.contains('/')).then(|| format!("`{kind}` is no type of a plugin"))
    })
}

fn first_file(subject: &Subject<'_>) -> Vec<Finding> {
    let ours = subject
        .plan
        .book
        .get("network.cniFile")
        .and_then(|file| file.value().as_str())
        .unwrap_or_default();
    let before = loaded(subject)
        .into_iter()
        .filter(|entry| entry.path.file_name() < ours);
    before
        .map(|entry| {
            let message = format!("{} sorts before {FOLDER}/{ours} and takes its place", entry.path);
            Finding::error("cni/first-file", message, &entry.origin).hint("give it a later number, or leave it out")
        })
        .collect()
}
