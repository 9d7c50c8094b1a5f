//! Sizing: what Kubernetes and the system keep for themselves, and every limit that follows from the hardware.
//!
//! The default rule is `eks`: Kubernetes' own need grows with the pods a node runs, not with its memory, and it is what
//! every other node of the cluster does. The numbers are in `profiles/sizing.yaml`.

use std::collections::BTreeMap;

use super::Desk;
use super::hardware::Machine;
use crate::base::{Finding, MemoryMib, MilliCpu, Origin};
use crate::catalog::{MemoryRule, SizingRow, SizingTable};
use crate::spec::SizingRule;

/// Pods a node takes: the kubelet's own default. Pods on the host's network take no address of an ENI, and a bridge has
/// 253 addresses.
const MAX_PODS: u64 = 110;

/// What one rule keeps back on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// For Kubernetes.
    pub kube_cpu: MilliCpu,
    /// For Kubernetes.
    pub kube_memory: MemoryMib,
    /// For the system.
    pub system_cpu: MilliCpu,
    /// For the system.
    pub system_memory: MemoryMib,
    /// Below this much free memory pods are evicted.
    pub eviction_memory: MemoryMib,
}

impl Reservation {
    /// CPU kept back in all.
    pub fn cpu(&self) -> MilliCpu {
        self.kube_cpu + self.system_cpu
    }

    /// Memory kept back in all.
    pub fn memory(&self) -> MemoryMib {
        self.kube_memory + self.system_memory + self.eviction_memory
    }
}

/// What `rule` keeps back on a machine of `vcpus` and `memory` that takes `pods`. More hardware or more pods never
/// keeps back less.
pub fn reserve(table: &SizingTable, rule: &SizingRow, vcpus: u64, memory: MemoryMib, pods: u64) -> Reservation {
    let kube_cpu = rule.cpu.as_ref().map_or(0, |(first, rest)| {
        let first_cpus: u64 = first.iter().take(usize::try_from(vcpus).unwrap_or(usize::MAX)).sum();
        let more = vcpus.saturating_sub(first.len() as u64) * rest;
        (first_cpus + more) / 10
    });
    let kube_memory = match &rule.memory {
        None => 0,
        Some(MemoryRule::PerPod { base_mib, per_pod_mib }) => base_mib + per_pod_mib * pods,
        Some(MemoryRule::Tiers(tiers)) => {
            let gib = memory.0 / 1024;
            let (mut below, mut percent_gib) = (0, 0);
            for (up_to, percent) in tiers {
                let top = up_to.map_or(gib, |up_to| up_to.min(gib));
                percent_gib += top.saturating_sub(below) * percent;
                below = below.max(top);
            }
            // Whole GiB, rounded half up, as the rule's source does.
            (percent_gib + 50) / 100 * 1024
        }
    };
    Reservation {
        kube_cpu: MilliCpu(kube_cpu),
        kube_memory: MemoryMib(kube_memory),
        system_cpu: MilliCpu(rule.system_cpu_milli),
        system_memory: MemoryMib(rule.system_memory_mib),
        eviction_memory: eviction_memory(table, memory),
    }
}

fn eviction_memory(table: &SizingTable, memory: MemoryMib) -> MemoryMib {
    let (per_mille, least, most) = table.eviction_memory;
    MemoryMib((memory.0 * per_mille / 1000).clamp(least, most))
}

fn rule_name(rule: SizingRule) -> &'static str {
    match rule {
        SizingRule::Eks => "eks",
        SizingRule::Hybrid => "hybrid",
        SizingRule::None => "none",
    }
}

pub(super) fn decide(desk: &mut Desk<'_>, machine: &Machine) -> Option<Reservation> {
    let table = &machine.table;
    let sizing = &desk.role.sizing;
    let words = [
        ("eks", SizingRule::Eks),
        ("hybrid", SizingRule::Hybrid),
        ("none", SizingRule::None),
    ];
    let from_profile = desk.profile_default("sizing.rule", |reader, node| reader.word(node, &words));
    let from_profile = from_profile.map(|(rule, origin)| (rule_name(rule.value), origin));
    let from_spec = sizing
        .rule
        .as_ref()
        .map(|rule| (rule_name(rule.value), Origin::Spec(rule.place.clone())));
    let why = "as EKS's own nodes: Kubernetes' need grows with pods, not with memory";
    let base = ("eks", Origin::Default(why.into()));
    let (rule_name, rule_origin) = desk.book.choose("sizing.rule", base, [from_profile, from_spec]);
    let Some(rule) = table.rules.iter().find(|rule| rule.name == rule_name) else {
        let place = rule_origin.place().unwrap_or(&desk.spec.place).clone();
        desk.error(
            "plan/sizing-rule",
            format!("the sizing table has no rule `{rule_name}`"),
            &place,
        );
        return None;
    };

    let from_profile = desk.profile_default("sizing.maxPods", |reader, node| reader.integer(node, 1, 1024));
    let from_profile = from_profile.map(|(pods, origin)| (pods.value, origin));
    let from_spec = sizing
        .max_pods
        .as_ref()
        .map(|pods| (pods.value, Origin::Spec(pods.place.clone())));
    let base = (
        MAX_PODS,
        Origin::Default("the kubelet's own default; host-network pods take no ENI address".into()),
    );
    let (pods, pods_origin) = desk.book.choose("sizing.maxPods", base, [from_profile, from_spec]);

    let reservation = reserve(table, rule, machine.vcpus, machine.memory, pods);
    check_room(desk, machine, &reservation, pods_origin.place());
    record_reservation(desk, rule, &reservation);
    record_disk(desk, machine);
    record_cpus(desk, machine, &reservation);
    Some(reservation)
}

fn check_room(desk: &mut Desk<'_>, machine: &Machine, kept: &Reservation, pods_place: Option<&crate::base::Place>) {
    let place = pods_place.unwrap_or(&desk.spec.instance_type.place).clone();
    // At least half of the machine is for pods; a node that keeps more than that was described wrongly.
    if kept.cpu().0 * 2 > machine.vcpus * 1000 {
        let message = format!("{} of {} CPUs would be kept back", kept.cpu(), machine.vcpus);
        desk.report
            .push(Finding::error("plan/reservation", message, &place).hint("the machine is too small for this rule"));
    }
    if kept.memory().0 * 2 > machine.memory.0 {
        let message = format!("{} of {} memory would be kept back", kept.memory(), machine.memory);
        desk.report.push(
            Finding::error("plan/reservation", message, &place)
                .hint("lower sizing.maxPods, or correct hardware.memoryGiB"),
        );
    }
}

fn record_reservation(desk: &mut Desk<'_>, rule: &SizingRow, kept: &Reservation) {
    let origin = || Origin::Default(format!("sizing rule `{}`: {}", rule.name, rule.summary));
    let mut kube = BTreeMap::new();
    if kept.kube_cpu.0 > 0 {
        kube.insert("cpu", kept.kube_cpu.to_string());
    }
    if kept.kube_memory.0 > 0 {
        kube.insert("memory", kept.kube_memory.to_string());
    }
    if rule.ephemeral_gib > 0 {
        kube.insert("ephemeral-storage", format!("{}Gi", rule.ephemeral_gib));
    }
    let mut system = BTreeMap::new();
    if kept.system_cpu.0 > 0 {
        system.insert("cpu", kept.system_cpu.to_string());
    }
    if kept.system_memory.0 > 0 {
        system.insert("memory", kept.system_memory.to_string());
    }
    desk.book.set("sizing.kubeReserved", kube, origin());
    desk.book.set("sizing.systemReserved", system, origin());
}

/// A share of the disk, or a fixed size where the share would be larger.
fn disk_threshold(disk_gib: u64, percent: u64, max_gib: u64) -> String {
    if disk_gib * percent / 100 <= max_gib {
        format!("{percent}%")
    } else {
        format!("{max_gib}Gi")
    }
}

fn record_disk(desk: &mut Desk<'_>, machine: &Machine) {
    let table = &machine.table;
    let (nodefs, imagefs) = (table.eviction_nodefs, table.eviction_imagefs);
    let eviction = BTreeMap::from([
        ("memory.available", eviction_memory(table, machine.memory).to_string()),
        ("nodefs.available", disk_threshold(machine.disk_gib, nodefs.0, nodefs.1)),
        ("nodefs.inodesFree", format!("{}%", table.eviction_inodes_percent)),
        (
            "imagefs.available",
            disk_threshold(machine.disk_gib, imagefs.0, imagefs.1),
        ),
        ("imagefs.inodesFree", format!("{}%", table.eviction_inodes_percent)),
    ]);
    let origin = |what: &str| Origin::Default(format!("{what} for {} GiB of disk ({})", machine.disk_gib, table.place));
    desk.book.set("sizing.evictionHard", eviction, origin("thresholds"));
    let tier = table
        .disk
        .iter()
        .find(|tier| tier.up_to_gib.is_none_or(|top| machine.disk_gib <= top));
    if let Some(tier) = tier {
        desk.book.set(
            "sizing.imageGcHighPercent",
            tier.image_gc_high,
            origin("image collection"),
        );
        desk.book.set(
            "sizing.imageGcLowPercent",
            tier.image_gc_low,
            origin("image collection"),
        );
        desk.book.set(
            "sizing.logMaxSize",
            format!("{}Mi", tier.log_max_mib),
            origin("log size"),
        );
    } else {
        let place = table.place.clone();
        desk.error(
            "catalog/sizing",
            format!("no disk tier covers {} GiB", machine.disk_gib),
            &place,
        );
    }
}

fn record_cpus(desk: &mut Desk<'_>, machine: &Machine, kept: &Reservation) {
    let table = &machine.table;
    let pulls = table
        .parallel_pulls
        .iter()
        .find(|(top, _)| top.is_none_or(|top| machine.vcpus <= top));
    let pulls = pulls.map_or(1, |(_, pulls)| *pulls);
    let origin = Origin::Default(format!("pulls for {} CPUs ({})", machine.vcpus, table.place));
    desk.book.set("sizing.parallelPulls", pulls, origin);
    let several = machine.gpus > 1;
    let pinned = several && kept.cpu().0 > 0;
    let why = if pinned {
        "several GPUs: pods with whole CPUs get their own, near their GPU"
    } else if several {
        "CPUs can be pinned only where some are reserved"
    } else {
        "one GPU or none: one NUMA node, nothing to align"
    };
    desk.book.set(
        "sizing.cpuManagerPolicy",
        if pinned { "static" } else { "none" },
        Origin::Default(why.into()),
    );
    desk.book.set(
        "sizing.topologyManagerPolicy",
        if several { "best-effort" } else { "none" },
        Origin::Default(
            if several {
                "a pod may need GPUs of both NUMA nodes: prefer, do not refuse"
            } else {
                why
            }
            .into(),
        ),
    );
    let hugepages = if desk.instance_type.efa > 0 {
        table.efa_hugepages
    } else {
        0
    };
    let why = if hugepages > 0 {
        "libfabric needs them on a machine with EFA"
    } else {
        "no EFA interface"
    };
    desk.book
        .set("sizing.hugepages2Mi", hugepages, Origin::Default(why.into()));
    let memlock = several || desk.instance_type.efa > 0;
    let why = if memlock {
        "NCCL and RDMA pin memory across GPUs"
    } else {
        "one GPU or none, no RDMA"
    };
    desk.book
        .set("sizing.memlockUnlimited", memlock, Origin::Default(why.into()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn kept(rule: &str, vcpus: u64, gib: u64, pods: u64) -> Reservation {
        let table = Catalog::embedded().sizing().unwrap();
        let row = table.rules.iter().find(|row| row.name == rule).unwrap().clone();
        reserve(&table, &row, vcpus, MemoryMib(gib * 1024), pods)
    }

    /// Numbers published for EKS nodes: eks-ami's own formula, and the seed's A10 with 30 CPUs.
    #[test]
    fn known_values() {
        for (vcpus, milli) in [(1, 60), (2, 70), (4, 80), (30, 145), (32, 150), (96, 310), (208, 590)] {
            assert_eq!(kept("eks", vcpus, 200, 110).kube_cpu, MilliCpu(milli), "{vcpus}");
        }
        assert_eq!(kept("eks", 30, 200, 110).kube_memory, MemoryMib(1465));
        assert_eq!(kept("eks", 2, 8, 29).kube_memory, MemoryMib(574));
        assert_eq!(kept("hybrid", 30, 196, 110).kube_memory, MemoryMib(11 * 1024));
        assert_eq!(kept("hybrid", 192, 2048, 110).kube_memory, MemoryMib(48 * 1024));
        assert_eq!(kept("none", 30, 200, 110).cpu(), MilliCpu(0));
    }

    #[test]
    fn thresholds_stop_growing_with_the_disk() {
        assert_eq!(disk_threshold(480, 10, 100), "10%");
        assert_eq!(disk_threshold(20_480, 10, 100), "100Gi");
    }
}
