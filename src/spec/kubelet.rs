//! `kubelet`: labels, taints and raw configuration.

use crate::base::{Finding, LabelKey, LabelValue, Located};
use crate::syntax::yaml::{Node, Reader};

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Effect {
    /// New pods stay away.
    NoSchedule,
    /// New pods stay away if they can.
    PreferNoSchedule,
    /// Running pods leave too.
    NoExecute,
}

/// One taint.
#[derive(Debug, Clone)]
pub struct Taint {
    /// Key.
    pub key: Located<LabelKey>,
    /// Value, often absent.
    pub value: Option<Located<LabelValue>>,
    /// Effect.
    pub effect: Located<Effect>,
}

/// `kubelet`.
#[derive(Debug, Clone, Default)]
pub struct Kubelet {
    /// Labels the node gives itself, in the order they were written.
    pub labels: Vec<(Located<LabelKey>, Located<LabelValue>)>,
    /// Taints it registers with.
    pub taints: Vec<Taint>,
    /// Raw `KubeletConfiguration`, laid over ours.
    pub config: Option<Node>,
}

impl Kubelet {
    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "kubelet");
        let mut kubelet = Self::default();
        if let Some(labels) = fields.optional("labels") {
            reader.map(labels, "labels");
            for entry in labels.entries() {
                let value = reader.parsed::<LabelValue>(&entry.value, "spec/label");
                match entry.key.parse::<LabelKey>() {
                    Ok(key) => {
                        let key = Located {
                            value: key,
                            place: entry.key_place.clone(),
                        };
                        kubelet.labels.extend(value.map(|value| (key, value)));
                    }
                    Err(error) => reader
                        .report
                        .push(Finding::error("spec/label", error, &entry.key_place)),
                }
            }
        }
        if let Some(taints) = fields.optional("taints") {
            for item in reader.list(taints) {
                kubelet.taints.extend(Taint::read(reader, item));
            }
        }
        if let Some(config) = fields.optional("config") {
            reader.map(config, "config");
            kubelet.config = Some(config.clone());
        }
        fields.done(reader);
        kubelet
    }
}

impl Taint {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "a taint");
        let key = fields
            .required(reader, "key")
            .and_then(|node| reader.parsed(node, "spec/taint"));
        let value = fields
            .optional("value")
            .and_then(|node| reader.parsed(node, "spec/taint"));
        let effects = [
            ("NoSchedule", Effect::NoSchedule),
            ("PreferNoSchedule", Effect::PreferNoSchedule),
            ("NoExecute", Effect::NoExecute),
        ];
        let effect = fields
            .required(reader, "effect")
            .and_then(|node| reader.word(node, &effects));
        fields.done(reader);
        Some(Self {
            key: key?,
            value,
            effect: effect?,
        })
    }
}
