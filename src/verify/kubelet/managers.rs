//! Options of the CPU and topology managers, memory by quality of service, and where traces go.

use crate::base::Finding;
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// Pairs that the static policy does not take together.
const CLASHES: [(&str, &str); 4] = [
    ("full-pcpus-only", "distribute-cpus-across-cores"),
    ("distribute-cpus-across-numa", "distribute-cpus-across-cores"),
    ("prefer-align-cpus-by-uncorecache", "distribute-cpus-across-cores"),
    ("prefer-align-cpus-by-uncorecache", "distribute-cpus-across-numa"),
];

/// Fewer the topology manager does not take (`defaultMaxAllowableNUMANodes`).
const FEWEST_NUMA_NODES: u64 = 8;

pub(super) fn options(subject: &Subject<'_>) -> Vec<Finding> {
    const CPU: &str = "cpuManagerPolicyOptions";
    const TOPOLOGY: &str = "topologyManagerPolicyOptions";
    const ID: &str = "kubelet/manager-options";
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    let is_static = kubelet.text("cpuManagerPolicy") == Some("static");
    if !is_static && kubelet.entries(CPU).next().is_some() {
        let message = format!("`{CPU}` are for the policy static only");
        let finding = kubelet.clash(ID, message, &[CPU, "cpuManagerPolicy"]);
        findings.push(finding.hint("set `cpuManagerPolicy: static`, or leave them out"));
    }
    let on = |name: &str| {
        let option = kubelet.entry(CPU, name)?;
        let yes = ["1", "t", "true"].contains(&option.text()?.to_ascii_lowercase().as_str());
        yes.then_some(option)
    };
    for (one, other) in CLASHES {
        if let (Some(first), Some(second)) = (on(one), on(other)) {
            let message = format!("`{one}` and `{other}` exclude each other");
            findings.push(kubelet.clash_of(ID, message, &[(one, first), (other, second)]));
        }
    }
    let mut wrong = |name: &str, must: &str, fits: fn(&str) -> bool| {
        if let Some(node) = kubelet.entry(TOPOLOGY, name)
            && !node.text().is_some_and(fits)
        {
            findings.push(Finding::error(ID, format!("`{name}` must be {must}"), &node.place));
        }
    };
    wrong("prefer-closest-numa-nodes", "true or false, in quotes", |text| {
        ["1", "0", "t", "f", "true", "false"].contains(&text.to_ascii_lowercase().as_str())
    });
    wrong("max-allowable-numa-nodes", "8 or more, in quotes", |text| {
        text.parse::<u64>().is_ok_and(|nodes| nodes >= FEWEST_NUMA_NODES)
    });
    findings
}

pub(super) fn qos_reserved(subject: &Subject<'_>) -> Vec<Finding> {
    let is_share = |text: &str| {
        let number = text.strip_suffix('%').and_then(|number| number.parse::<u8>().ok());
        number.is_some_and(|number| number <= 100)
    };
    let wrong = subject
        .kubelet()
        .entries("qosReserved")
        .filter(|entry| !entry.value.text().is_some_and(is_share));
    wrong
        .map(|entry| {
            let message = format!("`{}` of `qosReserved` must be a share, such as 50%", entry.key);
            Finding::error("kubelet/qos-reserved", message, &entry.value.place)
        })
        .collect()
}

pub(super) fn tracing(subject: &Subject<'_>) -> Vec<Finding> {
    const KEY: &str = "tracing.endpoint";
    let kubelet = subject.kubelet();
    let endpoint = kubelet.at(KEY).and_then(Node::text).unwrap_or_default();
    // Without slashes it is a name to look up.
    let scheme = endpoint.split_once("//").map(|(scheme, _)| scheme);
    if scheme.is_none_or(|scheme| matches!(scheme, "dns:" | "unix:" | "unix-abstract:")) {
        return Vec::new();
    }
    let message = format!("`{endpoint}` is no address that gRPC dials");
    let finding = kubelet.clash("kubelet/tracing", message, &[KEY]);
    vec![finding.hint("write HOST:PORT, or unix:///PATH")]
}
