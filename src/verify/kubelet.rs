//! The kubelet: configuration, feature gates and flags against its version.

use super::{Check, Subject};
use crate::base::{Finding, KubeMinor, Place, Severity, closest, quantity_value};
use crate::catalog::{Field, FieldType, Plane};
use crate::syntax::yaml::{self, Kind, Node};
use crate::syntax::{FileType, systemd};

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "kubelet/unknown-key",
        severity: Severity::Error,
        summary: "KubeletConfiguration has only keys that this kubelet knows",
        reason: "The kubelet decodes strictly first and on an unknown key falls back to a lenient decode with one log line: a typo is ignored (kubernetes/kubernetes pkg/kubelet/kubeletconfig/util/codec).",
        run: Some(unknown_keys),
    },
    Check {
        id: "kubelet/value",
        severity: Severity::Error,
        summary: "KubeletConfiguration values have the right type and range",
        reason: "A wrong type or a value outside its range stops the kubelet (kubernetes/kubernetes pkg/kubelet/apis/config/validation).",
        run: Some(values),
    },
    Check {
        id: "kubelet/feature-gate",
        severity: Severity::Error,
        summary: "Feature gates exist in this kubelet and are not locked to the other value",
        reason: "An unknown gate, or a locked one set to anything but its default, stops the kubelet (k8s.io/component-base/featuregate).",
        run: Some(feature_gates),
    },
    Check {
        id: "kubelet/flag",
        severity: Severity::Error,
        summary: "The kubelet's flags exist in its version",
        reason: "The kubelet exits on a flag it does not know; flags are taken away by upgrades (kubernetes CHANGELOGs 1.24 to 1.36).",
        run: Some(flags),
    },
    Check {
        id: "kubelet/exec-auth",
        severity: Severity::Error,
        summary: "No client certificate rotation beside the exec plugin",
        reason: "rotateCertificates makes the kubelet wrap its transport anonymously, which drops the exec plugin: it can no longer authenticate (kubernetes/kubernetes cmd/kubelet/app/server.go).",
        run: Some(exec_auth),
    },
];

/// Where our configuration is.
pub(super) const CONFIG: &str = "/etc/kubernetes/kubelet/kubelet-config.yaml";
/// The drop-in that carries the flags.
pub(super) const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";

/// The configurations of this node: ours, and what the user laid over it, where the user wrote it.
pub(super) fn configurations(subject: &Subject<'_>) -> Vec<Node> {
    let mut all = Vec::new();
    if let Some(entry) = subject.tree.get(Plane::Node, CONFIG)
        && let Ok(node) = yaml::parse(&entry.source())
    {
        all.push(node);
    }
    all.extend(subject.plan.spec.kubelet.config.clone());
    all
}

/// What is wrong with a value.
enum Fault {
    Key(Finding),
    Value(Finding),
}

struct Walk {
    minor: KubeMinor,
    faults: Vec<Fault>,
}

fn faults(subject: &Subject<'_>) -> Vec<Fault> {
    let mut walk = Walk {
        minor: subject.plan.kubelet_version.kube_minor(),
        faults: Vec::new(),
    };
    match subject.catalog.kubelet_schema() {
        Ok(schema) => {
            if walk.minor < schema.from || walk.minor > schema.to {
                let message = format!(
                    "the keys of kubelet {} are not known here ({} to {})",
                    walk.minor, schema.from, schema.to
                );
                let place = subject.plan.facts.minor.place.clone();
                walk.faults
                    .push(Fault::Key(Finding::error("kubelet/unknown-key", message, &place)));
            }
            for node in configurations(subject) {
                walk.object(&schema.fields, &node, "KubeletConfiguration");
            }
        }
        Err(report) => walk.faults.extend(report.into_iter().map(Fault::Key)),
    }
    walk.faults
}

pub(super) fn unknown_keys(subject: &Subject<'_>) -> Vec<Finding> {
    faults(subject)
        .into_iter()
        .filter_map(|fault| {
            if let Fault::Key(finding) = fault {
                Some(finding)
            } else {
                None
            }
        })
        .collect()
}

pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    faults(subject)
        .into_iter()
        .filter_map(|fault| {
            if let Fault::Value(finding) = fault {
                Some(finding)
            } else {
                None
            }
        })
        .collect()
}

impl Walk {
    fn value(&mut self, message: impl Into<String>, place: &Place) {
        self.faults
            .push(Fault::Value(Finding::error("kubelet/value", message, place)));
    }

    fn object(&mut self, fields: &[Field], node: &Node, what: &str) {
        if !matches!(node.kind, Kind::Map(_)) {
            self.value(format!("`{what}` must be a map"), &node.place);
            return;
        }
        for entry in node.entries() {
            let known = fields.iter().find(|field| field.key == entry.key);
            let usable = known.filter(|field| field.since.is_none_or(|since| since <= self.minor));
            match (usable, known) {
                (Some(field), _) => self.field(field, &entry.value, &entry.key),
                (None, Some(field)) => {
                    let since = field.since.map(|since| since.to_string()).unwrap_or_default();
                    let message = format!("`{}` came with kubelet {since}, this is {}", entry.key, self.minor);
                    let finding = Finding::error("kubelet/unknown-key", message, &entry.key_place);
                    self.faults.push(Fault::Key(finding.hint("this kubelet ignores it")));
                }
                (None, None) => {
                    let message = format!("`{}` is not a key of {what}", entry.key);
                    let mut finding = Finding::error("kubelet/unknown-key", message, &entry.key_place);
                    if let Some(word) = closest(&entry.key, fields.iter().map(|field| field.key.as_str())) {
                        finding = finding.hint(format!("did you mean `{word}`?"));
                    }
                    self.faults.push(Fault::Key(finding));
                }
            }
        }
    }

    fn field(&mut self, field: &Field, node: &Node, key: &str) {
        if node.is_null() {
            return;
        }
        self.typed(&field.kind, node, key);
        if let (Some(text), false) = (node.text(), field.values.is_empty()) {
            self.closed_set(field, text, node, key);
        }
        for item in node.items() {
            if let (Some(text), false) = (item.text(), field.values.is_empty()) {
                self.closed_set(field, text, item, key);
            }
        }
        if let Some(number) = node.text().and_then(|text| text.parse::<i64>().ok()) {
            let low = field.min.is_some_and(|min| number < min);
            let high = field.max.is_some_and(|max| number > max);
            if low || high {
                let range = match (field.min, field.max) {
                    (Some(min), Some(max)) => format!("{min} to {max}"),
                    (Some(min), None) => format!("at least {min}"),
                    (None, Some(max)) => format!("at most {max}"),
                    (None, None) => "a number".into(),
                };
                self.value(format!("`{key}` must be {range}"), &node.place);
            }
        }
    }

    fn closed_set(&mut self, field: &Field, text: &str, node: &Node, key: &str) {
        if field.values.iter().any(|value| value == text) {
            return;
        }
        let message = format!("`{key}` must be one of {}", field.values.join(", "));
        let mut finding = Finding::error("kubelet/value", message, &node.place);
        if let Some(word) = closest(text, field.values.iter().map(String::as_str)) {
            finding = finding.hint(format!("did you mean `{word}`?"));
        }
        self.faults.push(Fault::Value(finding));
    }

    fn typed(&mut self, kind: &FieldType, node: &Node, key: &str) {
        let plain = matches!(node.kind, Kind::Scalar { plain: true, .. });
        let text = node.text();
        let wrong = match kind {
            FieldType::Bool if plain && matches!(text, Some("true" | "false")) => None,
            FieldType::Bool => Some("`true` or `false`"),
            FieldType::Int if plain && text.is_some_and(|text| text.parse::<i64>().is_ok()) => None,
            FieldType::Int => Some("a whole number"),
            FieldType::Float if plain && text.is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite)) => None,
            FieldType::Float => Some("a number"),
            FieldType::Duration if text.is_some_and(is_go_duration) => None,
            FieldType::Duration => Some("a duration such as 30s or 2m30s"),
            FieldType::Quantity if text.is_some_and(|text| quantity_value(text).is_some()) => None,
            FieldType::Quantity => Some("a quantity such as 100Mi or 500m"),
            FieldType::String if text.is_some() => None,
            FieldType::String => Some("text"),
            FieldType::List(inner) => {
                if matches!(node.kind, Kind::List(_)) {
                    for item in node.items() {
                        self.typed(inner, item, key);
                    }
                    None
                } else {
                    Some("a list")
                }
            }
            FieldType::Map(inner) => {
                if matches!(node.kind, Kind::Map(_)) {
                    for entry in node.entries() {
                        self.typed(inner, &entry.value, &entry.key);
                    }
                    None
                } else {
                    Some("a map")
                }
            }
            FieldType::Object(fields) => {
                self.object(fields, node, key);
                None
            }
        };
        if let Some(must) = wrong {
            self.value(format!("`{key}` must be {must}"), &node.place);
        }
    }
}

/// A Go duration (`time.ParseDuration`): numbers with units, or a bare 0.
pub(super) fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if !number.bytes().any(|byte| byte.is_ascii_digit()) || number.matches('.').count() > 1 {
            return false;
        }
        let Some(unit) = ["ns", "us", "µs", "ms", "s", "m", "h"].iter().find(|unit| {
            after
                .strip_prefix(**unit)
                .is_some_and(|next| next.is_empty() || next.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        }) else {
            return false;
        };
        rest = &after[unit.len()..];
    }
    true
}

pub(super) fn feature_gates(subject: &Subject<'_>) -> Vec<Finding> {
    let minor = subject.plan.kubelet_version.kube_minor();
    let mut findings = Vec::new();
    let mut table = None;
    for config in configurations(subject) {
        let Some(gates) = config.get("featureGates") else {
            continue;
        };
        // The table is long: it is read only if there is a gate to look up.
        if table.is_none() {
            match subject.catalog.feature_gates() {
                Ok(read) => table = Some(read),
                Err(report) => return report.into_iter().collect(),
            }
        }
        let Some(table) = &table else { continue };
        for entry in gates.entries() {
            let gate = table
                .gates
                .iter()
                .find(|gate| gate.name == entry.key && gate.known_in(minor));
            match gate {
                None => {
                    let severity = if table.complete {
                        Severity::Error
                    } else {
                        Severity::Warning
                    };
                    let message = format!(
                        "kubelet {minor} does not know the feature gate `{}` and does not start",
                        entry.key
                    );
                    let mut finding =
                        Finding::new(severity, "kubelet/feature-gate", message).at(entry.key_place.clone());
                    let known = table
                        .gates
                        .iter()
                        .filter(|gate| gate.known_in(minor))
                        .map(|gate| gate.name.as_str());
                    if let Some(past) = table.gates.iter().find(|gate| gate.name == entry.key) {
                        finding = finding.hint(match (past.since, past.removed) {
                            (Some(since), _) if since > minor => format!("it came with {since}"),
                            (_, Some(removed)) => format!("it was removed in {removed}: leave it out"),
                            _ => "leave it out".into(),
                        });
                    } else if let Some(word) = closest(&entry.key, known) {
                        finding = finding.hint(format!("did you mean `{word}`?"));
                    }
                    findings.push(finding);
                }
                Some(gate) => {
                    let wanted = entry.value.text() == Some("true");
                    if let Some((default, true)) = gate.stage_in(minor)
                        && wanted != default
                    {
                        let message = format!("feature gate `{}` is locked to {default} in {minor}", entry.key);
                        let finding = Finding::error("kubelet/feature-gate", message, &entry.value.place);
                        findings.push(finding.hint("leave it out"));
                    }
                }
            }
        }
    }
    findings
}

/// The words of the kubelet's command line, from its drop-in.
pub(super) fn command_line(subject: &Subject<'_>) -> Vec<(String, Place)> {
    let Some(entry) = subject.tree.get(Plane::Node, DROP_IN) else {
        return Vec::new();
    };
    debug_assert_eq!(entry.filetype, FileType::Systemd);
    let Ok(assignments) = systemd::parse(&entry.text) else {
        return Vec::new();
    };
    let exec = assignments
        .iter()
        .filter(|assignment| assignment.key == "ExecStart" && !assignment.value.is_empty());
    let source = entry.source();
    exec.flat_map(|exec| {
        let place = Place::line_of(&source, exec.line);
        let words = exec
            .value
            .split_whitespace()
            .map(|word| word.trim_matches('"').replace("%%", "%"));
        words.map(|word| (word, place.clone())).collect::<Vec<_>>()
    })
    .collect()
}

/// The value of the kubelet's flag `name`.
pub(super) fn flag_value(subject: &Subject<'_>, name: &str) -> Option<String> {
    let prefix = format!("--{name}=");
    command_line(subject)
        .into_iter()
        .find_map(|(word, _)| word.strip_prefix(&prefix).map(str::to_owned))
}

pub(super) fn flags(subject: &Subject<'_>) -> Vec<Finding> {
    let minor = subject.plan.kubelet_version.kube_minor();
    let table = match subject.catalog.kubelet_flags() {
        Ok(table) => table,
        Err(report) => return report.into_iter().collect(),
    };
    let mut findings = Vec::new();
    for (word, place) in command_line(subject).into_iter().skip(1) {
        let Some(name) = word
            .strip_prefix("--")
            .map(|rest| rest.split('=').next().unwrap_or(rest))
        else {
            findings.push(Finding::error("kubelet/flag", format!("`{word}` is no flag"), &place));
            continue;
        };
        let wrong = match table.get(name) {
            None => Some(format!("kubelet {minor} has no flag --{name}")),
            Some(flag) => match (flag.since, flag.removed) {
                (Some(since), _) if since > minor => Some(format!("--{name} came with {since}, this is {minor}")),
                (_, Some(removed)) if removed <= minor => {
                    Some(format!("--{name} was removed in {removed}, kubelet {minor} exits"))
                }
                _ => None,
            },
        };
        findings.extend(wrong.map(|message| Finding::error("kubelet/flag", message, &place)));
    }
    findings
}

pub(super) fn exec_auth(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for config in configurations(subject) {
        if let Some(node) = config.get("rotateCertificates")
            && node.text() == Some("true")
        {
            let message = "`rotateCertificates` cannot be combined with the exec plugin of the kubeconfig";
            findings.push(Finding::error("kubelet/exec-auth", message, &node.place).hint("leave it out"));
        }
    }
    if flag_value(subject, "bootstrap-kubeconfig").is_some() {
        let message = "`--bootstrap-kubeconfig` asks for a client certificate, which EKS does not give";
        findings.push(Finding::new(Severity::Error, "kubelet/exec-auth", message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for good in ["0", "10s", "2m30s", "1.5h", "12h0m0s", "100ms", "-5s"] {
            assert!(is_go_duration(good), "{good}");
        }
        for bad in ["", "10", "s", "10 s", "1d", "1.2.3s", "m5"] {
            assert!(!is_go_duration(bad), "{bad}");
        }
    }
}
