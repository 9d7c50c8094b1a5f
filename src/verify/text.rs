//! What was left standing in a text: placeholders nobody filled in, dashes that are none, settings made twice.

use super::{Check, Subject};
use crate::base::{Finding, Place, Severity};
use crate::catalog::Plane;
use crate::syntax::{FileType, sysctl};

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "text/placeholder",
        severity: Severity::Error,
        summary: "No placeholder is left over",
        reason: "Walkthroughs are full of {{ name }}, <name> and NAME_IN_CAPITALS that somebody was to replace; on the machine they are taken at their word.",
        run: Some(placeholders),
    },
    Check {
        id: "text/dash",
        severity: Severity::Error,
        summary: "Flags begin with dashes",
        reason: "A long dash, as word processors make of two, begins no flag: the program takes the word for a file or refuses it (the kubelet arguments of a published EKS-D walkthrough have three).",
        run: Some(dashes),
    },
    Check {
        id: "sysctl/conflict",
        severity: Severity::Warning,
        summary: "A kernel setting is made once",
        reason: "Of two files the one with the later name wins, of two lines the later one (sysctl.d(5)): a value that stands in a file may not be the one in force.",
        run: Some(settings_made_twice),
    },
];

/// What an authenticator fills in by itself (kubernetes-sigs/aws-iam-authenticator).
const FILLED_IN: [&str; 5] = [
    "{{SessionName}}",
    "{{SessionNameRaw}}",
    "{{EC2PrivateDNSName}}",
    "{{AccountID}}",
    "{{AccessKeyID}}",
];

/// Words in capitals that stand for a value in walkthroughs of this field.
const STAND_INS: [&str; 8] = [
    "MASTER_ENDPOINT",
    "B64_CLUSTER_CA",
    "APISERVER_ENDPOINT",
    "CLUSTER_NAME",
    "SANDBOX_IMAGE",
    "REPLACE_ME",
    "CHANGE_ME",
    "CHANGEME",
];

/// Scripts have a syntax of their own in which these mean something.
fn is_script(filetype: FileType) -> bool {
    matches!(filetype, FileType::Bash | FileType::Python)
}

fn placeholder_in(line: &str) -> Option<&str> {
    let mut rest = line;
    while let Some(at) = rest.find("{{") {
        let tag = &rest[at..];
        let end = tag.find("}}").map_or(tag.len(), |end| end + 2);
        if !FILLED_IN.contains(&tag[..end].replace(' ', "").as_str()) {
            return Some(&tag[..end]);
        }
        rest = &tag[end..];
    }
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.into_iter().find(|word| STAND_INS.contains(word))
}

fn placeholders(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in subject.tree.iter().filter(|entry| !is_script(entry.filetype)) {
        // Whole texts are looked through faster than lines.
        if !entry.text.contains("{{") && !STAND_INS.iter().any(|word| entry.text.contains(word)) {
            continue;
        }
        for (at, line) in entry.text.lines().enumerate() {
            if let Some(left) = placeholder_in(line) {
                let message = format!("`{left}` was never filled in");
                findings.push(Finding::error(
                    "text/placeholder",
                    message,
                    &Place::line_of(&entry.source(), at + 1),
                ));
            }
        }
    }
    findings
}

fn dashes(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // No long dash is ASCII.
    for entry in subject.tree.plane(Plane::Node).filter(|entry| !entry.text.is_ascii()) {
        for (at, line) in entry.text.lines().enumerate() {
            let comment = line.trim_start().starts_with(['#', ';']);
            let bad = line.split_whitespace().find(|word| {
                let word = word.trim_start_matches(['"', '\'']);
                word.starts_with(['\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}'])
                    && word.chars().nth(1).is_some_and(|c| c.is_ascii_alphabetic())
            });
            if let Some(word) = bad.filter(|_| !comment) {
                let message = format!("`{word}` begins with a long dash");
                let place = Place::line_of(&entry.source(), at + 1);
                findings.push(Finding::error("text/dash", message, &place).hint("write two plain dashes"));
            }
        }
    }
    findings
}

fn settings_made_twice(subject: &Subject<'_>) -> Vec<Finding> {
    let mut files: Vec<_> = subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| entry.filetype == FileType::Sysctl && entry.path.is_below("/etc/sysctl.d"))
        .collect();
    files.sort_by_key(|entry| entry.path.file_name().to_owned());
    let mut seen: Vec<(String, String, Place)> = Vec::new();
    let mut findings = Vec::new();
    for entry in files {
        for setting in sysctl::parse(&entry.text).unwrap_or_default() {
            let place = Place::line_of(&entry.source(), setting.line);
            if let Some((_, value, first)) = seen.iter().find(|(key, ..)| *key == setting.key) {
                let message = format!("{} is set to {value} and then to {}", setting.key, setting.value);
                findings.push(
                    Finding::warning("sysctl/conflict", message, &place)
                        .note(first, "the first time")
                        .hint("the later file, by name, wins"),
                );
            }
            seen.push((setting.key, setting.value, place));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_what_is_none() {
        for bad in [
            "a: {{ cluster }}",
            "server: MASTER_ENDPOINT",
            "x {{EC2PrivateDNSName}} {{y}}",
            "{{",
        ] {
            assert!(placeholder_in(bad).is_some(), "{bad}");
        }
        for good in [
            "system:node:{{SessionName}}",
            "{{ EC2PrivateDNSName }}",
            "NB_CLUSTER_NAMES=x",
            "a { b }",
        ] {
            assert_eq!(placeholder_in(good), None, "{good}");
        }
    }
}
