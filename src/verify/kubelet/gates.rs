//! Feature gates: what the configuration and the flag say, and what each minor takes without being told.

use crate::base::{Finding, KubeMinor, Place, Severity, closest};
use crate::catalog::{Catalog, FeatureGates};
use crate::syntax::yaml::{Entry, Node};
use crate::verify::Subject;

/// The gates of one kubelet.
#[derive(Debug)]
pub(super) struct Gates {
    minor: KubeMinor,
    set: Vec<Setting>,
}

/// One gate that somebody set.
#[derive(Debug)]
struct Setting {
    name: String,
    value: bool,
    place: Place,
    value_place: Place,
}

impl Gates {
    pub(super) fn new(config: &Node, words: &[(String, Place)], minor: KubeMinor) -> Self {
        let entries = config.get("featureGates").map(Node::entries).unwrap_or_default();
        let of_config = entries.iter().filter_map(|entry: &Entry| {
            Some(Setting {
                name: entry.key.clone(),
                value: entry.value.text()?.parse().ok()?,
                place: entry.key_place.clone(),
                value_place: entry.value.place.clone(),
            })
        });
        // The flag wins over the file, gate by gate.
        let of_flag = words.iter().flat_map(|(word, place)| {
            let pairs = word.strip_prefix("--feature-gates=").unwrap_or_default().split(',');
            pairs.filter_map(move |pair| {
                let (name, value) = pair.split_once('=')?;
                Some(Setting {
                    name: name.to_owned(),
                    value: value.parse().ok()?,
                    place: place.clone(),
                    value_place: place.clone(),
                })
            })
        });
        Self {
            minor,
            set: of_config.chain(of_flag).collect(),
        }
    }

    /// Where gate `name` is set, and to what.
    pub(super) fn stated(&self, name: &str) -> Option<(bool, &Place)> {
        let last = self.set.iter().rev().find(|set| set.name == name);
        last.map(|set| (set.value, &set.value_place))
    }

    /// Whether the kubelet knows gate `name`.
    pub(super) fn knows(&self, name: &str, catalog: &Catalog) -> bool {
        let gate = catalog.feature_gate(name);
        gate.is_ok_and(|gate| gate.as_ref().as_ref().is_some_and(|gate| gate.known_in(self.minor)))
    }

    /// Whether gate `name` is on. One that was taken away stays at what it was last.
    pub(super) fn is_on(&self, name: &str, catalog: &Catalog) -> bool {
        if let Some((value, _)) = self.stated(name) {
            return value;
        }
        // Without the table nothing is claimed; `kubelet/feature-gate` tells why it could not be read.
        let Ok(gate) = catalog.feature_gate(name) else {
            return true;
        };
        let stage = gate.as_ref().as_ref().and_then(|gate| gate.stage_in(self.minor));
        stage.is_some_and(|(default, _)| default)
    }
}

/// Gates that do not exist, or that are locked to the other value.
pub(super) fn feature_gates(subject: &Subject<'_>) -> Vec<Finding> {
    let gates = &subject.kubelet().gates;
    if gates.set.is_empty() {
        return Vec::new();
    }
    let table = match subject.catalog.feature_gates() {
        Ok(table) => table,
        Err(report) => return report.into_iter().collect(),
    };
    let set = gates.set.iter();
    set.filter_map(|set| wrong_gate(&table, gates.minor, set)).collect()
}

fn wrong_gate(table: &FeatureGates, minor: KubeMinor, set: &Setting) -> Option<Finding> {
    let name = set.name.as_str();
    let known = || table.gates.iter().filter(|gate| gate.known_in(minor));
    if let Some(gate) = known().find(|gate| gate.name == name) {
        let (default, locked) = gate.stage_in(minor)?;
        let message = format!("feature gate `{name}` is locked to {default} in {minor}");
        let wrong = locked && set.value != default;
        return wrong.then(|| Finding::error("kubelet/feature-gate", message, &set.value_place).hint("leave it out"));
    }
    let severity = if table.complete {
        Severity::Error
    } else {
        Severity::Warning
    };
    let message = format!("kubelet {minor} does not know the feature gate `{name}` and does not start");
    let finding = Finding::new(severity, "kubelet/feature-gate", message).at(set.place.clone());
    if let Some(past) = table.gates.iter().find(|gate| gate.name == name) {
        return Some(finding.hint(match (past.since, past.removed) {
            (Some(since), _) if since > minor => format!("it came with {since}"),
            (_, Some(removed)) => format!("it was removed in {removed}: leave it out"),
            _ => "leave it out".into(),
        }));
    }
    Some(match closest(name, known().map(|gate| gate.name.as_str())) {
        Some(word) => finding.hint(format!("did you mean `{word}`?")),
        None => finding,
    })
}
