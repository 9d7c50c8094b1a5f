//! The table of rules: every finding nodebake can have, with its reason.

use super::{
    Subject, agreements, cloud_config, cni, containerd, cross, files, floors, iam, image_credentials, kubeconfig,
    kubelet, mapping, netplan, proxy, scripts, secrets, sysctl, systemd, text,
};
use crate::base::{Finding, Severity};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its id, `area/what`.
    pub id: &'static str,
    /// How bad a finding of it is.
    pub severity: Severity,
    /// What it looks for, in one line.
    pub summary: &'static str,
    /// Why it matters, with the source of the rule.
    pub reason: &'static str,
    /// Looks at the rendered tree; `None` for the rules that the earlier floors hold while they read and decide.
    pub run: Option<fn(&Subject<'_>) -> Vec<Finding>>,
}

/// Rules about a node: what they look at, no other machine has.
const OF_NODES: &[&[Check]] = &[
    kubelet::ROWS,
    cross::ROWS,
    containerd::ROWS,
    cni::ROWS,
    agreements::ROWS,
    image_credentials::ROWS,
    kubeconfig::ROWS,
    mapping::ROWS,
];

/// Every rule, area by area, in the order they run.
pub const CHECKS: &[&[Check]] = &[
    files::ROWS,
    kubelet::ROWS,
    cross::ROWS,
    containerd::ROWS,
    cni::ROWS,
    agreements::ROWS,
    image_credentials::ROWS,
    kubeconfig::ROWS,
    netplan::ROWS,
    mapping::ROWS,
    cloud_config::ROWS,
    scripts::ROWS,
    iam::ROWS,
    proxy::ROWS,
    systemd::ROWS,
    sysctl::ROWS,
    secrets::ROWS,
    text::ROWS,
    floors::reading::ROWS,
    floors::spec::ROWS,
    floors::plugins::ROWS,
    floors::facts::ROWS,
    floors::catalog::ROWS,
    floors::plan::ROWS,
    floors::passthrough::ROWS,
    floors::baking::ROWS,
    floors::goldens::ROWS,
];

/// All rules, one after the other.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().copied().flatten()
}

/// The rules that look at a machine: all of them at a node, and those about any machine at a proxy.
pub(super) fn checks_of(is_node: bool) -> impl Iterator<Item = &'static Check> {
    let of_nodes = |check: &Check| OF_NODES.iter().copied().flatten().any(|other| other.id == check.id);
    checks().filter(move |check| is_node || !of_nodes(check))
}

/// The rule `id`.
pub fn check(id: &str) -> Option<&'static Check> {
    checks().find(|check| check.id == id)
}
