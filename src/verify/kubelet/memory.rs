//! Memory that is reserved on NUMA nodes.

use super::reserved::{hardware, kept, told};
use crate::base::{Finding, quantity_value};
use crate::syntax::yaml::Node;
use crate::verify::Subject;

const KEY: &str = "reservedMemory";
const ID: &str = "kubelet/reserved-memory";

pub(super) fn reserved_memory(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let rows = kubelet.at(KEY).map(Node::items).unwrap_or_default();
    let mut findings = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let (mut sum, mut readable) = (0u128, true);
    for row in rows {
        let numa = row.get("numaNode").and_then(Node::text).unwrap_or("0");
        let limits = row.get("limits").map(Node::entries).unwrap_or_default();
        for limit in limits {
            let key = limit.key.as_str();
            let mut wrong = |message: String, hint: &str| {
                findings.push(Finding::error(ID, message, &limit.key_place).hint(hint));
            };
            if key != "memory" && !key.starts_with("hugepages-") {
                wrong(
                    format!("`{key}` cannot be reserved on a NUMA node"),
                    "memory and hugepages-SIZE can",
                );
                continue;
            }
            if seen.contains(&(numa, key)) {
                wrong(format!("{key} of NUMA node {numa} is reserved twice"), "add the two up");
            }
            seen.push((numa, key));
            let amount = limit.value.text().and_then(quantity_value);
            if amount == Some(0) {
                wrong(format!("{key} of NUMA node {numa} is 0"), "leave it out");
            }
            match amount {
                Some(amount) if key == "memory" => sum += amount,
                None => readable = false,
                Some(_) => {}
            }
        }
    }
    if !findings.is_empty() || !readable || kubelet.text("memoryManagerPolicy") != Some("Static") {
        return findings;
    }
    // Huge pages are in no other reservation, and the static policy wants those sums equal too.
    let limits = rows.iter().filter_map(|row| row.get("limits")).flat_map(Node::entries);
    findings.extend(limits.filter(|limit| limit.key.starts_with("hugepages-")).map(|limit| {
        let message = format!(
            "{} is reserved here and nowhere else: `memoryManagerPolicy: Static` wants the two equal",
            limit.key
        );
        Finding::error(ID, message, &limit.key_place).hint("leave it out: `kubeReserved` takes no huge pages")
    }));
    if !findings.is_empty() {
        return findings;
    }
    // The static policy wants the same sum as node allocatable has, to the byte.
    let capacity = (u128::from(hardware(subject, "memoryMiB")) << 20) * 1000;
    let kept = kept(kubelet, "memory", Some("memory.available"), capacity);
    if kept.has_share || kept.total == sum {
        return findings;
    }
    let message = format!(
        "`{KEY}` adds up to {}, `kubeReserved`, `systemReserved` and `evictionHard` to {}",
        told("memory", sum),
        told("memory", kept.total)
    );
    let mut named: Vec<(&str, &Node)> = Vec::new();
    named.extend(kubelet.at(KEY).map(|node| (KEY, node)));
    named.extend(
        kubelet
            .at("memoryManagerPolicy")
            .map(|node| ("memoryManagerPolicy", node)),
    );
    named.extend(kept.parts);
    let hint = "`memoryManagerPolicy: Static` wants the two equal, to the byte";
    findings.push(kubelet.clash_of(ID, message, &named).hint(hint));
    findings
}
