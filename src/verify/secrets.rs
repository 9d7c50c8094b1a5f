//! Secrets: none may stand in a file.

use super::{Check, Subject};
use crate::base::{Finding, Place, Severity};
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

/// Looks for what the secret scanners of this field look for: key ids of IAM, private keys, session tokens, bearer
/// tokens. Never prints what it found.
pub(super) fn in_text(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(config), Some(own)) = (&subject.plan.spec.cloud_config, subject.plan.book.get("cloudConfig"))
        && let Some(what) = secret_in(&own.value().to_string())
    {
        let message = format!("cloudConfig holds {what}");
        findings.push(
            Finding::error("secret/in-text", message, &config.place).hint("user-data stays readable on the machine"),
        );
    }
    for entry in subject.tree.iter().filter(|entry| might_hold_one(&entry.text)) {
        for (at, line) in entry.text.lines().enumerate() {
            if let Some(what) = secret_in(line) {
                // The place is told without its text: a snippet would print the secret.
                let message = format!("line {} of {} holds {what}", at + 1, entry.tree_path());
                findings.push(
                    Finding::error("secret/in-text", message, &Place::new(&entry.origin.source, 0..0))
                        .hint("copy secrets to the machine after launch; nothing that is baked is private"),
                );
            }
        }
    }
    findings
}

/// Whether a text has any of the words by which secrets are known: most files have none, and are not read word by word.
fn might_hold_one(text: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "AKIA",
        "ASIA",
        "PRIVATE KEY-----",
        "IQoJb3JpZ2lu",
        "FwoGZXIvYXdz",
        "k8s-aws-v1.",
        "eyJ",
        "ghp_",
        "ecret_",
    ];
    SIGNS.iter().any(|sign| text.contains(sign)) || text.contains("ECRET_") || text.contains("secretAccessKey")
}

fn secret_in(line: &str) -> Option<&'static str> {
    if line.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '/' | '+' | '-' | '_' | '.'));
    let mut previous_names_a_key = false;
    for word in words {
        let key_id = |prefix: &str| {
            word.strip_prefix(prefix).is_some_and(|rest| {
                rest.len() == 16
                    && rest
                        .bytes()
                        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            })
        };
        if key_id("AKIA") || key_id("ASIA") {
            return Some("an AWS access key id");
        }
        if word.len() > 100 && (word.starts_with("IQoJb3JpZ2lu") || word.starts_with("FwoGZXIvYXdz")) {
            return Some("an AWS session token");
        }
        if word.strip_prefix("k8s-aws-v1.").is_some_and(|token| token.len() > 100) {
            return Some("a token of an EKS cluster");
        }
        if word.starts_with("eyJ") && word.len() > 60 && word.matches('.').count() == 2 {
            return Some("a bearer token");
        }
        if word.starts_with("ghp_") && word.len() >= 40 {
            return Some("a GitHub token");
        }
        let secret_like = word.len() == 40
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'));
        if previous_names_a_key && secret_like {
            return Some("an AWS secret key");
        }
        let lower = word.to_ascii_lowercase();
        if !word.is_empty() {
            previous_names_a_key = lower.ends_with("secret_access_key");
        }
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_seen_and_harmless_text_is_not() {
        let token = format!("token: IQoJb3JpZ2lu{}", "a".repeat(200));
        let eks = format!("k8s-aws-v1.{}", "a".repeat(200));
        for bad in [
            "key: AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN RSA PRIVATE KEY-----",
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            &token,
            &eks,
        ] {
            assert!(secret_in(bad).is_some() && might_hold_one(bad), "{bad}");
        }
        for good in [
            "aws_secret_access_key",
            "read aws_secret_access_key from the file",
            "AKIA",
            "sha256 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf file",
            "-----BEGIN CERTIFICATE-----",
            "IQoJb3JpZ2lu",
        ] {
            assert_eq!(secret_in(good), None, "{good}");
        }
    }
}
