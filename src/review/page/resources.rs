//! CPU and memory of a node: what the machine is counted as, what is kept back, what is left for pods.
//!
//! Read from the configuration the kubelet runs with, so that the user's own words count. A pod may ask for what is
//! left after both reservations, the eviction threshold and huge pages (Kubernetes, "Reserve Compute Resources for
//! System Daemons"; `MachineInfo` in pkg/kubelet/nodestatus/setters.go for the huge pages).

use super::bar::{Bar, Part, Unit};
use crate::base::quantity_value;
use crate::plan::Plan;
use crate::syntax::yaml::Node;

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// `CPU`, `Memory`.
    pub(super) name: &'static str,
    unit: Unit,
    capacity: u64,
    /// What the capacity is counted from, where it is not plain.
    pub(super) counted: String,
    kept: Vec<Part>,
}

impl Resource {
    /// What is left for pods.
    fn allocatable(&self) -> u64 {
        let kept: u64 = self.kept.iter().map(|part| part.amount).sum();
        self.capacity.saturating_sub(kept)
    }

    /// What is left for pods, in words.
    pub(super) fn allocatable_words(&self) -> String {
        self.unit.words(self.allocatable())
    }

    /// The capacity, in words.
    pub(super) fn capacity_words(&self) -> String {
        self.unit.words(self.capacity)
    }

    /// As a picture.
    pub(super) fn bar(&self) -> Bar {
        let taken = self.capacity - self.allocatable();
        Bar::new(
            self.unit,
            ("kept back", "allocatable: for pods"),
            taken,
            Some(self.capacity),
            &self.kept,
        )
    }
}

/// A whole number of the plan.
fn number(plan: &Plan, path: &str) -> u64 {
    let decision = plan.book.get(path);
    decision.and_then(|decision| decision.value().as_u64()).unwrap_or(0)
}

/// `map.key` of the kubelet's configuration, if it says something.
fn entry<'n>(config: &'n Node, map: &str, key: &str) -> Option<&'n str> {
    config.get(map)?.get(key)?.text().filter(|text| !text.is_empty())
}

/// Pods the node takes. The kubelet takes 110 where nothing is said.
pub(super) fn max_pods(config: &Node) -> u64 {
    let said = config.get("maxPods").and_then(Node::text);
    said.and_then(|text| text.parse().ok()).unwrap_or(110)
}

/// CPU and memory.
pub(super) fn resources(plan: &Plan, config: &Node) -> [Resource; 2] {
    let vcpus = number(plan, "hardware.vcpus");
    let memory = number(plan, "hardware.memoryMiB");
    let label = number(plan, "hardware.memoryLabelGiB");
    [
        Resource {
            name: "CPU",
            unit: Unit::MilliCpu,
            capacity: vcpus * 1000,
            counted: String::new(),
            kept: cpu(config),
        },
        Resource {
            name: "Memory",
            unit: Unit::Mib,
            capacity: memory,
            counted: format!(
                "That is what is counted on of a label of {label} GiB: {memory} MiB; first boot refuses a machine that has less"
            ),
            kept: memory_kept(plan, config, memory),
        },
    ]
}

const RESERVATIONS: [(&str, &str); 2] = [
    ("kubeReserved", "for Kubernetes: kubelet and container runtime"),
    ("systemReserved", "for the system"),
];

fn part(label: &str, note: &str, amount: u64) -> Option<Part> {
    (amount > 0).then(|| Part {
        label: label.to_owned(),
        note: note.to_owned(),
        amount,
    })
}

/// A quantity in whole units of `thousandths`, none if it is none.
fn units(text: &str, thousandths: u128) -> u64 {
    let value = quantity_value(text).unwrap_or(0) / thousandths;
    u64::try_from(value).unwrap_or(u64::MAX >> 16)
}

fn cpu(config: &Node) -> Vec<Part> {
    // A list of CPUs takes the place of both amounts (`reservedSystemCPUs` in the kubelet's configuration).
    let list = config.get("reservedSystemCPUs").and_then(Node::text);
    if let Some(list) = list.filter(|text| !text.is_empty()) {
        let note = format!("CPUs {list}, for Kubernetes and the system");
        return part("reservedSystemCPUs", &note, listed(list) * 1000)
            .into_iter()
            .collect();
    }
    let amount = |map| entry(config, map, "cpu").map_or(0, |text| units(text, 1));
    let parts = RESERVATIONS.iter();
    parts.filter_map(|(map, note)| part(map, note, amount(map))).collect()
}

/// How many CPUs a list such as `0-3,8` names.
fn listed(list: &str) -> u64 {
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some(last.checked_sub(first)? + 1)
    });
    ranges.sum()
}

fn memory_kept(plan: &Plan, config: &Node, capacity: u64) -> Vec<Part> {
    const MIB: u128 = 1000 << 20;
    let amount = |map| entry(config, map, "memory").map_or(0, |text| units(text, MIB));
    let mut parts: Vec<Part> = RESERVATIONS
        .iter()
        .filter_map(|(map, note)| part(map, note, amount(map)))
        .collect();
    let threshold = entry(config, "evictionHard", "memory.available").unwrap_or_default();
    let eviction = match threshold.strip_suffix('%').map(str::parse::<f64>) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of some MiB"
        )]
        Some(Ok(share)) => (capacity as f64 * share.clamp(0.0, 100.0) / 100.0) as u64,
        Some(Err(_)) => 0,
        None => units(threshold, MIB),
    };
    parts.extend(part(
        "evictionHard",
        "free memory below which pods are evicted",
        eviction,
    ));
    let pages = number(plan, "sizing.hugepages2Mi") * 2;
    parts.extend(part("huge pages", "set aside at boot, in pages of 2 MiB", pages));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Source;
    use crate::syntax::yaml;

    fn config(text: &str) -> Node {
        yaml::parse(&Source::new("c", text)).unwrap()
    }

    #[test]
    fn cpus_by_amount_or_by_list() {
        let both = config("kubeReserved: { cpu: 145m, memory: 1Gi }\nsystemReserved: { cpu: \"1\" }\n");
        let amounts: Vec<u64> = cpu(&both).iter().map(|part| part.amount).collect();
        assert_eq!(amounts, [145, 1000]);
        let list = config("reservedSystemCPUs: 0-3,8\nkubeReserved: { cpu: 145m }\n");
        assert_eq!(cpu(&list)[0].amount, 5000);
        assert!(cpu(&config("maxPods: 7\n")).is_empty());
        assert_eq!((listed("3-1"), listed("x"), listed("2")), (0, 0, 1));
    }

    #[test]
    fn pods_as_the_kubelet_reads_them() {
        assert_eq!(max_pods(&config("maxPods: 7\n")), 7);
        assert_eq!(max_pods(&config("port: 7\n")), 110);
    }
}
