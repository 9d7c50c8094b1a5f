//! The kubelet: configuration, feature gates and command line against its version, its machine and its cluster.

mod access;
mod cgroups;
mod eviction;
mod flags;
mod gates;
mod labels;
mod layers;
mod managers;
mod memory;
mod network;
mod quantities;
mod ranges;
mod reading;
mod reserved;
mod rows;
mod rules;
mod schema;

pub(super) use quantities::nanoseconds;
pub(super) use reading::Reading;
pub(super) use rows::ROWS;

use super::{Check, Subject};
use crate::syntax::yaml::Node;

/// Where our configuration is.
pub(super) const CONFIG: &str = "/etc/kubernetes/kubelet/kubelet-config.yaml";
/// The drop-in that carries the flags.
pub(super) const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";

/// The configuration in effect, without a look at what the schema says of it.
pub(super) fn in_effect(subject: &Subject<'_>) -> Node {
    let words = layers::command_line(subject);
    layers::configuration(subject, reading::flag_in(&words, "config-dir")).1
}

/// The value of the kubelet's flag `name`.
pub(super) fn flag_value(subject: &Subject<'_>, name: &str) -> Option<String> {
    subject.kubelet().flag(name).map(str::to_owned)
}
