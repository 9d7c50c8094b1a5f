//! Secrets: none may stand in a file.

use super::{Check, Subject};
use crate::base::{Finding, Place, Severity, secrets};
use crate::catalog::Plane;
use crate::syntax::FileType;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "secret/in-text",
        severity: Severity::Error,
        summary: "No secret stands in any file",
        reason: "User-data stays on the machine in /var/lib/cloud and at the provider, goldens stay in the repository: a key in one of them is public.",
        run: Some(in_text),
    },
    Check {
        id: "secret/mode",
        severity: Severity::Error,
        summary: "Files that name a private path's content are readable by root alone",
        reason: "kubeconfigs and netplan files are expected to be 0600; netplan warns about every other mode.",
        run: Some(modes),
    },
];

/// Never prints what it found.
pub(super) fn in_text(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(config), Some(own)) = (&subject.plan.spec.cloud_config, subject.plan.book.get("cloudConfig")) {
        for secret in secrets(&own.value().to_string()) {
            let message = format!("cloudConfig holds {}", secret.what);
            findings.push(
                Finding::error("secret/in-text", message, &config.place)
                    .hint("user-data stays readable on the machine"),
            );
        }
    }
    for entry in subject.tree.iter() {
        let text = || entry.text.as_str().into();
        let look = || secrets(&entry.text);
        for secret in subject.known.look("secret/in-text", text, look) {
            let line = entry.text[..secret.range.start].matches('\n').count() + 1;
            // The place is told without its text: a snippet would print the secret.
            let message = format!("line {line} of {} holds {}", entry.tree_path(), secret.what);
            findings.push(
                Finding::error("secret/in-text", message, &Place::new(&entry.origin.source, 0..0))
                    .hint("copy secrets to the machine after launch; nothing that is baked is private"),
            );
        }
    }
    findings
}

/// Files that must be root's alone.
pub(super) fn modes(subject: &Subject<'_>) -> Vec<Finding> {
    let private = |path: &str, filetype: FileType| {
        path.ends_with("/kubeconfig") || (path.starts_with("/etc/netplan/") && filetype == FileType::Yaml)
    };
    subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| private(entry.path.as_str(), entry.filetype) && entry.mode.is_shared())
        .map(|entry| {
            let message = format!("{} has mode {}, others could read it", entry.path, entry.mode);
            Finding::error("secret/mode", message, &entry.origin).hint("make it \"0600\"")
        })
        .collect()
}
