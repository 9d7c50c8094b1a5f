//! Scripts: who reads them, who runs them, and whether they end.

use super::documents;
use super::{Check, Subject};
use crate::base::{Finding, Place, Severity};
use crate::catalog::Plane;
use crate::syntax::yaml::Node;
use crate::syntax::{FileType, shell};
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "script/interpreter",
        severity: Severity::Error,
        summary: "A script names the interpreter it is written for, by its path",
        reason: "The kernel takes the first line at its word: an interpreter that is not there, or of another language, is `No such file or directory` or a page of syntax errors (execve(2)).",
        run: Some(interpreters),
    },
    Check {
        id: "script/shell",
        severity: Severity::Error,
        summary: "A script for sh uses nothing that only bash has",
        reason: "/bin/sh is dash on Ubuntu: pipefail, [[ and <<< are errors there, and the script goes on or stops half way (dash(1)).",
        run: Some(bash_in_sh),
    },
    Check {
        id: "script/unfinished",
        severity: Severity::Error,
        summary: "Quotes and here-documents of a script are closed",
        reason: "bash reads to the end of the file for what closes them, and runs nothing of what stands between.",
        run: Some(unfinished),
    },
    Check {
        id: "script/executable",
        severity: Severity::Error,
        summary: "What is run may be run",
        reason: "A unit, an exec plugin or a credential provider whose program has no x bit fails with `Permission denied` (systemd: 203/EXEC).",
        run: Some(executable),
    },
    Check {
        id: "script/unused",
        severity: Severity::Warning,
        summary: "A script in `files` is run by something",
        reason: "cloud-init runs nothing but our first boot: a script that no unit and no other file names lies there unread.",
        run: Some(unused),
    },
];

fn scripts<'s>(subject: &Subject<'s>) -> impl Iterator<Item = &'s Entry> {
    let is_script = |entry: &&Entry| matches!(entry.filetype, FileType::Bash | FileType::Python);
    subject.tree.plane(Plane::Node).filter(is_script)
}

fn users(subject: &Subject<'_>, entry: &Entry) -> bool {
    let files = &subject.plan.spec.files;
    files.iter().any(|file| file.path.place == entry.origin)
}

/// The interpreter of a script, and whether `env` looks it up.
fn interpreter(entry: &Entry) -> Option<(&str, bool)> {
    let line = entry.text.lines().next()?.strip_prefix("#!")?.trim();
    let mut words = line.split_whitespace();
    let program = words.next()?;
    if program.rsplit('/').next() == Some("env") {
        return words.find(|word| !word.starts_with('-')).map(|word| (word, true));
    }
    Some((program, false))
}

fn interpreters(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in scripts(subject) {
        let Some((program, looked_up)) = interpreter(entry) else {
            continue;
        };
        let name = program.rsplit('/').next().unwrap_or_default();
        let fits = match entry.filetype {
            FileType::Bash => matches!(name, "bash" | "sh" | "dash"),
            _ => name.starts_with("python3"),
        };
        let known = looked_up
            || ["/bin/", "/usr/bin/"]
                .iter()
                .any(|folder| program.strip_prefix(folder) == Some(name));
        if !fits || !known {
            let message = format!(
                "`{program}` is no interpreter of a {} file on this image",
                entry.filetype
            );
            let hint = match entry.filetype {
                FileType::Bash => "#!/bin/bash",
                _ => "#!/usr/bin/python3",
            };
            let place = Place::line_of(&entry.source(), 1);
            findings.push(Finding::error("script/interpreter", message, &place).hint(hint));
        }
    }
    findings
}

/// What only bash has, where a line shows it beyond doubt.
fn only_bash(line: &str) -> Option<&'static str> {
    let code = line.trim_start();
    if code.starts_with('#') {
        return None;
    }
    let mut words = code.split_whitespace();
    let first = words.next()?;
    if first == "set" && words.any(|word| word == "pipefail") {
        return Some("pipefail");
    }
    let tests = ["[[ ", "if [[ ", "elif [[ ", "while [[ ", "until [[ "];
    if tests.iter().any(|test| code.starts_with(test)) {
        return Some("[[");
    }
    match first {
        "source" => Some("source"),
        "declare" => Some("declare"),
        _ => None,
    }
}

fn bash_in_sh(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in scripts(subject) {
        let shell = interpreter(entry).and_then(|(program, _)| program.rsplit('/').next());
        if !matches!(shell, Some("sh" | "dash")) {
            continue;
        }
        for (at, line) in entry.text.lines().enumerate() {
            if let Some(word) = only_bash(line) {
                let message = format!("`{word}` is bash's, this script is for sh");
                let place = Place::line_of(&entry.source(), at + 1);
                findings.push(Finding::error("script/shell", message, &place).hint("#!/bin/bash"));
            }
        }
    }
    findings
}

fn unfinished(subject: &Subject<'_>) -> Vec<Finding> {
    let scripts = scripts(subject).filter(|entry| entry.filetype == FileType::Bash && users(subject, entry));
    let found = scripts.filter_map(|entry| Some((entry, shell::unfinished(&entry.text)?)));
    found
        .map(|(entry, open)| {
            let place = Place::line_of(&entry.source(), open.line);
            Finding::error("script/unfinished", format!("{} is never closed", open.what), &place)
        })
        .collect()
}

/// Every program that something of the tree runs by itself, with what does.
fn run_by(subject: &Subject<'_>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let units = subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| entry.filetype == FileType::Systemd);
    for entry in units {
        for line in &subject.systemd(entry).assignments {
            if line.key.starts_with("Exec") {
                let command = line.value.trim_start_matches(['-', '@', ':', '+', '!']);
                let program = command.split_whitespace().next().unwrap_or_default();
                all.push((program.to_owned(), format!("{}= of {}", line.key, entry.path)));
            }
        }
    }
    for (entry, node) in documents::plane(subject, Plane::Node) {
        let users = node.get("users").into_iter().flat_map(Node::items);
        let exec = users.filter_map(|user| user.get("user")?.get("exec")?.get("command")?.text());
        all.extend(exec.map(|program| (program.to_owned(), format!("the exec plugin of {}", entry.path))));
    }
    let folder = super::kubelet::flag_value(subject, "image-credential-provider-bin-dir").unwrap_or_default();
    for (entry, node) in documents::plane(subject, Plane::Node) {
        let providers = node.get("providers").into_iter().flat_map(Node::items);
        let names = providers.filter_map(|provider| provider.get("name")?.text());
        all.extend(names.map(|name| (format!("{folder}/{name}"), entry.path.to_string())));
    }
    all
}

fn executable(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (program, by) in run_by(subject) {
        let Some(entry) = subject.tree.get(Plane::Node, &program) else {
            continue;
        };
        if !entry.mode.is_executable() {
            let message = format!("{by} runs {program}, whose mode is {}", entry.mode);
            findings.push(Finding::error("script/executable", message, &entry.origin).hint("make it \"0755\""));
        }
    }
    findings
}

/// Folders whose programs are run by people or by the system itself.
const RUN_ANYWAY: [&str; 14] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt",
    "/root",
    "/home",
    "/etc/profile.d",
    "/etc/update-motd.d",
    "/etc/networkd-dispatcher",
    "/etc/kernel",
    "/etc/init.d",
];

fn unused(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in scripts(subject).filter(|entry| users(subject, entry)) {
        let path = entry.path.as_str();
        let anyway = RUN_ANYWAY.iter().any(|folder| entry.path.is_below(folder)) || path.starts_with("/etc/cron.");
        let named = subject
            .tree
            .plane(Plane::Node)
            .any(|other| other.path != entry.path && other.text.contains(path));
        if !anyway && !named {
            let message = format!("nothing runs {path}");
            let finding = Finding::warning("script/unused", message, &entry.origin);
            findings.push(finding.hint("name it in a unit, or put it where people look: /usr/local/bin"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_bash_has() {
        for bad in ["set -euo pipefail", "  if [[ -f x ]]; then", "[[ a ]] && b", "source x"] {
            assert!(only_bash(bad).is_some(), "{bad}");
        }
        for good in [
            "set -eu",
            "[ -f x ]",
            "# set -o pipefail",
            "echo [[ x ]]",
            "grep '[[:space:]]' x",
        ] {
            assert_eq!(only_bash(good), None, "{good}");
        }
    }
}
