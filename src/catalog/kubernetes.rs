//! What each Kubernetes minor's kubelet knows: configuration keys, feature gates, flags.

use super::Catalog;
use crate::base::{KubeMinor, Report};
use crate::syntax::yaml::{Node, Reader};

/// The type of a configuration value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// `true` or `false`
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Text.
    String,
    /// A Go duration such as `10s`.
    Duration,
    /// A Kubernetes quantity such as `100Mi`, or a plain number.
    Quantity,
    /// A quantity that must be text: its Go type is a string.
    TextQuantity,
    /// A list.
    List(Box<FieldType>),
    /// A map with free keys.
    Map(Box<FieldType>),
    /// A map with these keys.
    Object(Vec<Field>),
}

/// One word of a closed set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// The first minor that takes it, if that is not the oldest covered.
    pub since: Option<KubeMinor>,
    /// The first minor that does not take it any more.
    pub removed: Option<KubeMinor>,
    /// The feature gate it needs, as long as it is new.
    pub gate: Option<String>,
    /// The first minor that takes it without the gate.
    pub ungated: Option<KubeMinor>,
}

impl Word {
    /// The feature gate that must be on in `minor` for it.
    pub fn gate_in(&self, minor: KubeMinor) -> Option<&str> {
        let free = self.ungated.is_some_and(|free| free <= minor);
        self.gate.as_deref().filter(|_| !free)
    }

    /// Whether `minor` takes it.
    pub fn known_in(&self, minor: KubeMinor) -> bool {
        self.since.is_none_or(|since| since <= minor) && self.removed.is_none_or(|removed| minor < removed)
    }
}

/// One configuration key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub key: String,
    /// Its type.
    pub kind: FieldType,
    /// The first minor that knows it, if that is not the oldest covered.
    pub since: Option<KubeMinor>,
    /// Smallest number.
    pub min: Option<i64>,
    /// Largest number.
    pub max: Option<i64>,
    /// Numbers must be above this one.
    pub above: Option<i64>,
    /// Numbers must be a multiple of this one.
    pub multiple: Option<i64>,
    /// Shortest duration, as it is written.
    pub shortest: Option<String>,
    /// Longest duration, as it is written.
    pub longest: Option<String>,
    /// Whether a duration may be zero though `shortest` is more.
    pub or_zero: bool,
    /// The only texts allowed, if it is a closed set.
    pub values: Vec<Word>,
    /// The only keys allowed in a map, if they are a closed set.
    pub names: Vec<Word>,
    /// The feature gate that must be on for it.
    pub gate: Option<String>,
    /// What it may say without the gate, beside nothing, false and zero.
    pub ungated: Vec<String>,
}

/// The minors that a table covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covers {
    /// The oldest one.
    pub from: KubeMinor,
    /// The newest one.
    pub to: KubeMinor,
}

/// The key tree of `KubeletConfiguration`.
#[derive(Debug, Clone)]
pub struct KubeletSchema {
    /// Which minors it covers.
    pub covers: Covers,
    /// Top-level keys.
    pub fields: Vec<Field>,
}

/// One feature gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureGate {
    /// Its name.
    pub name: String,
    /// The first minor that knows it, if that is not before every minor covered.
    pub since: Option<KubeMinor>,
    /// The first minor that does not any more.
    pub removed: Option<KubeMinor>,
    /// From which minor on: default, and whether it can no longer be changed.
    pub stages: Vec<(KubeMinor, bool, bool)>,
}

impl FeatureGate {
    /// Whether `minor` knows it.
    pub fn known_in(&self, minor: KubeMinor) -> bool {
        self.since.is_none_or(|since| since <= minor) && self.removed.is_none_or(|removed| minor < removed)
    }

    /// Its default in `minor`, and whether it is locked to it.
    pub fn stage_in(&self, minor: KubeMinor) -> Option<(bool, bool)> {
        self.stages
            .iter()
            .rev()
            .find(|(from, ..)| *from <= minor)
            .map(|(_, default, locked)| (*default, *locked))
    }
}

/// All feature gates.
#[derive(Debug, Clone)]
pub struct FeatureGates {
    /// Whether a gate that is not listed is surely unknown to the kubelet.
    pub complete: bool,
    /// The gates.
    pub gates: Vec<FeatureGate>,
}

/// One kubelet flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name without dashes.
    pub name: String,
    /// The first minor that knows it, if it is younger than the table.
    pub since: Option<KubeMinor>,
    /// The first minor in which it stops the kubelet.
    pub removed: Option<KubeMinor>,
    /// The minor from which it is deprecated.
    pub deprecated: Option<KubeMinor>,
    /// Whether it is a switch: alone, `=true` or `=false`.
    pub switch: bool,
    /// What to know.
    pub note: Option<String>,
}

/// The flags table.
#[derive(Debug, Clone)]
pub struct KubeletFlags(pub Vec<Flag>);

impl KubeletSchema {
    /// The top-level key `name`.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == name)
    }
}

impl KubeletFlags {
    /// The flag `name`.
    pub fn get(&self, name: &str) -> Option<&Flag> {
        self.0.iter().find(|flag| flag.name == name)
    }
}

const KUBELET_CONFIG: &str = "profiles/kubernetes/kubelet-config.yaml";
const FEATURE_GATES: &str = "profiles/kubernetes/feature-gates.yaml";
const KUBELET_FLAGS: &str = "profiles/kubernetes/kubelet-flags.yaml";

impl Catalog {
    /// The keys of `KubeletConfiguration`.
    pub(super) fn read_kubelet_schema(&self) -> Result<KubeletSchema, Report> {
        self.read(KUBELET_CONFIG, |reader, node| {
            let mut fields = reader.map(node, "the kubelet schema");
            for key in ["kind", "apiVersion"] {
                fields.required(reader, key).map(|node| reader.text(node));
            }
            let covers = fields.required(reader, "covers");
            let keys = fields.required(reader, "keys");
            fields.done(reader);
            Some(KubeletSchema {
                covers: self::covers(reader, covers?)?,
                fields: keys_of(reader, keys?),
            })
        })
    }

    /// The feature gates.
    pub(super) fn read_feature_gates(&self) -> Result<FeatureGates, Report> {
        self.read(FEATURE_GATES, |reader, node| {
            let mut fields = reader.map(node, "the feature gates");
            let complete = fields
                .required(reader, "complete")
                .and_then(|node| reader.boolean(node));
            let gates = fields.required(reader, "gates");
            for key in ["covers", "sources"] {
                fields.required(reader, key);
            }
            fields.done(reader);
            let gates = reader
                .list(gates?)
                .iter()
                .filter_map(|item| gate(reader, item))
                .collect();
            Some(FeatureGates {
                complete: complete?.value,
                gates,
            })
        })
    }

    /// The kubelet's flags.
    pub(super) fn read_kubelet_flags(&self) -> Result<KubeletFlags, Report> {
        self.read(KUBELET_FLAGS, |reader, node| {
            let mut fields = reader.map(node, "the kubelet flags");
            let flags = fields.required(reader, "flags");
            for key in ["covers", "complete"] {
                fields.required(reader, key);
            }
            fields.done(reader);
            Some(KubeletFlags(
                reader
                    .list(flags?)
                    .iter()
                    .filter_map(|item| flag(reader, item))
                    .collect(),
            ))
        })
    }
}

/// The tables are long and few of their rows are asked for: of a built-in one only these are read.
impl Catalog {
    /// Which minors the keys of `KubeletConfiguration` cover.
    pub(super) fn read_kubelet_covers(&self) -> Result<Covers, Report> {
        match self.value(KUBELET_CONFIG, "covers") {
            Some(node) => one(&node, covers),
            None => Ok(self.kubelet_schema()?.covers),
        }
    }

    /// Reads the top-level key `name` of `KubeletConfiguration`.
    pub(super) fn read_kubelet_field(&self, name: &str) -> Result<Option<Field>, Report> {
        match self.row(KUBELET_CONFIG, "keys", "key", name) {
            Some(row) => one(&row, field).map(Some),
            None => Ok(self.kubelet_schema()?.get(name).cloned()),
        }
    }

    /// Reads the gate `name`.
    pub(super) fn read_feature_gate(&self, name: &str) -> Result<Option<FeatureGate>, Report> {
        match self.row(FEATURE_GATES, "gates", "name", name) {
            Some(row) => one(&row, gate).map(Some),
            None => Ok(self
                .feature_gates()?
                .gates
                .iter()
                .find(|gate| gate.name == name)
                .cloned()),
        }
    }

    /// Reads the flag `name`.
    pub(super) fn read_kubelet_flag(&self, name: &str) -> Result<Option<Flag>, Report> {
        match self.row(KUBELET_FLAGS, "flags", "name", name) {
            Some(row) => one(&row, flag).map(Some),
            None => Ok(self.kubelet_flags()?.get(name).cloned()),
        }
    }
}

/// What `read` makes of one row.
fn one<T>(node: &Node, read: fn(&mut Reader<'_>, &Node) -> Option<T>) -> Result<T, Report> {
    let mut report = Report::new();
    let value = read(&mut Reader { report: &mut report }, node);
    value.filter(|_| !report.has_errors()).ok_or(report)
}

fn covers(reader: &mut Reader<'_>, node: &Node) -> Option<Covers> {
    let mut fields = reader.map(node, "covers");
    let from = fields.required(reader, "from").and_then(|node| minor(reader, node));
    let to = fields.required(reader, "to").and_then(|node| minor(reader, node));
    fields.done(reader);
    Some(Covers { from: from?, to: to? })
}

fn minor(reader: &mut Reader<'_>, node: &Node) -> Option<KubeMinor> {
    reader.parsed(node, "catalog/value").map(|minor| minor.value)
}

fn keys_of(reader: &mut Reader<'_>, node: &Node) -> Vec<Field> {
    reader
        .list(node)
        .iter()
        .filter_map(|item| field(reader, item))
        .collect()
}

fn field(reader: &mut Reader<'_>, node: &Node) -> Option<Field> {
    let mut fields = reader.map(node, "a configuration key");
    let key = fields.required(reader, "key").and_then(|node| reader.text(node));
    let kind = fields.required(reader, "type").and_then(|node| reader.text(node));
    let since = fields.optional("since").and_then(|node| minor(reader, node));
    let bound =
        |reader: &mut Reader<'_>, node: &Node| reader.parsed::<i64>(node, "catalog/value").map(|number| number.value);
    let min = fields.optional("min").and_then(|node| bound(reader, node));
    let max = fields.optional("max").and_then(|node| bound(reader, node));
    let above = fields.optional("above").and_then(|node| bound(reader, node));
    let multiple = fields.optional("multiple").and_then(|node| bound(reader, node));
    let mut text = |reader: &mut Reader<'_>, key: &'static str| {
        let node = fields.optional(key)?;
        reader.text(node).map(|text| text.value)
    };
    let shortest = text(reader, "shortest");
    let longest = text(reader, "longest");
    let gate = text(reader, "gate");
    let or_zero = fields.optional("orZero").and_then(|node| reader.boolean(node));
    let values = fields.optional("values").map(|node| words(reader, node));
    let names = fields.optional("names").map(|node| words(reader, node));
    let ungated = fields.optional("ungated").map(|node| words(reader, node));
    let keys = fields
        .optional("keys")
        .map(|node| keys_of(reader, node))
        .unwrap_or_default();
    for key in ["note", "source", "default"] {
        fields.optional(key);
    }
    fields.done(reader);
    let kind = kind?;
    let Some(parsed) = field_type(&kind.value, keys) else {
        let message = format!("`{}` is no type of a configuration value", kind.value);
        reader
            .report
            .push(crate::base::Finding::error("catalog/value", message, &kind.place));
        return None;
    };
    Some(Field {
        key: key?.value,
        kind: parsed,
        since,
        min,
        max,
        above,
        multiple,
        shortest,
        longest,
        or_zero: or_zero.is_some_and(|flag| flag.value),
        values: values.unwrap_or_default(),
        names: names.unwrap_or_default(),
        gate,
        ungated: ungated.unwrap_or_default().into_iter().map(|word| word.text).collect(),
    })
}

/// Words of a closed set: text, or `{ word, since, removed, gate, ungated }`.
fn words(reader: &mut Reader<'_>, node: &Node) -> Vec<Word> {
    reader
        .list(node)
        .iter()
        .filter_map(|item| {
            if let Some(text) = item.text() {
                return Some(Word {
                    text: text.to_owned(),
                    since: None,
                    removed: None,
                    gate: None,
                    ungated: None,
                });
            }
            let mut fields = reader.map(item, "a word");
            let text = fields.required(reader, "word").and_then(|node| reader.text(node));
            let since = fields.optional("since").and_then(|node| minor(reader, node));
            let removed = fields.optional("removed").and_then(|node| minor(reader, node));
            let gate = fields.optional("gate").and_then(|node| reader.text(node));
            let ungated = fields.optional("ungated").and_then(|node| minor(reader, node));
            fields.done(reader);
            Some(Word {
                text: text?.value,
                since,
                removed,
                gate: gate.map(|gate| gate.value),
                ungated,
            })
        })
        .collect()
}

fn field_type(word: &str, keys: Vec<Field>) -> Option<FieldType> {
    if let Some(inner) = word.strip_prefix("list:") {
        return Some(FieldType::List(Box::new(field_type(inner, keys)?)));
    }
    if let Some(inner) = word.strip_prefix("map:") {
        return Some(FieldType::Map(Box::new(field_type(inner, keys)?)));
    }
    Some(match word {
        "bool" => FieldType::Bool,
        "int" => FieldType::Int,
        "float" => FieldType::Float,
        "string" => FieldType::String,
        "duration" => FieldType::Duration,
        "quantity" => FieldType::Quantity,
        "text-quantity" => FieldType::TextQuantity,
        "object" => FieldType::Object(keys),
        _ => return None,
    })
}

fn gate(reader: &mut Reader<'_>, node: &Node) -> Option<FeatureGate> {
    let mut fields = reader.map(node, "a feature gate");
    let name = fields.required(reader, "name").and_then(|node| reader.text(node));
    let since = fields.optional("since").and_then(|node| minor(reader, node));
    let removed = fields.optional("removed").and_then(|node| minor(reader, node));
    let stages = fields.optional("stages").map(|node| {
        reader
            .list(node)
            .iter()
            .filter_map(|item| stage(reader, item))
            .collect::<Vec<_>>()
    });
    for key in ["note", "source"] {
        fields.optional(key);
    }
    fields.done(reader);
    Some(FeatureGate {
        name: name?.value,
        since,
        removed,
        stages: stages.unwrap_or_default(),
    })
}

fn stage(reader: &mut Reader<'_>, node: &Node) -> Option<(KubeMinor, bool, bool)> {
    let mut fields = reader.map(node, "a stage");
    let from = fields.required(reader, "from").and_then(|node| minor(reader, node));
    fields.optional("stage");
    let default = fields.required(reader, "default").and_then(|node| reader.boolean(node));
    let locked = fields.optional("locked").and_then(|node| reader.boolean(node));
    fields.done(reader);
    Some((from?, default?.value, locked.is_some_and(|locked| locked.value)))
}

fn flag(reader: &mut Reader<'_>, node: &Node) -> Option<Flag> {
    let mut fields = reader.map(node, "a flag");
    let name = fields.required(reader, "name").and_then(|node| reader.text(node));
    let since = fields.optional("since").and_then(|node| minor(reader, node));
    let removed = fields.optional("removed").and_then(|node| minor(reader, node));
    let deprecated = fields.optional("deprecated").and_then(|node| minor(reader, node));
    let note = fields
        .optional("note")
        .and_then(|node| reader.text(node))
        .map(|note| note.value);
    let takes = fields
        .optional("takes")
        .and_then(|node| reader.word(node, &[("value", false), ("bool", true)]));
    for key in ["field", "source"] {
        fields.optional(key);
    }
    fields.done(reader);
    Some(Flag {
        name: name?.value,
        since,
        removed,
        deprecated,
        switch: takes.is_some_and(|takes| takes.value),
        note,
    })
}
