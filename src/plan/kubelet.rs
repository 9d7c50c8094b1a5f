//! The kubelet: its version, flags, labels, taints and the user's raw configuration.

use std::collections::BTreeMap;

use serde_json::json;

use super::Desk;
use crate::base::{Finding, KubeMinor, NodeName, Origin, Version};
use crate::catalog::Naming;
use crate::syntax::yaml::{self, Reader};

/// Drop-in folders exist from this minor on (KEP-3983).
const DROP_IN_SINCE: KubeMinor = KubeMinor::new(28);
/// Until this minor they must be asked for by an environment variable.
const DROP_IN_BETA: KubeMinor = KubeMinor::new(30);
/// How far a kubelet may be behind the API server (Kubernetes version skew policy since 1.28).
const MAX_SKEW: u32 = 3;

pub(super) fn version(desk: &mut Desk<'_>) -> Option<Version> {
    let facts = desk.facts;
    let minor = facts.minor.value;
    let arch = desk.instance_type.arch;
    let pinned = match desk.catalog.pinned_versions("kubelet", arch) {
        Ok(pinned) => pinned,
        Err(report) => {
            desk.report.extend(report);
            return None;
        }
    };
    if let Some(stated) = &desk.role.kubernetes_version {
        let skew_place = &facts.minor.place;
        let kubelet = stated.value.kube_minor();
        let mut wrong = None;
        if kubelet > minor {
            wrong = Some(format!("kubelet {} is newer than the cluster's {minor}", stated.value));
        } else if kubelet.behind(minor) > MAX_SKEW {
            wrong = Some(format!(
                "kubelet {} is more than {MAX_SKEW} minors behind the cluster's {minor}",
                stated.value
            ));
        }
        if let Some(message) = wrong {
            desk.report.push(
                Finding::error("plan/version-skew", message, &stated.place).note(skew_place, "the cluster's version"),
            );
            return None;
        }
    }
    let newest = pinned.iter().filter(|version| version.kube_minor() == minor).max();
    let stated = desk.role.kubernetes_version.as_ref();
    let Some(taken) = stated.map(|version| &version.value).or(newest) else {
        let minors: std::collections::BTreeSet<String> =
            pinned.iter().map(|version| version.kube_minor().to_string()).collect();
        let list: Vec<String> = minors.into_iter().collect();
        let message = format!("no kubelet {minor} is pinned for {}", arch.as_str());
        let hint = format!(
            "there are pins for {}; others go into images/artifacts.csv of your catalog folder",
            list.join(", ")
        );
        desk.report
            .push(Finding::error("plan/artifact", message, &facts.minor.place).hint(hint));
        return None;
    };
    let taken = taken.clone();
    let above = stated.map(|version| (version.value.clone(), Origin::Spec(version.place.clone())));
    let base_version = newest.unwrap_or(&taken).clone();
    let base = (
        base_version,
        Origin::Default(format!("the newest pinned patch of the cluster's {minor}")),
    );
    desk.book.choose("kubelet.version", base, [above]);
    desk.book.set(
        "kubelet.minor",
        taken.kube_minor(),
        Origin::Default("of kubelet.version".into()),
    );
    desk.book.set(
        "kubelet.minorNumber",
        taken.minor(),
        Origin::Default("of kubelet.version".into()),
    );
    if let Some((max, why)) = &desk.image.max_kubernetes
        && taken.kube_minor() > *max
    {
        let message = format!(
            "image {} runs Kubernetes {max} at most, this is {taken}",
            desk.image.name
        );
        desk.report
            .push(Finding::error("plan/image-kubernetes", message, &desk.spec.image.place).hint(why.clone()));
    }
    Some(taken)
}

pub(super) fn decide(desk: &mut Desk<'_>, version: &Version, name: &NodeName) {
    labels(desk);
    taints(desk);
    let drop_in = overrides(desk, version.kube_minor());
    flags(desk, version.kube_minor(), name, drop_in);
    if desk.profile.naming == Naming::Hybrid {
        let facts = desk.facts;
        let id = format!("eks-hybrid:///{}/{}/{name}", facts.region.value, facts.name.value);
        desk.book.set(
            "kubelet.providerId",
            id,
            Origin::Default("what EKS' tools give hybrid nodes".into()),
        );
    } else {
        let why = "none: the cloud controller would look for an attached ENI, and delete the node when it is not Ready";
        desk.book.set("kubelet.providerId", "", Origin::Default(why.into()));
    }
}

fn labels(desk: &mut Desk<'_>) {
    let kind = desk.instance_type;
    let mut layers: BTreeMap<String, Vec<(Origin, String)>> = BTreeMap::new();
    let mut add = |key: &str, value: &str, origin: Origin| {
        layers
            .entry(key.to_owned())
            .or_default()
            .push((origin, value.to_owned()));
    };
    let row = Origin::InstanceType(kind.full_name());
    add("node.kubernetes.io/instance-type", &kind.name, row.clone());
    if kind.gpu.is_some() {
        add("nvidia.com/gpu.present", "true", row);
    }
    for (key, value) in &desk.profile.labels {
        add(
            key.value.as_str(),
            value.value.as_str(),
            Origin::Profile(value.place.clone()),
        );
    }
    if desk.profile.naming == Naming::Hybrid
        && let Some(provider) = desk
            .book
            .get("credentials.hybridProvider")
            .and_then(|word| word.value().as_str())
    {
        add(
            "eks.amazonaws.com/hybrid-credential-provider",
            provider,
            Origin::Default("EKS' label of hybrid nodes".into()),
        );
    }
    let owned: Vec<&str> = desk.profile.labels.iter().map(|(key, _)| key.value.as_str()).collect();
    for (key, value) in &desk.role.kubelet.labels {
        let text = key.value.as_str();
        if !may_label_itself(text, key.value.domain()) {
            let message =
                format!("a node may not give itself the label `{text}`: the kubelet exits, NodeRestriction refuses");
            let finding = Finding::error("plan/label", message, &key.place);
            desk.report
                .push(finding.hint("use your own domain, node.kubernetes.io/… or kubelet.kubernetes.io/…"));
        }
        if owned.contains(&text) {
            let message = format!(
                "`{text}` belongs to the profile {}, which depends on it",
                desk.profile.name
            );
            desk.report.push(Finding::error("plan/label", message, &key.place));
        }
        add(text, value.value.as_str(), Origin::Spec(key.place.clone()));
    }
    let mut all = BTreeMap::new();
    for (key, layers) in layers {
        if let Some((_, value)) = layers.last() {
            all.insert(key, value.clone());
        }
    }
    let origin = match desk.role.kubelet.labels.first() {
        Some((key, _)) => Origin::Spec(key.place.clone()),
        None => Origin::Profile(desk.profile.place.clone()),
    };
    let flag: Vec<String> = all.iter().map(|(key, value)| format!("{key}={value}")).collect();
    desk.book.set("kubelet.labels", &all, origin.clone());
    desk.book.set("kubelet.labelsFlag", flag.join(","), origin);
}

/// Whether a kubelet may set the label `key` of `domain` on its node: in Kubernetes' own domains only a few
/// (kubernetes/kubernetes `staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go`).
pub fn may_label_itself(key: &str, domain: Option<&str>) -> bool {
    let Some(domain) = domain else { return true };
    let in_domain = |of: &str| domain == of || domain.ends_with(&format!(".{of}"));
    if in_domain("node-restriction.kubernetes.io") {
        return false;
    }
    if !in_domain("kubernetes.io") && !in_domain("k8s.io") {
        return true;
    }
    in_domain("kubelet.kubernetes.io")
        || in_domain("node.kubernetes.io")
        || matches!(
            key,
            "kubernetes.io/hostname"
                | "kubernetes.io/os"
                | "kubernetes.io/arch"
                | "topology.kubernetes.io/zone"
                | "topology.kubernetes.io/region"
                | "failure-domain.beta.kubernetes.io/zone"
                | "failure-domain.beta.kubernetes.io/region"
                | "beta.kubernetes.io/instance-type"
                | "beta.kubernetes.io/os"
                | "beta.kubernetes.io/arch"
        )
}

fn taints(desk: &mut Desk<'_>) {
    let taints = &desk.role.kubelet.taints;
    for (at, taint) in taints.iter().enumerate() {
        let same = |other: &&crate::spec::Taint| {
            other.key.value == taint.key.value && other.effect.value == taint.effect.value
        };
        if let Some(first) = taints[..at].iter().find(same) {
            let message = format!("taint `{}` with this effect is given twice", taint.key.value.as_str());
            desk.report
                .push(Finding::error("plan/taint", message, &taint.key.place).note(&first.key.place, "the first one"));
        }
    }
    let list: Vec<serde_json::Value> = taints
        .iter()
        .map(|taint| match &taint.value {
            Some(value) => {
                json!({"key": taint.key.value.as_str(), "value": value.value.as_str(), "effect": taint.effect.value})
            }
            None => json!({"key": taint.key.value.as_str(), "effect": taint.effect.value}),
        })
        .collect();
    let origin = match taints.first() {
        Some(taint) => Origin::Spec(taint.key.place.clone()),
        None => Origin::Default("no taints".into()),
    };
    desk.book.set("kubelet.taints", list, origin);
}

/// The user's raw configuration as a drop-in; whether there is one.
fn overrides(desk: &mut Desk<'_>, minor: KubeMinor) -> bool {
    let Some(config) = &desk.role.kubelet.config else {
        desk.book.set(
            "kubelet.overrides",
            json!({}),
            Origin::Default("node.yaml has no kubelet.config".into()),
        );
        return false;
    };
    if minor < DROP_IN_SINCE {
        let message =
            format!("raw kubelet configuration is laid over ours as a drop-in, which kubelet {minor} does not read");
        desk.report
            .push(Finding::error("plan/kubelet-config", message, &config.place).hint("drop-ins came with 1.28"));
        return false;
    }
    let value = yaml::to_json(
        &mut Reader {
            report: &mut desk.report,
        },
        config,
    );
    for key in ["apiVersion", "kind"] {
        if let Some(entry) = config.entries().iter().find(|entry| entry.key == key) {
            let finding = Finding::error(
                "plan/kubelet-config",
                format!("`{key}` is set by nodebake"),
                &entry.key_place,
            );
            desk.report.push(finding.hint("leave it out"));
        }
    }
    let any = value.as_object().is_some_and(|map| !map.is_empty());
    desk.book
        .set("kubelet.overrides", value, Origin::Spec(config.place.clone()));
    any
}

fn flags(desk: &mut Desk<'_>, minor: KubeMinor, name: &NodeName, drop_in: bool) {
    let text = |desk: &Desk<'_>, path: &str| {
        desk.book
            .get(path)
            .and_then(|value| value.value().as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let node_ip = text(desk, "identity.nodeIp");
    let labels = text(desk, "kubelet.labelsFlag");
    let pause = desk.role.containerd.pause_image.as_ref();
    let mut flags: Vec<String> = vec!["--config=/etc/kubernetes/kubelet/kubelet-config.yaml".into()];
    if drop_in {
        flags.push("--config-dir=/etc/kubernetes/kubelet/kubelet-config.d".into());
    }
    flags.push("--kubeconfig=/var/lib/kubelet/kubeconfig".into());
    flags.push(format!("--hostname-override={name}"));
    flags.push(format!("--node-ip={node_ip}"));
    flags.push(format!("--node-labels={labels}"));
    flags.push("--runtime-cgroups=/system.slice/containerd.service".into());
    flags.push("--image-credential-provider-config=/etc/eks/image-credential-provider/config.json".into());
    flags.push("--image-credential-provider-bin-dir=/etc/eks/image-credential-provider".into());
    if minor < KubeMinor::new(27) {
        // Before the configuration key came with 1.27.
        flags.push("--container-runtime-endpoint=unix:///run/containerd/containerd.sock".into());
    }
    if minor < KubeMinor::new(29) {
        // Until 1.29 the kubelet would collect the pause image as unused.
        let image = pause.map_or("registry.k8s.io/pause:3.10", |image| image.value.as_str());
        flags.push(format!("--pod-infra-container-image={image}"));
    }
    desk.book.set(
        "kubelet.flags",
        flags,
        Origin::Default(format!("the flags kubelet {minor} knows")),
    );
    let alpha = drop_in && minor < DROP_IN_BETA;
    desk.book.set(
        "kubelet.dropInAlpha",
        alpha,
        Origin::Default("1.28 and 1.29 refuse drop-ins without a variable".into()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_a_node_may_set() {
        let may = |key: &str| may_label_itself(key, key.split_once('/').map(|(domain, _)| domain));
        for good in [
            "x",
            "nvidia.com/gpu.present",
            "eks.amazonaws.com/compute-type",
            "node.kubernetes.io/instance-type",
            "sub.kubelet.kubernetes.io/x",
            "topology.kubernetes.io/zone",
        ] {
            assert!(may(good), "{good}");
        }
        for bad in [
            "node-role.kubernetes.io/worker",
            "kubernetes.io/role",
            "x.k8s.io/y",
            "node-restriction.kubernetes.io/x",
            "a.node-restriction.kubernetes.io/x",
        ] {
            assert!(!may(bad), "{bad}");
        }
    }
}
