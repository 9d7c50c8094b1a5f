//! SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0), as code scanning takes it.

use serde_json::{Value, json};

use crate::base::{Place, Report, Severity, masked};
use crate::verify;

/// The report as a SARIF log.
pub fn sarif(report: &Report) -> String {
    let findings = report.sorted();
    let mut ids: Vec<&str> = findings.iter().map(|finding| finding.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules: Vec<Value> = ids.iter().map(|id| rule(id)).collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let hint = finding
                .hint
                .as_ref()
                .map(|hint| format!(" ({hint})"))
                .unwrap_or_default();
            let message = format!("{}{hint}", finding.message);
            let mut result = json!({
                "ruleId": finding.id,
                "ruleIndex": ids.binary_search(&finding.id).unwrap_or_default(),
                "level": level(finding.severity),
                "message": { "text": masked(&message) },
            });
            if let Some(place) = &finding.place {
                result["locations"] = json!([{ "physicalLocation": physical(place) }]);
            }
            let related: Vec<Value> = finding
                .notes
                .iter()
                .map(|note| {
                    json!({ "physicalLocation": physical(&note.place), "message": { "text": masked(&note.message) } })
                })
                .collect();
            if !related.is_empty() {
                result["relatedLocations"] = Value::Array(related);
            }
            result
        })
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "nodebake",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn rule(id: &str) -> Value {
    match verify::check(id) {
        Some(check) => json!({
            "id": id,
            "shortDescription": { "text": check.summary },
            "fullDescription": { "text": check.reason },
            "defaultConfiguration": { "level": level(check.severity) },
        }),
        None => json!({ "id": id }),
    }
}

fn physical(place: &Place) -> Value {
    let (line, column) = place.line_column();
    json!({
        "artifactLocation": { "uri": uri(&place.source.name) },
        "region": { "startLine": line, "startColumn": column },
    })
}

/// A path as a URI reference (RFC 3986); relative ones stay relative.
fn uri(path: &str) -> String {
    let mut text = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("./a b/c%d.yaml"), "a%20b/c%25d.yaml");
        assert_eq!(uri("/x/y"), "file:///x/y");
        assert_eq!(uri("a:b"), "a%3Ab");
    }
}
