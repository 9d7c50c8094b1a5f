//! Every rule that is known to stop a kubelet or a node, with the check that finds it. The key stays; a rule without a
//! check, or one whose example is no longer found, fails here.

use std::collections::BTreeSet;

use nodebake::verify;

use super::{NODE, findings, spec_case};
use crate::support::told;

/// What the kubelet refuses when it starts (kubernetes/kubernetes pkg/kubelet/apis/config/validation and what runs
/// after it): the rule, an example laid over our configuration, and the check that names it.
const KUBELET: &[(&str, &str, &str)] = &[
    ("unknown key", "clusterDns: [172.20.0.10]", "kubelet/unknown-key"),
    (
        "nodeLeaseDurationSeconds above 0",
        "nodeLeaseDurationSeconds: 0",
        "kubelet/value",
    ),
    (
        "systemCgroups needs cgroupRoot",
        "systemCgroups: /system, cgroupRoot: \"\"",
        "kubelet/cgroup-root",
    ),
    ("eventBurst 0 or more", "eventBurst: -1", "kubelet/value"),
    ("eventRecordQPS 0 or more", "eventRecordQPS: -1", "kubelet/value"),
    ("kubeAPIBurst 0 or more", "kubeAPIBurst: -1", "kubelet/value"),
    ("kubeAPIQPS 0 or more", "kubeAPIQPS: -1", "kubelet/value"),
    ("maxOpenFiles 0 or more", "maxOpenFiles: -1", "kubelet/value"),
    ("maxPods 0 or more", "maxPods: -1", "kubelet/value"),
    ("podsPerCore 0 or more", "podsPerCore: -1", "kubelet/value"),
    ("registryBurst 0 or more", "registryBurst: -1", "kubelet/value"),
    ("registryPullQPS 0 or more", "registryPullQPS: -1", "kubelet/value"),
    (
        "nodeStatusMaxImages -1 or more",
        "nodeStatusMaxImages: -2",
        "kubelet/value",
    ),
    ("oomScoreAdj -1000 to 1000", "oomScoreAdj: 1001", "kubelet/value"),
    ("healthzPort a port", "healthzPort: 65536", "kubelet/value"),
    ("readOnlyPort a port", "readOnlyPort: 65536", "kubelet/value"),
    ("port a port", "port: 65536", "kubelet/value"),
    (
        "iptablesMasqueradeBit 0 to 31",
        "iptablesMasqueradeBit: 32",
        "kubelet/value",
    ),
    ("iptablesDropBit 0 to 31", "iptablesDropBit: 32", "kubelet/value"),
    (
        "cpuCFSQuotaPeriod 100ms without its gate",
        "cpuCFSQuotaPeriod: 50ms",
        "kubelet/gated-key",
    ),
    (
        "cpuCFSQuotaPeriod 1ms to 1s",
        "cpuCFSQuotaPeriod: 2s, featureGates: { CustomCPUCFSQuotaPeriod: true }",
        "kubelet/value",
    ),
    (
        "image thresholds 0 to 100",
        "imageGCHighThresholdPercent: 101",
        "kubelet/value",
    ),
    (
        "low image threshold below the high one",
        "imageGCHighThresholdPercent: 50, imageGCLowThresholdPercent: 60",
        "kubelet/image-collection",
    ),
    ("image ages 0 or more", "imageMinimumGCAge: -1s", "kubelet/value"),
    (
        "oldest image age above the youngest",
        "imageMaximumGCAge: 1m",
        "kubelet/image-collection",
    ),
    (
        "maxParallelImagePulls 1 or more",
        "maxParallelImagePulls: 0",
        "kubelet/value",
    ),
    (
        "parallel pulls not serialized",
        "maxParallelImagePulls: 4, serializeImagePulls: true",
        "kubelet/image-pulls",
    ),
    (
        "serverTLSBootstrap needs its gate",
        "featureGates: { RotateKubeletServerCertificate: false }",
        "kubelet/gated-key",
    ),
    ("runOnce", "runOnce: true", "kubelet/run-once"),
    (
        "taints of the right form",
        "registerWithTaints: [{ key: a, effect: Never }]",
        "kubelet/value",
    ),
    (
        "taints without timeAdded",
        "registerWithTaints: [{ key: a, effect: NoSchedule, timeAdded: \"2026-01-01T00:00:00Z\" }]",
        "kubelet/taint",
    ),
    (
        "topologyManagerPolicy of the set",
        "topologyManagerPolicy: all",
        "kubelet/value",
    ),
    (
        "topologyManagerScope of the set",
        "topologyManagerScope: node",
        "kubelet/value",
    ),
    (
        "topologyManagerPolicyOptions of the set",
        "topologyManagerPolicyOptions: { closest: \"true\" }",
        "kubelet/value",
    ),
    (
        "cpuManagerPolicyOptions of the set",
        "cpuManagerPolicyOptions: { all-cpus: \"true\" }",
        "kubelet/value",
    ),
    (
        "critical grace within the whole",
        "shutdownGracePeriod: 10s, shutdownGracePeriodCriticalPods: 20s",
        "kubelet/shutdown",
    ),
    ("grace 0 or a second", "shutdownGracePeriod: 100ms", "kubelet/value"),
    (
        "grace by priority alone",
        "shutdownGracePeriod: 10s, shutdownGracePeriodByPodPriority: [{ priority: 1, shutdownGracePeriodSeconds: 5 }]",
        "kubelet/shutdown",
    ),
    (
        "swapBehavior of the set",
        "memorySwap: { swapBehavior: Unlimited }",
        "kubelet/value",
    ),
    (
        "crashLoopBackOff 1s to 300s",
        "crashLoopBackOff: { maxContainerRestartPeriod: 301s }",
        "kubelet/value",
    ),
    (
        "enforceNodeAllocatable of the set",
        "enforceNodeAllocatable: [all]",
        "kubelet/value",
    ),
    (
        "enforced twice",
        "enforceNodeAllocatable: [pods, pods]",
        "kubelet/node-allocatable",
    ),
    (
        "none alone",
        "enforceNodeAllocatable: [none, pods]",
        "kubelet/node-allocatable",
    ),
    (
        "plain or compressible",
        "enforceNodeAllocatable: [kube-reserved, kube-reserved-compressible], kubeReservedCgroup: /a",
        "kubelet/node-allocatable",
    ),
    (
        "enforced part has a cgroup",
        "enforceNodeAllocatable: [system-reserved]",
        "kubelet/node-allocatable",
    ),
    (
        "enforcement needs cgroupsPerQOS",
        "cgroupsPerQOS: false",
        "kubelet/node-allocatable",
    ),
    ("hairpinMode of the set", "hairpinMode: on-demand", "kubelet/value"),
    (
        "reservedSystemCPUs a list",
        "reservedSystemCPUs: \"a\"",
        "kubelet/reserved-cpus",
    ),
    (
        "reservedSystemCPUs that exist",
        "reservedSystemCPUs: \"9999\"",
        "kubelet/reserved-cpus",
    ),
    (
        "reservedSystemCPUs without reserved cgroups",
        "reservedSystemCPUs: \"0\", kubeReservedCgroup: /a",
        "kubelet/reserved-cpus",
    ),
    (
        "reservedMemory once",
        "reservedMemory: [{ numaNode: 0, limits: { memory: 1Gi } }, { numaNode: 0, limits: { memory: 1Gi } }]",
        "kubelet/reserved-memory",
    ),
    (
        "reservedMemory above 0",
        "reservedMemory: [{ numaNode: 0, limits: { memory: \"0\" } }]",
        "kubelet/reserved-memory",
    ),
    (
        "reservedMemory of memory",
        "reservedMemory: [{ numaNode: 0, limits: { cpu: \"1\" } }]",
        "kubelet/reserved-memory",
    ),
    (
        "reservedMemory adds up",
        "memoryManagerPolicy: Static, evictionHard: { memory.available: 100Mi }, reservedMemory: [{ numaNode: 0, limits: { memory: 1Mi } }]",
        "kubelet/reserved-memory",
    ),
    (
        "reserved huge pages add up",
        "memoryManagerPolicy: Static, reservedMemory: [{ numaNode: 0, limits: { hugepages-2Mi: 1Gi } }]",
        "kubelet/reserved-memory",
    ),
    (
        "showHiddenMetricsForVersion the minor before",
        "showHiddenMetricsForVersion: \"1.20\"",
        "kubelet/hidden-metrics",
    ),
    (
        "memoryThrottlingFactor above 0 to 1",
        "memoryThrottlingFactor: 1.5",
        "kubelet/value",
    ),
    (
        "containerRuntimeEndpoint said",
        "containerRuntimeEndpoint: \"\"",
        "kubelet/runtime-endpoint",
    ),
    (
        "enableSystemLogQuery needs its handler",
        "enableSystemLogQuery: true, enableSystemLogHandler: false, featureGates: { NodeLogQuery: true }",
        "kubelet/log-query",
    ),
    (
        "enableSystemLogQuery needs its gate",
        "enableSystemLogQuery: true",
        "kubelet/gated-key",
    ),
    (
        "containerLogMaxWorkers 1 or more",
        "containerLogMaxWorkers: 0",
        "kubelet/value",
    ),
    (
        "containerLogMonitorInterval 3s or more",
        "containerLogMonitorInterval: 1s",
        "kubelet/value",
    ),
    (
        "containerLogMaxFiles above 1",
        "containerLogMaxFiles: 1",
        "kubelet/value",
    ),
    ("podLogsDir clean", "podLogsDir: /var//log", "kubelet/pod-logs-dir"),
    ("logging valid", "logging: { format: xml }", "kubelet/value"),
    (
        "vmodule with text only",
        "logging: { format: json, vmodule: [{ filePattern: a, verbosity: 1 }] }",
        "kubelet/logging",
    ),
    (
        "tracing valid",
        "tracing: { endpoint: \"https://x\" }",
        "kubelet/tracing",
    ),
    (
        "tracing rate to a million",
        "tracing: { samplingRatePerMillion: 1000001 }",
        "kubelet/value",
    ),
    (
        "qosReserved a share of memory",
        "qosReserved: { memory: half }",
        "kubelet/qos-reserved",
    ),
    (
        "eviction signals of the set",
        "evictionHard: { disk.available: 10% }",
        "kubelet/value",
    ),
    (
        "eviction values",
        "evictionHard: { memory.available: 101% }",
        "kubelet/eviction-value",
    ),
    (
        "soft eviction with its grace",
        "evictionSoft: { memory.available: 1Gi }",
        "kubelet/eviction-grace",
    ),
    (
        "containerfs is ignored",
        "evictionHard: { containerfs.available: 10% }",
        "kubelet/eviction-ignored",
    ),
    (
        "reserved resources of the set",
        "kubeReserved: { gpu: \"1\" }",
        "kubelet/value",
    ),
    (
        "reserved amounts not negative",
        "kubeReserved: { cpu: -1m }",
        "kubelet/value",
    ),
    (
        "unknown feature gate",
        "featureGates: { Nonsense: true }",
        "kubelet/feature-gate",
    ),
    (
        "removed feature gate",
        "featureGates: { KubeletCredentialProviders: true }",
        "kubelet/feature-gate",
    ),
    (
        "locked feature gate",
        "featureGates: { NodeSwap: false }",
        "kubelet/feature-gate",
    ),
    (
        "static CPU policy needs reserved CPU",
        "cpuManagerPolicy: static, kubeReserved: null, systemReserved: null",
        "kubelet/cpu-manager",
    ),
    (
        "userNamespaces.idsPerPod a multiple",
        "userNamespaces: { idsPerPod: 65537 }",
        "kubelet/value",
    ),
    ("tlsCipherSuites of the set", "tlsCipherSuites: [NONE]", "kubelet/value"),
];

/// Rules that span files, by the number they have in the project's own list, with the checks that hold them. Each of
/// these checks has a case that must fail, or is explained among those of the earlier floors.
const ACROSS_FILES: &[(&str, &[&str])] = &[
    (
        "1 one name: flag, mapping, session",
        &[
            "identity/name",
            "spec/node-name",
            "mapping/username",
            "iam/session-name",
        ],
    ),
    (
        "2 one address: node IP, interface, networks",
        &["network/address", "kubelet/node-ip", "plan/address", "plan/pod-cidr"],
    ),
    (
        "3 cgroup driver and version",
        &["cgroup/driver", "kubelet/cgroup-v1", "plan/image-kubernetes"],
    ),
    (
        "4 containerd, its schema, its plugins, Kubernetes",
        &["plan/containerd", "containerd/plugin"],
    ),
    (
        "5 CNI folders, plugins, versions",
        &["cni/folders", "cni/program", "cni/form", "cni/first-file"],
    ),
    (
        "6 keys, gates and flags of the minor; skew",
        &[
            "kubelet/unknown-key",
            "kubelet/feature-gate",
            "kubelet/flag",
            "plan/version-skew",
        ],
    ),
    ("7 kernel settings", &["sysctl/kernel-defaults"]),
    ("8 swap", &["kubelet/swap", "cloud-config/swap", "plan/cloud-config"]),
    (
        "9 secrets",
        &[
            "secret/in-text",
            "secret/mode",
            "kubeconfig/secret",
            "cloud-config/password",
        ],
    ),
    (
        "10 referenced files",
        &[
            "file/reference",
            "containerd/runtime",
            "containerd/reference",
            "image-credentials/program",
            "script/executable",
        ],
    ),
    (
        "11 labels and taints",
        &["kubelet/node-labels", "plan/label", "kubelet/taint"],
    ),
    (
        "12 cluster DNS",
        &["kubelet/cluster-dns", "kubelet/other-dns", "facts/dns"],
    ),
    ("13 lifetimes", &["plan/session-duration", "credentials/refresh"]),
    ("14 interface names", &["spec/interface", "netplan/value"]),
    ("15 netplan's keys", &["netplan/key", "plan/netplan"]),
    ("16 no second identity", &["kubelet/exec-auth", "kubelet/provider-id"]),
];

#[test]
fn what_stops_a_kubelet_is_found() {
    let mut keys = BTreeSet::new();
    let mut missing = Vec::new();
    for (rule, config, id) in KUBELET {
        assert!(keys.insert(rule), "{rule} stands twice");
        let more = format!("  kubelet: {{ config: {{ {config} }} }}\n");
        let found = findings(&spec_case("", rule, ""), &more, |_| {});
        if !found.sorted().iter().any(|finding| finding.id == *id) {
            missing.push(format!("{rule}: no {id}, but {}", told(&found)));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert_eq!(NODE.3, "1.35", "the examples are for this minor");
}

#[test]
fn rules_across_files_have_their_checks() {
    assert_eq!(ACROSS_FILES.len(), 16);
    for (rule, ids) in ACROSS_FILES {
        for id in *ids {
            assert!(verify::check(id).is_some(), "{rule}: there is no check {id}");
        }
    }
}
