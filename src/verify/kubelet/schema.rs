//! The key tree of `KubeletConfiguration`: names, types, ranges, words and the gates a key needs. It is walked once a
//! run, over the configuration in effect.

use super::gates::Gates;
use super::quantities::nanoseconds;
use super::ranges::{is_text, out_of_range, same, says_nothing};
use crate::base::{Finding, KubeMinor, Place, Report, closest, quantity_value};
use crate::catalog::{Catalog, Field, FieldType, Word};
use crate::syntax::yaml::{Entry, Kind, Node};
use crate::verify::Subject;

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Keys that this kubelet does not know.
    pub(super) keys: Vec<Finding>,
    /// Values of the wrong type or out of range.
    pub(super) values: Vec<Finding>,
    /// Keys that need a feature gate which is off.
    pub(super) gated: Vec<Finding>,
    /// The places of the refused values: rules over several keys leave them alone.
    pub(super) refused: Vec<Place>,
    /// The places of refused keys of maps.
    pub(super) names: Vec<Place>,
}

pub(super) fn unknown_keys(subject: &Subject<'_>) -> Vec<Finding> {
    subject.kubelet().faults.keys.clone()
}

pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    subject.kubelet().faults.values.clone()
}

pub(super) fn gated_keys(subject: &Subject<'_>) -> Vec<Finding> {
    subject.kubelet().faults.gated.clone()
}

/// Walks the configuration in effect; `ours` is the name of our file.
pub(super) fn walk(subject: &Subject<'_>, config: &Node, gates: &Gates, ours: Option<&str>) -> Faults {
    let mut walk = Walk {
        minor: subject.plan.minor(),
        catalog: subject.catalog,
        gates,
        ours,
        faults: Faults::default(),
    };
    if let Err(report) = walk.configuration(config, &subject.plan.facts.minor.place) {
        walk.faults.keys.extend(report);
    }
    walk.faults
}

struct Walk<'w> {
    minor: KubeMinor,
    catalog: &'w Catalog,
    gates: &'w Gates,
    ours: Option<&'w str>,
    faults: Faults,
}

impl Walk<'_> {
    fn refuse(&mut self, message: impl Into<String>, place: &Place, hint: Option<String>) {
        // One value, one finding.
        if self.faults.refused.contains(place) {
            return;
        }
        let mut finding = Finding::error("kubelet/value", message, place);
        finding.hint = hint;
        self.faults.values.push(finding);
        self.faults.refused.push(place.clone());
    }

    /// The configuration itself. Of the long table only the rows of its keys are read, all of them once a key is in none.
    fn configuration(&mut self, node: &Node, minor_place: &Place) -> Result<(), Report> {
        let what = "KubeletConfiguration";
        let covers = self.catalog.kubelet_covers()?;
        if self.minor < covers.from || self.minor > covers.to {
            let message = format!(
                "the keys of kubelet {} are not known here ({} to {})",
                self.minor, covers.from, covers.to
            );
            let finding = Finding::error("kubelet/unknown-key", message, minor_place);
            self.faults.keys.push(finding);
        }
        if !self.is_map(node, what) {
            return Ok(());
        }
        for entry in node.entries() {
            match &*self.catalog.kubelet_field(&entry.key)? {
                Some(field) => self.known(field, entry),
                None => self.stranger(entry, what, &self.catalog.kubelet_schema()?.fields),
            }
        }
        Ok(())
    }

    fn object(&mut self, fields: &[Field], node: &Node, what: &str) {
        if !self.is_map(node, what) {
            return;
        }
        for entry in node.entries() {
            match fields.iter().find(|field| field.key == entry.key) {
                Some(field) => self.known(field, entry),
                None => self.stranger(entry, what, fields),
            }
        }
    }

    fn is_map(&mut self, node: &Node, what: &str) -> bool {
        let is = matches!(node.kind, Kind::Map(_));
        if !is {
            self.refuse(format!("`{what}` must be a map"), &node.place, None);
        }
        is
    }

    /// A key that some kubelet knows.
    fn known(&mut self, field: &Field, entry: &Entry) {
        if field.since.is_none_or(|since| since <= self.minor) {
            return self.field(field, &entry.value);
        }
        let since = field.since.map(|since| since.to_string()).unwrap_or_default();
        let message = format!("`{}` came with kubelet {since}, this is {}", entry.key, self.minor);
        let finding = Finding::error("kubelet/unknown-key", message, &entry.key_place);
        self.faults.keys.push(finding.hint("this kubelet ignores it"));
    }

    /// A key that is none of `fields`.
    fn stranger(&mut self, entry: &Entry, what: &str, fields: &[Field]) {
        let message = format!("`{}` is not a key of {what}", entry.key);
        let finding = Finding::error("kubelet/unknown-key", message, &entry.key_place);
        let near = closest(&entry.key, fields.iter().map(|field| field.key.as_str()));
        self.faults.keys.push(match near {
            Some(word) => finding.hint(format!("did you mean `{word}`?")),
            None => finding,
        });
    }

    fn field(&mut self, field: &Field, node: &Node) {
        if node.is_null() {
            return;
        }
        let key = field.key.as_str();
        let before = self.faults.values.len();
        self.typed(&field.kind, node, key);
        for entry in node.entries().iter().filter(|_| !field.names.is_empty()) {
            if let Some((known, hint)) = self.not_one_of(&field.names, &entry.key) {
                let message = format!("`{key}` has no `{}`, only {known}", entry.key);
                self.faults.names.push(entry.key_place.clone());
                self.refuse(message, &entry.key_place, hint);
            }
            self.name_gate(field, &entry.key, &entry.key_place);
        }
        let parts = std::iter::once(node)
            .chain(node.items())
            .chain(node.entries().iter().map(|entry| &entry.value));
        for part in parts {
            let Some(text) = part.text().filter(|_| !part.is_null()) else {
                continue;
            };
            if let Some(range) = out_of_range(field, text) {
                self.refuse(format!("`{key}` must be {range}"), &part.place, None);
            }
            if !field.values.is_empty()
                && let Some((known, hint)) = self.not_one_of(&field.values, text)
            {
                self.refuse(format!("`{key}` must be one of {known}"), &part.place, hint);
            }
        }
        if self.faults.values.len() == before {
            self.gate(field, node);
        }
    }

    /// If a word is outside its closed set: the set, and what to do.
    fn not_one_of(&self, set: &[Word], text: &str) -> Option<(String, Option<String>)> {
        let known: Vec<&str> = set
            .iter()
            .filter(|word| word.known_in(self.minor))
            .map(|word| word.text.as_str())
            .collect();
        if known.contains(&text) {
            return None;
        }
        let other = set.iter().find(|word| word.text == text);
        let hint = match other.map(|word| (word.since, word.removed)) {
            Some((Some(since), _)) if since > self.minor => Some(format!("`{text}` came with {since}")),
            Some((_, Some(removed))) => Some(format!("`{text}` was removed in {removed}")),
            _ => closest(text, known.iter().copied()).map(|word| format!("did you mean `{word}`?")),
        };
        let shown: Vec<&str> = known.iter().copied().filter(|word| !word.is_empty()).take(10).collect();
        let more = if known.len() > 10 { " and others" } else { "" };
        Some((format!("{}{more}", shown.join(", ")), hint))
    }

    /// A name that is behind a feature gate while it is new.
    fn name_gate(&mut self, field: &Field, name: &str, place: &Place) {
        let word = field
            .names
            .iter()
            .find(|word| word.text == name && word.known_in(self.minor));
        let Some(gate) = word.and_then(|word| word.gate_in(self.minor)) else {
            return;
        };
        if !self.gates.is_on(gate, self.catalog) {
            let message = format!(
                "`{name}` of `{}` needs the feature gate {gate}, which is off",
                field.key
            );
            let hint = format!("set `featureGates: {{ {gate}: true }}`, or leave it out");
            self.faults
                .gated
                .push(Finding::error("kubelet/gated-key", message, place).hint(hint));
        }
    }

    fn gate(&mut self, field: &Field, node: &Node) {
        let Some(gate) = &field.gate else { return };
        if says_nothing(node)
            || node
                .text()
                .is_some_and(|text| field.ungated.iter().any(|word| same(word, text)))
        {
            return;
        }
        if self.gates.is_on(gate, self.catalog) {
            return;
        }
        let key = &field.key;
        let message = format!("`{key}` needs the feature gate {gate}, which is off");
        let at = |place: &Place| Finding::error("kubelet/gated-key", message, place);
        let (finding, hint) = match self.gates.stated(gate) {
            // Who turned it off caused it, if the key is ours.
            Some((_, off)) if self.ours == Some(node.place.source.name.as_str()) => (
                at(off).note(&node.place, format!("`{key}`")),
                "leave the gate out".to_owned(),
            ),
            Some((_, off)) => (
                at(&node.place).note(off, "it is turned off here"),
                format!("turn the gate on, or leave `{key}` out"),
            ),
            None if self.gates.knows(gate, self.catalog) => (
                at(&node.place),
                format!("set `featureGates: {{ {gate}: true }}`, or leave `{key}` out"),
            ),
            None => (
                at(&node.place),
                format!("kubelet {} has no such gate: leave `{key}` out", self.minor),
            ),
        };
        self.faults.gated.push(finding.hint(hint));
    }

    fn typed(&mut self, kind: &FieldType, node: &Node, key: &str) {
        let plain = matches!(node.kind, Kind::Scalar { plain: true, .. });
        let text = node.text();
        // The kubelet's decoder knows text from numbers: 5 is not "5".
        let quoted = text.filter(|_| is_text(node));
        let wrong = match kind {
            FieldType::Bool if plain && matches!(text, Some("true" | "false")) => None,
            FieldType::Bool => Some("`true` or `false`"),
            FieldType::Int if plain && text.is_some_and(|text| text.parse::<i64>().is_ok()) => None,
            FieldType::Int => Some("a whole number"),
            FieldType::Float if plain && text.is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite)) => None,
            FieldType::Float => Some("a number"),
            FieldType::Duration if quoted.is_some_and(|text| nanoseconds(text).is_some()) => None,
            FieldType::Duration => Some("a duration such as 30s or 2m30s"),
            FieldType::Quantity if text.is_some_and(|text| quantity_value(text).is_some()) => None,
            FieldType::TextQuantity if quoted.is_some_and(|text| quantity_value(text).is_some()) => None,
            FieldType::TextQuantity if text.is_some_and(|text| quantity_value(text).is_some()) => {
                Some("text: put the quantity in quotes")
            }
            FieldType::Quantity | FieldType::TextQuantity => Some("a quantity such as 100Mi or 500m"),
            FieldType::String if quoted.is_some() => None,
            FieldType::String if text.is_some() => Some("text: put it in quotes"),
            FieldType::String => Some("text"),
            FieldType::List(inner) => {
                for item in node.items() {
                    self.typed(inner, item, key);
                }
                (!matches!(node.kind, Kind::List(_))).then_some("a list")
            }
            FieldType::Map(inner) => {
                for entry in node.entries().iter().filter(|entry| !entry.value.is_null()) {
                    self.typed(inner, &entry.value, &entry.key);
                }
                (!matches!(node.kind, Kind::Map(_))).then_some("a map")
            }
            FieldType::Object(fields) => {
                self.object(fields, node, key);
                None
            }
        };
        if let Some(must) = wrong {
            self.refuse(format!("`{key}` must be {must}"), &node.place, None);
        }
    }
}
