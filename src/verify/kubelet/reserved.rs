//! What is kept from pods: CPU, memory and disk for Kubernetes and the system.

use super::quantities::{cpu_count, cpu_ranges};
use super::reading::Reading;
use crate::base::{Finding, quantity_value};
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// A planned number of the machine.
pub(super) fn hardware(subject: &Subject<'_>, what: &str) -> u64 {
    let decision = subject.plan.book.get(&format!("hardware.{what}"));
    decision.and_then(|decision| decision.value().as_u64()).unwrap_or(0)
}

/// What both maps and the eviction threshold keep back of one resource.
pub(super) struct Kept<'k> {
    /// In thousandths.
    pub(super) total: u128,
    /// The values it is made of, by name.
    pub(super) parts: Vec<(&'static str, &'k Node)>,
    /// Whether a share of the machine is among them, which is known only there to the byte.
    pub(super) has_share: bool,
}

/// Adds up what is kept back of `resource` on a machine with `capacity` thousandths of it.
pub(super) fn kept<'k>(kubelet: &'k Reading, resource: &str, signal: Option<&str>, capacity: u128) -> Kept<'k> {
    let mut kept = Kept {
        total: 0,
        parts: Vec::new(),
        has_share: false,
    };
    for map in ["kubeReserved", "systemReserved"] {
        if let Some(node) = kubelet.entry(map, resource) {
            kept.total += node.text().and_then(quantity_value).unwrap_or(0);
            kept.parts.push((map, node));
        }
    }
    if let Some(node) = signal.and_then(|signal| kubelet.entry("evictionHard", signal)) {
        let text = node.text().unwrap_or_default();
        kept.total += match text.strip_suffix('%').map(str::parse::<f64>) {
            Some(Ok(share)) if (0.0..100.0).contains(&share) => {
                kept.has_share = share > 0.0;
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 100 in thousandths"
                )]
                let share = (share * 1000.0) as u128;
                capacity * share / 100_000
            }
            Some(_) => 0,
            None => quantity_value(text).unwrap_or(0),
        };
        kept.parts.push(("evictionHard", node));
    }
    kept
}

/// Reservations that leave nothing of the machine.
pub(super) fn total(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let cpus = u128::from(hardware(subject, "vcpus")) * 1000;
    let memory = (u128::from(hardware(subject, "memoryMiB")) << 20) * 1000;
    let disk = (u128::from(hardware(subject, "diskGiB")) << 30) * 1000;
    let mut findings = Vec::new();
    for (resource, signal, capacity) in [
        ("cpu", None, cpus),
        ("memory", Some("memory.available"), memory),
        ("ephemeral-storage", Some("nodefs.available"), disk),
    ] {
        // A list of reserved CPUs takes the place of the CPU in both maps.
        if resource == "cpu" && kubelet.said("reservedSystemCPUs").is_some() {
            continue;
        }
        let kept = kept(kubelet, resource, signal, capacity);
        // Our own sums the plan has held against the machine.
        let ours = kept.parts.iter().all(|(_, node)| kubelet.is_ours(&node.place));
        if !ours && capacity > 0 && kept.total >= capacity {
            let message = format!(
                "{} {resource} would be kept back of {}: nothing is left for pods",
                told(resource, kept.total),
                told(resource, capacity)
            );
            let hint = "the kubelet does not start when more is reserved than there is";
            findings.push(kubelet.clash_of("kubelet/reserved", message, &kept.parts).hint(hint));
        }
    }
    findings
}

/// An amount as people write it.
pub(super) fn told(resource: &str, thousandths: u128) -> String {
    match resource {
        "cpu" => format!("{thousandths}m"),
        _ if (thousandths / 1000).is_multiple_of(1 << 20) => format!("{}Mi", thousandths / 1000 / (1 << 20)),
        _ => format!("{} bytes", thousandths / 1000),
    }
}

/// The list of CPUs that are kept from pods.
pub(super) fn cpus(subject: &Subject<'_>) -> Vec<Finding> {
    const KEY: &str = "reservedSystemCPUs";
    const ID: &str = "kubelet/reserved-cpus";
    let kubelet = subject.kubelet();
    let Some(list) = kubelet.said(KEY) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let vcpus = hardware(subject, "vcpus");
    match cpu_ranges(list) {
        Err(why) => findings.push(
            kubelet
                .clash(ID, format!("`{KEY}`: {why}"), &[KEY])
                .hint("write a list such as 0-3,8"),
        ),
        Ok(ranges) => {
            let last = ranges.iter().map(|(_, last)| u64::from(*last)).max().unwrap_or(0);
            let outside = last >= vcpus;
            if outside || cpu_count(&ranges) >= vcpus {
                let message = if outside {
                    format!(
                        "`{KEY}` names CPU {last}, the machine has 0 to {}",
                        vcpus.saturating_sub(1)
                    )
                } else {
                    format!("`{KEY}` names all {vcpus} CPUs: none is left for pods")
                };
                findings.push(kubelet.clash(ID, message, &[KEY]).hint("CPUs are counted from 0"));
            }
        }
    }
    let groups = ["systemReservedCgroup", "kubeReservedCgroup"];
    if groups.iter().any(|group| kubelet.said(group).is_some()) {
        let message = format!("`{KEY}` cannot stand beside `systemReservedCgroup` or `kubeReservedCgroup`");
        let finding = kubelet.clash(ID, message, &[KEY, groups[0], groups[1]]);
        findings.push(finding.hint("keep one of the two"));
    }
    findings
}

/// CPUs of their own for pods need some that are nobody's.
pub(super) fn cpu_manager(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let parts = kept(kubelet, "cpu", None, 0);
    let static_policy = kubelet.text("cpuManagerPolicy") == Some("static");
    if !static_policy || kubelet.said("reservedSystemCPUs").is_some() || parts.total > 0 {
        return Vec::new();
    }
    let message = "`cpuManagerPolicy: static` needs CPU that is reserved, and none is";
    let paths = ["cpuManagerPolicy", "kubeReserved", "systemReserved"];
    let finding = kubelet.clash("kubelet/cpu-manager", message, &paths);
    vec![finding.hint("reserve some in `kubeReserved` or `systemReserved`, or set `cpuManagerPolicy: none`")]
}

/// What is enforced on the reserved parts.
pub(super) fn enforcement(subject: &Subject<'_>) -> Vec<Finding> {
    const KEY: &str = "enforceNodeAllocatable";
    let kubelet = subject.kubelet();
    let items = kubelet.at(KEY).map(Node::items).unwrap_or_default();
    let words: Vec<(&str, &Node)> = items
        .iter()
        .filter(|item| kubelet.is_sound(item))
        .filter_map(|item| Some((item.text()?, item)))
        .collect();
    let mut findings = Vec::new();
    let mut wrong = |node: &Node, message: String, hint: String| {
        findings.push(Finding::error("kubelet/node-allocatable", message, &node.place).hint(hint));
    };
    for (at, (word, node)) in words.iter().enumerate() {
        if words[..at].iter().any(|(other, _)| other == word) {
            wrong(
                node,
                format!("`{word}` stands twice in `{KEY}`"),
                "leave one out".into(),
            );
            continue;
        }
        if *word == "none" && words.len() > 1 {
            wrong(
                node,
                format!("`none` stands alone in `{KEY}`"),
                "leave the others out, or this".into(),
            );
        }
        let Some(part) = ["system", "kube"].into_iter().find(|part| word.starts_with(part)) else {
            continue;
        };
        if word.ends_with("-compressible") && words.iter().any(|(other, _)| *other == format!("{part}-reserved")) {
            let message = format!("`{part}-reserved` and `{word}` exclude each other");
            wrong(node, message, "the compressible one enforces CPU alone".into());
        }
        let group = format!("{part}ReservedCgroup");
        let other_told = words[..at].iter().any(|(other, _)| other.starts_with(part));
        if kubelet.said(&group).is_none() && !other_told {
            wrong(
                node,
                format!("`{word}` is enforced on `{group}`, which is not set"),
                format!("set `{group}`"),
            );
        }
    }
    let enforced = if kubelet.at(KEY).is_none() {
        true
    } else {
        words.iter().any(|(word, _)| *word != "none")
    };
    if enforced && !kubelet.truth("cgroupsPerQOS", true) {
        let message = format!("with `cgroupsPerQOS: false` nothing can be enforced, `{KEY}` says otherwise");
        let finding = kubelet.clash("kubelet/node-allocatable", message, &["cgroupsPerQOS", KEY]);
        findings.push(finding.hint(format!("set `{KEY}: [none]` beside it, or leave it out")));
    }
    findings
}
