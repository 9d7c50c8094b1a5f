//! What a machine that runs already needs before a change of a file acts there. The rules are a table of the catalog.

use serde::Serialize;

use crate::base::{Finding, Place, Report};
use crate::catalog::Catalog;

/// Where the rules are.
const PATH: &str = "profiles/impact.csv";

/// What a change needs, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// It acts by itself, or means nothing to the machine.
    Nothing,
    /// Machines made of an image built after it.
    Image,
    /// Somebody has to apply it in the cluster.
    Cluster,
    /// Somebody has to apply it in the AWS account.
    Aws,
    /// Another run of first boot.
    FirstBoot,
    /// The table does not know.
    Unknown,
    /// A restart of the service that reads it.
    Service,
    /// A restart of the kubelet.
    Kubelet,
    /// A restart of containerd.
    Containerd,
    /// A reboot.
    Reboot,
    /// A new serving certificate, which somebody has to approve on a satellite.
    Csr,
    /// The node registers under another name: to the cluster it is another node.
    Name,
}

/// Every impact with its word in the table, and what people read.
const WORDS: [(&str, Impact, &str); 12] = [
    ("nothing", Impact::Nothing, "nothing to do"),
    ("image", Impact::Image, "image only"),
    ("cluster", Impact::Cluster, "apply in the cluster"),
    ("aws", Impact::Aws, "apply in AWS"),
    ("first-boot", Impact::FirstBoot, "run first boot again"),
    ("unknown", Impact::Unknown, "impact not known"),
    ("service", Impact::Service, "service restart"),
    ("kubelet", Impact::Kubelet, "kubelet restart"),
    ("containerd", Impact::Containerd, "containerd restart"),
    ("reboot", Impact::Reboot, "needs reboot"),
    ("csr", Impact::Csr, "new CSR"),
    ("name", Impact::Name, "new node name"),
];

impl Impact {
    /// What people read.
    pub fn words(self) -> &'static str {
        WORDS
            .iter()
            .find(|(_, impact, _)| *impact == self)
            .map_or("", |(.., words)| words)
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    path: String,
    key: String,
    subject: String,
    impact: Impact,
    reason: String,
}

/// The rules, the first that fits holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Impacts {
    rules: Vec<Rule>,
}

/// What the table says of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'t> {
    /// What it needs.
    pub impact: Impact,
    /// Who reads the file, in a word: `kubelet`; the file's name where the table has none.
    pub subject: Option<&'t str>,
    /// Why, with the source.
    pub reason: &'t str,
}

impl Impacts {
    /// Reads the table of the catalog. Rows that are none are told.
    pub fn read(catalog: &Catalog) -> Result<Self, Report> {
        let Some(source) = catalog.file(PATH) else {
            return Ok(Self::default());
        };
        let mut report = Report::new();
        let mut rules = Vec::new();
        for (at, line) in source.text.lines().enumerate().skip(1) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match row(line) {
                Ok(rule) => rules.push(rule),
                Err(why) => report.push(Finding::error("catalog/impact", why, &Place::line_of(source, at + 1))),
            }
        }
        if report.has_errors() {
            Err(report)
        } else {
            Ok(Self { rules })
        }
    }

    /// What a change of the value `key` in the file at `path` of a folder needs. The key is empty for the file as a
    /// whole.
    pub fn of(&self, path: &str, key: &str) -> Verdict<'_> {
        let rule = self
            .rules
            .iter()
            .find(|rule| fits(&rule.path, path) && fits(&rule.key, key));
        rule.map_or(
            Verdict {
                impact: Impact::Unknown,
                subject: None,
                reason: "",
            },
            |rule| Verdict {
                impact: rule.impact,
                subject: Some(rule.subject.as_str()).filter(|subject| *subject != "-"),
                reason: &rule.reason,
            },
        )
    }
}

fn row(line: &str) -> Result<Rule, String> {
    let cells: Vec<&str> = line.splitn(5, ',').collect();
    let &[path, key, subject, word, reason] = cells.as_slice() else {
        return Err("a row is path,key,subject,impact,reason".into());
    };
    let known = WORDS.iter().find(|(other, ..)| *other == word);
    let (_, impact, _) = known.ok_or_else(|| {
        let words: Vec<&str> = WORDS.iter().map(|(word, ..)| *word).collect();
        format!("`{word}` is no impact: {}", words.join(", "))
    })?;
    if [path, key, subject, reason].iter().any(|cell| cell.is_empty()) {
        return Err("a cell is empty".into());
    }
    Ok(Rule {
        path: path.to_owned(),
        key: key.to_owned(),
        subject: subject.to_owned(),
        impact: *impact,
        reason: reason.to_owned(),
    })
}

/// Whether `text` fits `pattern`, in which `*` stands for any letters, also none.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a/b"),
            ("a*", "ab"),
            ("*b", "ab"),
            ("a*c*e", "abcde"),
            ("a", "a"),
            ("a*a", "aa"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "ab"), ("*x*", "ab"), ("a*a", "a"), ("", "a")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
