//! Each file by itself.

use super::{Check, Subject};
use crate::base::{AbsPath, Finding, Place, Severity, is_plain_ascii};
use crate::catalog::Plane;
use crate::syntax::{FileType, ini, sysctl, toml};
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "file/syntax",
        severity: Severity::Error,
        summary: "Every file is read again by its type",
        reason: "A file that its program cannot read costs a boot: containerd and kubelet stop, netplan before 1.1 drops every network card's configuration, systemd ignores the unit.",
        run: Some(syntax),
    },
    Check {
        id: "file/path",
        severity: Severity::Error,
        summary: "No file lies where nodebake or cloud-init keeps its own state",
        reason: "Files under /var/lib/nodebake, /run and /var/lib/cloud are state of the running machine: what is baked there is lost or breaks the next boot.",
        run: Some(reserved_paths),
    },
    Check {
        id: "file/artifact",
        severity: Severity::Error,
        summary: "No file lies where an artifact goes",
        reason: "First boot installs the artifacts and then the files: one of the two would be lost, and a file where a folder is needed stops it.",
        run: Some(artifacts_in_the_way),
    },
];

const ID: &str = "file/syntax";

pub(super) fn syntax(subject: &Subject<'_>) -> Vec<Finding> {
    let structured = subject.documents().iter().flat_map(|document| {
        let report = document
            .read
            .as_ref()
            .err()
            .filter(|_| document.entry.filetype == FileType::Yaml);
        let as_ours = |finding: Finding| Finding { id: ID, ..finding }.note(&document.entry.origin, "it is made here");
        report.cloned().into_iter().flatten().map(as_ours)
    });
    let each = subject.tree.iter().flat_map(|entry| parse(subject, entry));
    each.chain(structured).collect()
}

fn at_line(entry: &Entry, line: usize, message: impl Into<String>) -> Finding {
    Finding::error(ID, message, &Place::line_of(&entry.source(), line)).note(&entry.origin, "it is made here")
}

fn parse(subject: &Subject<'_>, entry: &Entry) -> Vec<Finding> {
    let mut findings = unclean(entry);
    match entry.filetype {
        FileType::Json => {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&entry.text) {
                findings.push(at_line(entry, error.line(), format!("this is not JSON: {error}")));
            }
        }
        FileType::Toml => {
            if let Err(error) = toml::parse(&entry.text) {
                findings.push(at_line(
                    entry,
                    error.line,
                    format!("this is not TOML: {}", error.message),
                ));
            }
        }
        FileType::Systemd => {
            if let Some(bad) = &subject.systemd(entry).bad {
                findings.push(at_line(entry, bad.line, bad.why));
            }
        }
        FileType::Sysctl => {
            if let Err(line) = sysctl::parse(&entry.text) {
                findings.push(at_line(entry, line, "this is not `key = value`"));
            }
        }
        FileType::Ini => {
            if let Err(line) = ini::parse(&entry.text) {
                findings.push(at_line(entry, line, "neither a section, `key = value` nor a comment"));
            }
        }
        FileType::Env => findings.extend(env(entry)),
        FileType::Bash | FileType::Python => {
            if !entry.text.starts_with("#!/") {
                findings.push(at_line(entry, 1, "a script begins with `#!` and its interpreter"));
            }
        }
        FileType::Pem => {
            if !entry.text.starts_with("-----BEGIN ") || !entry.text.trim_end().ends_with("-----") {
                findings.push(at_line(entry, 1, "this is not PEM"));
            }
        }
        // YAML is read with the documents.
        FileType::Yaml | FileType::Lines => {}
    }
    findings
}

/// What no text file on the machine may have.
fn unclean(entry: &Entry) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = if is_plain_ascii(&entry.text) {
        ""
    } else {
        entry.text.as_str()
    };
    let bad = text
        .char_indices()
        .find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\t'));
    if let Some((at, c)) = bad {
        let place = Place::new(&entry.source(), at..at + c.len_utf8());
        findings.push(
            Finding::error(ID, format!("a control character, {c:?}"), &place).note(&entry.origin, "it is made here"),
        );
    }
    if !entry.text.is_empty() && !entry.text.ends_with('\n') {
        let last = entry.text.lines().count();
        findings.push(
            at_line(entry, last, "the file does not end in a newline")
                .hint("many readers ignore an unfinished last line"),
        );
    }
    findings
}

/// `NAME=value` lines whose values the shell keeps as they are.
fn env(entry: &Entry) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in entry.text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let good = line.split_once('=').is_some_and(|(name, value)| {
            let named = name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
                && !name.is_empty();
            named && is_one_shell_word(value)
        });
        if !good {
            findings.push(at_line(entry, at + 1, "this is not NAME=value with a quoted value"));
        }
    }
    findings
}

fn is_one_shell_word(value: &str) -> bool {
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            let Some(end) = rest[1..].find('\'') else { return false };
            rest = &rest[end + 2..];
        } else if let Some(after) = rest.strip_prefix("\\'") {
            rest = after;
        } else if c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c) {
            rest = &rest[c.len_utf8()..];
        } else {
            return false;
        }
    }
    true
}

/// State of the running machine.
const RESERVED: [&str; 6] = ["/var/lib/nodebake", "/var/lib/cloud", "/run", "/proc", "/sys", "/dev"];

pub(super) fn reserved_paths(subject: &Subject<'_>) -> Vec<Finding> {
    let files = subject
        .tree
        .plane(Plane::Node)
        .map(|entry| (&entry.path, &entry.origin));
    let own = subject.plan.spec.artifacts.files.iter();
    let artifacts = own.map(|file| (&file.path.value, &file.path.place));
    files
        .chain(artifacts)
        .filter_map(|(path, place)| {
            let folder = RESERVED.iter().find(|folder| path.is_below(folder))?;
            let message = format!("{path} lies under {folder}, which belongs to the running machine");
            Some(Finding::error("file/path", message, place))
        })
        .collect()
}

pub(super) fn artifacts_in_the_way(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for artifact in &subject.plan.artifacts {
        let Ok(dest) = artifact.dest.parse::<AbsPath>() else {
            continue;
        };
        let is_file = artifact.action.starts_with("file");
        for entry in subject.tree.plane(Plane::Node) {
            let barred = entry.path == dest
                || dest.is_below(entry.path.as_str())
                || is_file && entry.path.is_below(dest.as_str());
            if !barred {
                continue;
            }
            let message = format!(
                "{} is in the way of {}, which goes to {dest}",
                entry.path,
                artifact.label()
            );
            let own = subject.plan.spec.artifacts.files.iter();
            let mut own = own.filter(|file| file.path.value == dest);
            let finding = match own.next() {
                Some(own) => Finding::error("file/artifact", message, &own.path.place).note(&entry.origin, "the file"),
                None => Finding::error("file/artifact", message, &entry.origin),
            };
            findings.push(finding);
        }
    }
    findings
}
