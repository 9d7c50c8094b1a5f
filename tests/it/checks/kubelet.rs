//! Cases of `src/verify/kubelet/`.

use std::collections::BTreeMap;

use nodebake::base::Finding;
use nodebake::catalog::Catalog;
use nodebake::catalog::Plane::Node;
use nodebake::tree::FileTree;

use super::{Case, NODE, edit, findings, spec_case, tree_case};
use crate::support::told;

const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";

pub const CASES: &[Case] = &[
    spec_case(
        "kubelet/value",
        "an option of the CPU manager is mistyped",
        "  kubelet: { config: { cpuManagerPolicy: static, cpuManagerPolicyOptions: { full-pcpu-only: \"true\" } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "an option of the CPU manager is no boolean",
        "  kubelet: { config: { cpuManagerPolicy: static, cpuManagerPolicyOptions: { full-pcpus-only: \"yes\" } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "CPU kept for a quality of service",
        "  kubelet: { config: { qosReserved: { cpu: 50% } } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "an option behind a gate",
        "  kubelet: { config: { cpuManagerPolicy: static, cpuManagerPolicyOptions: { align-by-socket: \"true\" } } }\n",
    ),
    spec_case(
        "kubelet/manager-options",
        "options without the policy",
        "  kubelet: { config: { cpuManagerPolicy: none, cpuManagerPolicyOptions: { full-pcpus-only: \"true\" } } }\n",
    ),
    spec_case(
        "kubelet/manager-options",
        "options that exclude each other",
        "  kubelet: { config: { cpuManagerPolicy: static, cpuManagerPolicyOptions: { prefer-align-cpus-by-uncorecache: \"true\", distribute-cpus-across-numa: \"true\" } } }\n",
    ),
    spec_case(
        "kubelet/manager-options",
        "too few NUMA nodes",
        "  kubelet: { config: { topologyManagerPolicyOptions: { max-allowable-numa-nodes: \"4\" } } }\n",
    ),
    spec_case(
        "kubelet/qos-reserved",
        "an amount",
        "  kubelet: { config: { qosReserved: { memory: 5Gi } } }\n",
    ),
    spec_case(
        "kubelet/tracing",
        "a web address",
        "  kubelet: { config: { tracing: { endpoint: \"http://localhost:4317\" } } }\n",
    ),
    spec_case(
        "kubelet/reserved-memory",
        "huge pages under the static policy",
        "  kubelet: { config: { memoryManagerPolicy: Static, reservedMemory: [{ numaNode: 0, limits: { hugepages-1Gi: 2Gi } }] } }\n",
    ),
    spec_case(
        "kubelet/unknown-key",
        "a key is mistyped",
        "  kubelet: { config: { maxPodz: 1 } }\n",
    ),
    spec_case(
        "kubelet/unknown-key",
        "a nested key is mistyped",
        "  kubelet: { config: { authentication: { anonymus: { enabled: false } } } }\n",
    ),
    Case {
        id: "kubelet/unknown-key",
        what: "a key is younger than the kubelet",
        node: ("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "1.32"),
        more: "  kubelet: { config: { mergeDefaultEvictionSettings: true } }\n",
        change: |_| {},
    },
    tree_case("kubelet/unknown-key", "our own file has a typo", |tree| {
        edit(
            tree,
            Node,
            "/etc/kubernetes/kubelet/kubelet-config.yaml",
            "clusterDNS:",
            "clusterDns:",
        );
    }),
    spec_case(
        "kubelet/value",
        "a number is negative",
        "  kubelet: { config: { maxPods: -1 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a duration is none",
        "  kubelet: { config: { syncFrequency: 5 minutes } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a word is not in the set",
        "  kubelet: { config: { cpuManagerPolicy: statik } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a boolean is text",
        "  kubelet: { config: { failSwapOn: \"true\" } }\n",
    ),
    spec_case(
        "kubelet/feature-gate",
        "a gate does not exist",
        "  kubelet: { config: { featureGates: { Nope: true } } }\n",
    ),
    spec_case(
        "kubelet/feature-gate",
        "a gate is gone",
        "  kubelet: { config: { featureGates: { KubeletCredentialProviders: true } } }\n",
    ),
    spec_case(
        "kubelet/feature-gate",
        "a gate is locked",
        "  kubelet: { config: { featureGates: { NodeSwap: false } } }\n",
    ),
    tree_case("kubelet/flag", "a flag was removed", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "--pod-infra-container-image=x \\\n  --node-ip=",
        );
    }),
    tree_case("kubelet/flag", "a dash is not a dash", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "—network-plugin=cni \\\n  --node-ip=",
        );
    }),
    spec_case(
        "kubelet/exec-auth",
        "certificates rotate",
        "  kubelet: { config: { rotateCertificates: true } }\n",
    ),
    Case {
        id: "kubelet/flag",
        what: "a flag never existed",
        node: NODE,
        more: "",
        change: |tree| edit(tree, Node, DROP_IN, "--node-ip=", "--nod-ip=1 \\\n  --node-ip="),
    },
    spec_case(
        "kubelet/value",
        "a number stands where text belongs",
        "  kubelet: { config: { clusterDomain: 5 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a quantity is a plain number",
        "  kubelet: { config: { kubeReserved: { cpu: 1 } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a duration is a plain zero",
        "  kubelet: { config: { syncFrequency: 0 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a throttling factor is zero",
        "  kubelet: { config: { memoryThrottlingFactor: 0.0 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a throttling factor is more than all",
        "  kubelet: { config: { memoryThrottlingFactor: 1.5 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a duration is too short",
        "  kubelet: { config: { containerLogMonitorInterval: 2s } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a grace period is a fraction of a second",
        "  kubelet: { config: { shutdownGracePeriodCriticalPods: 500ms } }\n",
    ),
    spec_case(
        "kubelet/value",
        "an age is negative",
        "  kubelet: { config: { imageMinimumGCAge: -1m } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a restart period is too long",
        "  kubelet: { config: { crashLoopBackOff: { maxContainerRestartPeriod: 10m } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a number is no multiple",
        "  kubelet: { config: { userNamespaces: { idsPerPod: 65537 } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a cipher suite does not exist",
        "  kubelet: { config: { tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265] } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a TLS version does not exist",
        "  kubelet: { config: { tlsMinVersion: TLS1.2 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "an eviction signal does not exist",
        "  kubelet: { config: { evictionHard: { memory.free: 100Mi } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a soft grace period is no duration",
        "  kubelet: { config: { evictionSoft: { memory.available: 1Gi }, evictionSoftGracePeriod: { memory.available: 90 } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a resource cannot be reserved",
        "  kubelet: { config: { systemReserved: { gpu: \"1\" } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a reservation is negative",
        "  kubelet: { config: { systemReserved: { cpu: -100m } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a pid limit is below none",
        "  kubelet: { config: { podPidsLimit: -2 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a swap behaviour is of the past",
        "  kubelet: { config: { memorySwap: { swapBehavior: UnlimitedSwap } } }\n",
    ),
    spec_case(
        "kubelet/value",
        "an enforcement does not exist",
        "  kubelet: { config: { enforceNodeAllocatable: [pods, system] } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a hairpin mode does not exist",
        "  kubelet: { config: { hairpinMode: veth } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a topology scope does not exist",
        "  kubelet: { config: { topologyManagerScope: node } }\n",
    ),
    spec_case(
        "kubelet/value",
        "an image policy does not exist",
        "  kubelet: { config: { imagePullCredentialsVerificationPolicy: Never } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "a quota period needs its gate",
        "  kubelet: { config: { cpuCFSQuotaPeriod: 10ms } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "a gate is turned off under ours",
        "  kubelet: { config: { featureGates: { RotateKubeletServerCertificate: false } } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "graceful shutdown is turned off under ours",
        "  kubelet: { config: { featureGates: { GracefulNodeShutdown: false }, shutdownGracePeriodCriticalPods: 0s } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "a log query needs its gate",
        "  kubelet: { config: { enableSystemLogQuery: true } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "a restart period needs its gate",
        "  kubelet: { config: { featureGates: { KubeletCrashLoopBackOffMax: false }, crashLoopBackOff: { maxContainerRestartPeriod: 60s } } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "an image policy needs its gate",
        "  kubelet: { config: { featureGates: { KubeletEnsureSecretPulledImages: false }, imagePullCredentialsVerificationPolicy: AlwaysVerify } }\n",
    ),
    spec_case(
        "kubelet/gated-key",
        "an option of the log needs its gate",
        "  kubelet: { config: { logging: { options: { json: { splitStream: true } } } } }\n",
    ),
    spec_case(
        "kubelet/image-collection",
        "the low threshold is above ours",
        "  kubelet: { config: { imageGCLowThresholdPercent: 99 } }\n",
    ),
    spec_case(
        "kubelet/image-collection",
        "the oldest image is younger than the youngest",
        "  kubelet: { config: { imageMaximumGCAge: 1m } }\n",
    ),
    spec_case(
        "kubelet/image-pulls",
        "pulls are serialized beside ours",
        "  kubelet: { config: { serializeImagePulls: true } }\n",
    ),
    spec_case(
        "kubelet/image-allowlist",
        "the list has another policy",
        "  kubelet: { config: { preloadedImagesVerificationAllowlist: [registry.example/x] } }\n",
    ),
    spec_case(
        "kubelet/shutdown",
        "critical pods get more than all",
        "  kubelet: { config: { shutdownGracePeriodCriticalPods: 5m } }\n",
    ),
    spec_case(
        "kubelet/shutdown",
        "all get less than critical pods",
        "  kubelet: { config: { shutdownGracePeriod: 0s } }\n",
    ),
    spec_case(
        "kubelet/shutdown",
        "two ways at once",
        "  kubelet: { config: { shutdownGracePeriodByPodPriority: [{ priority: 0, shutdownGracePeriodSeconds: 60 }] } }\n",
    ),
    spec_case(
        "kubelet/run-once",
        "the kubelet runs once",
        "  kubelet: { config: { runOnce: true } }\n",
    ),
    spec_case(
        "kubelet/pod-logs-dir",
        "the path is relative",
        "  kubelet: { config: { podLogsDir: var/log/pods } }\n",
    ),
    spec_case(
        "kubelet/pod-logs-dir",
        "the path has a slash too many",
        "  kubelet: { config: { podLogsDir: /var/log/pods/ } }\n",
    ),
    spec_case(
        "kubelet/pod-logs-dir",
        "the path is empty",
        "  kubelet: { config: { podLogsDir: \"\" } }\n",
    ),
    spec_case(
        "kubelet/hidden-metrics",
        "this minor is shown",
        "  kubelet: { config: { showHiddenMetricsForVersion: \"1.35\" } }\n",
    ),
    spec_case(
        "kubelet/logging",
        "a JSON log is cut by file",
        "  kubelet: { config: { logging: { format: json, vmodule: [{ filePattern: x, verbosity: 3 }] } } }\n",
    ),
    spec_case(
        "kubelet/status-frequency",
        "the status is written often",
        "  kubelet: { config: { nodeStatusUpdateFrequency: 5s } }\n",
    ),
    spec_case(
        "kubelet/eviction-value",
        "a threshold has a wrong unit",
        "  kubelet: { config: { evictionHard: { memory.available: 100MB } } }\n",
    ),
    spec_case(
        "kubelet/eviction-value",
        "a threshold is more than all",
        "  kubelet: { config: { evictionHard: { nodefs.available: 110% } } }\n",
    ),
    spec_case(
        "kubelet/eviction-value",
        "a threshold is an amount of nothing",
        "  kubelet: { config: { evictionHard: { nodefs.available: \"0\" } } }\n",
    ),
    spec_case(
        "kubelet/eviction-value",
        "a reclaim is no share",
        "  kubelet: { config: { evictionMinimumReclaim: { memory.available: 0% } } }\n",
    ),
    spec_case(
        "kubelet/eviction-grace",
        "a soft threshold has no time",
        "  kubelet: { config: { evictionSoft: { memory.available: 1Gi } } }\n",
    ),
    spec_case(
        "kubelet/eviction-unwatched",
        "all signals are taken away",
        "  kubelet: { config: { evictionHard: null } }\n",
    ),
    spec_case(
        "kubelet/eviction-unwatched",
        "one signal is taken away",
        "  kubelet: { config: { evictionHard: { nodefs.available: null } } }\n",
    ),
    spec_case(
        "kubelet/eviction-unwatched",
        "one signal is turned off",
        "  kubelet: { config: { evictionHard: { memory.available: 0% } } }\n",
    ),
    spec_case(
        "kubelet/eviction-ignored",
        "a signal is the kubelet's own",
        "  kubelet: { config: { evictionHard: { containerfs.available: 10% } } }\n",
    ),
    spec_case(
        "kubelet/reserved",
        "more CPU is kept than there is",
        "  kubelet: { config: { systemReserved: { cpu: \"500\" } } }\n",
    ),
    spec_case(
        "kubelet/reserved",
        "all memory is kept",
        "  kubelet: { config: { kubeReserved: { memory: 2Ti } } }\n",
    ),
    spec_case(
        "kubelet/reserved",
        "the whole disk is kept by a threshold",
        "  kubelet: { config: { evictionHard: { nodefs.available: 200Ti } } }\n",
    ),
    spec_case(
        "kubelet/reserved-cpus",
        "the list is none",
        "  kubelet: { config: { reservedSystemCPUs: a-b } }\n",
    ),
    spec_case(
        "kubelet/reserved-cpus",
        "the machine has fewer",
        "  kubelet: { config: { reservedSystemCPUs: \"0-3,400\" } }\n",
    ),
    spec_case(
        "kubelet/reserved-cpus",
        "no CPU is left",
        "  kubelet: { config: { reservedSystemCPUs: \"0-207\" } }\n",
    ),
    spec_case(
        "kubelet/reserved-cpus",
        "a cgroup is reserved too",
        "  kubelet: { config: { reservedSystemCPUs: \"0-1\", kubeReservedCgroup: /runtime } }\n",
    ),
    spec_case(
        "kubelet/cpu-manager",
        "nothing is reserved",
        "  kubelet: { config: { kubeReserved: null, systemReserved: null } }\n",
    ),
    spec_case(
        "kubelet/node-allocatable",
        "a part has no cgroup",
        "  kubelet: { config: { enforceNodeAllocatable: [pods, kube-reserved] } }\n",
    ),
    spec_case(
        "kubelet/node-allocatable",
        "a part is enforced twice",
        "  kubelet: { config: { enforceNodeAllocatable: [pods, pods] } }\n",
    ),
    spec_case(
        "kubelet/node-allocatable",
        "none is not alone",
        "  kubelet: { config: { enforceNodeAllocatable: [none, pods] } }\n",
    ),
    spec_case(
        "kubelet/node-allocatable",
        "plain and compressible at once",
        "  kubelet: { config: { enforceNodeAllocatable: [kube-reserved, kube-reserved-compressible], kubeReservedCgroup: /runtime } }\n",
    ),
    spec_case(
        "kubelet/node-allocatable",
        "there are no cgroups to enforce on",
        "  kubelet: { config: { cgroupsPerQOS: false } }\n",
    ),
    spec_case(
        "kubelet/reserved-memory",
        "a resource is no memory",
        "  kubelet: { config: { reservedMemory: [{ numaNode: 0, limits: { cpu: 1 } }] } }\n",
    ),
    spec_case(
        "kubelet/reserved-memory",
        "a node stands twice",
        "  kubelet: { config: { reservedMemory: [{ numaNode: 0, limits: { memory: 1Gi } }, { numaNode: 0, limits: { memory: 1Gi } }] } }\n",
    ),
    spec_case(
        "kubelet/reserved-memory",
        "an amount is zero",
        "  kubelet: { config: { reservedMemory: [{ numaNode: 0, limits: { memory: 0 } }] } }\n",
    ),
    spec_case(
        "kubelet/reserved-memory",
        "the static policy gets another sum",
        "  kubelet: { config: { memoryManagerPolicy: Static, reservedMemory: [{ numaNode: 0, limits: { memory: 1Gi } }] } }\n",
    ),
    spec_case(
        "kubelet/reserved-memory",
        "the static policy gets nothing",
        "  kubelet: { config: { memoryManagerPolicy: Static } }\n",
    ),
    spec_case(
        "kubelet/swap",
        "pods are promised swap",
        "  kubelet: { config: { memorySwap: { swapBehavior: LimitedSwap } } }\n",
    ),
    spec_case(
        "kubelet/cgroup-root",
        "the root is taken away",
        "  kubelet: { config: { systemCgroups: /system, cgroupRoot: null } }\n",
    ),
    spec_case(
        "kubelet/cluster-dns",
        "the address is elsewhere",
        "  kubelet: { config: { clusterDNS: [10.0.0.2] } }\n",
    ),
    spec_case(
        "kubelet/cluster-dns",
        "the address is none",
        "  kubelet: { config: { clusterDNS: [dns.example] } }\n",
    ),
    spec_case(
        "kubelet/other-dns",
        "the address is another service",
        "  kubelet: { config: { clusterDNS: [172.20.0.11] } }\n",
    ),
    spec_case(
        "kubelet/other-dns",
        "there is none",
        "  kubelet: { config: { clusterDNS: [] } }\n",
    ),
    spec_case(
        "kubelet/runtime-endpoint",
        "the endpoint is empty",
        "  kubelet: { config: { containerRuntimeEndpoint: \"\" } }\n",
    ),
    spec_case(
        "kubelet/runtime-endpoint",
        "the endpoint is another runtime's",
        "  kubelet: { config: { containerRuntimeEndpoint: unix:///var/run/crio/crio.sock } }\n",
    ),
    spec_case(
        "kubelet/taint",
        "a key is none",
        "  kubelet: { config: { registerWithTaints: [{ key: a b, effect: NoSchedule }] } }\n",
    ),
    spec_case(
        "kubelet/taint",
        "a value is none",
        "  kubelet: { config: { registerWithTaints: [{ key: a, value: b c, effect: NoSchedule }] } }\n",
    ),
    spec_case(
        "kubelet/taint",
        "there is no effect",
        "  kubelet: { config: { registerWithTaints: [{ key: a }] } }\n",
    ),
    spec_case(
        "kubelet/taint",
        "it says when it was added",
        "  kubelet: { config: { registerWithTaints: [{ key: a, effect: NoExecute, timeAdded: \"2026-01-01T00:00:00Z\" }] } }\n",
    ),
    spec_case(
        "kubelet/taint",
        "it is given twice",
        "  kubelet: { config: { registerWithTaints: [{ key: a, effect: NoExecute }, { key: a, value: b, effect: NoExecute }] } }\n",
    ),
    spec_case(
        "kubelet/access",
        "anonymous callers are let in",
        "  kubelet: { config: { authentication: { anonymous: { enabled: true } } } }\n",
    ),
    spec_case(
        "kubelet/access",
        "everything is allowed",
        "  kubelet: { config: { authorization: { mode: AlwaysAllow } } }\n",
    ),
    spec_case(
        "kubelet/access",
        "the read-only port is open",
        "  kubelet: { config: { readOnlyPort: 10255 } }\n",
    ),
    spec_case(
        "kubelet/access",
        "the API server is not known",
        "  kubelet: { config: { authentication: { x509: { clientCAFile: null } } } }\n",
    ),
    spec_case(
        "kubelet/tls",
        "the suite of HTTP/2 is missing",
        "  kubelet: { config: { tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384] } }\n",
    ),
    spec_case(
        "kubelet/tls",
        "a certificate has no key",
        "  kubelet: { config: { tlsCertFile: /etc/tls.crt } }\n",
    ),
    spec_case(
        "kubelet/provider-id",
        "a satellite names its machine",
        "  kubelet: { config: { providerID: aws:///us-east-1a/i-0123456789abcdef0 } }\n",
    ),
    Case {
        id: "kubelet/log-query",
        what: "the handler is turned off",
        node: ("satellite", "lambda-stack-24-04", "lambda/gpu_1x_a10", "1.36"),
        more: "  kubelet: { config: { enableSystemLogQuery: true, enableSystemLogHandler: false } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/gated-key",
        what: "a restart period needs an alpha gate",
        node: ("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "1.34"),
        more: "  kubelet: { config: { crashLoopBackOff: { maxContainerRestartPeriod: 60s } } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/gated-key",
        what: "swap is turned off",
        node: ("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "1.32"),
        more: "  kubelet: { config: { featureGates: { NodeSwap: false }, memorySwap: { swapBehavior: NoSwap } } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/gated-key",
        what: "a reservation policy needs its gate",
        node: ("satellite", "lambda-stack-24-04", "lambda/gpu_1x_a10", "1.36"),
        more: "  kubelet: { config: { memoryReservationPolicy: TieredReservation } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/cgroup-v1",
        what: "the kubelet is told to refuse",
        node: ("satellite", "ubuntu-20-04", "ec2/p4d.24xlarge", "1.34"),
        more: "  kubelet: { config: { failCgroupV1: true } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/cgroup-v1",
        what: "one process is killed alone",
        node: ("satellite", "ubuntu-20-04", "ec2/p4d.24xlarge", "1.34"),
        more: "  kubelet: { config: { singleProcessOOMKill: false } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/cgroup-v1",
        what: "pods get swap",
        node: ("satellite", "ubuntu-20-04", "ec2/p4d.24xlarge", "1.34"),
        more: "  kubelet: { config: { memorySwap: { swapBehavior: LimitedSwap } } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/provider-id",
        what: "a hybrid node has none",
        node: ("hybrid", "lambda-stack-22-04", "lambda/gpu_8x_h100_sxm5", "1.35"),
        more: "  kubelet: { config: { providerID: null } }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/node-ip",
        what: "a hybrid node says another address",
        node: ("hybrid", "lambda-stack-22-04", "lambda/gpu_8x_h100_sxm5", "1.35"),
        more: "",
        change: |tree| edit(tree, Node, DROP_IN, "--node-ip=10.80.0.17", "--node-ip=10.80.0.18"),
    },
    Case {
        id: "kubelet/node-ip",
        what: "a hybrid node says loopback",
        node: ("hybrid", "lambda-stack-22-04", "lambda/gpu_8x_h100_sxm5", "1.35"),
        more: "",
        change: |tree| edit(tree, Node, DROP_IN, "--node-ip=10.80.0.17", "--node-ip=127.0.0.1"),
    },
    Case {
        id: "kubelet/pod-room",
        what: "the bridge is small",
        node: NODE,
        more: "  network: { pods: bridge, podCidr: 10.244.7.0/26 }\n",
        change: |_| {},
    },
    Case {
        id: "kubelet/pod-room",
        what: "the raw configuration takes more",
        node: NODE,
        more: "  network: { pods: bridge, podCidr: 10.244.7.0/24 }\n  kubelet: { config: { maxPods: 300 } }\n",
        change: |_| {},
    },
    tree_case("kubelet/flag", "a flag has no value", |tree| {
        edit(tree, Node, DROP_IN, "--node-ip=10.0.2.233", "--node-ip");
    }),
    tree_case("kubelet/flag", "a switch says something else", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "--register-node=yes \\\n  --node-ip=",
        );
    }),
    tree_case("kubelet/flag-twice", "a flag is repeated", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=10.0.2.233",
            "--node-ip=10.0.2.233 \\\n  --kubeconfig=/var/lib/kubelet/kubeconfig",
        );
    }),
    tree_case("kubelet/flag-missing", "there is no configuration", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--config=/etc/kubernetes/kubelet/kubelet-config.yaml",
            "--v=2",
        );
    }),
    tree_case("kubelet/flag-missing", "there is no kubeconfig", |tree| {
        edit(tree, Node, DROP_IN, "--kubeconfig=/var/lib/kubelet/kubeconfig", "--v=2");
    }),
    tree_case(
        "kubelet/flag-value",
        "half of the credential provider is missing",
        |tree| {
            edit(
                tree,
                Node,
                DROP_IN,
                "--image-credential-provider-bin-dir=/etc/eks/image-credential-provider",
                "--v=2",
            );
        },
    ),
    tree_case("kubelet/flag-value", "the cloud provider is built in", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "--cloud-provider=aws \\\n  --node-ip=",
        );
    }),
    tree_case("kubelet/node-labels", "a label is reserved", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-labels=",
            "--node-labels=node-role.kubernetes.io/worker=x,",
        );
    }),
    tree_case("kubelet/node-labels", "a label is no pair", |tree| {
        edit(tree, Node, DROP_IN, "--node-labels=", "--node-labels=x,");
    }),
    tree_case("kubelet/node-labels", "a label has a wrong value", |tree| {
        edit(tree, Node, DROP_IN, "--node-labels=", "--node-labels=a=b/c,");
    }),
    tree_case("kubelet/node-labels", "a label is set twice", |tree| {
        edit(tree, Node, DROP_IN, "--node-labels=", "--node-labels=a=b,a=c,");
    }),
    tree_case(
        "kubelet/feature-gate",
        "the flag names a gate that does not exist",
        |tree| {
            edit(
                tree,
                Node,
                DROP_IN,
                "--node-ip=",
                "--feature-gates=Nope=true \\\n  --node-ip=",
            );
        },
    ),
    tree_case("kubelet/exec-auth", "the flag asks for a certificate", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "--bootstrap-kubeconfig=/var/lib/kubelet/kubeconfig \\\n  --node-ip=",
        );
    }),
    spec_case(
        "kubelet/drop-in",
        "a file of the user has another ending",
        "  kubelet: { config: { maxPods: 50 } }\n  files:\n    - { path: /etc/kubernetes/kubelet/kubelet-config.d/60-x.yaml, mode: \"0644\", type: yaml, content: \"maxPods: 1\\n\" }\n",
    ),
    spec_case(
        "kubelet/drop-in",
        "a file of the user does not say what it is",
        "  kubelet: { config: { maxPods: 50 } }\n  files:\n    - { path: /etc/kubernetes/kubelet/kubelet-config.d/60-x.conf, mode: \"0644\", type: yaml, content: \"maxPods: 1\\n\" }\n",
    ),
    spec_case(
        "kubelet/image-pulls",
        "a file of the user is a drop-in too",
        "  kubelet: { config: { maxPods: 50 } }\n  files:\n    - { path: /etc/kubernetes/kubelet/kubelet-config.d/60-x.conf, mode: \"0644\", type: yaml, content: \"apiVersion: kubelet.config.k8s.io/v1beta1\\nkind: KubeletConfiguration\\nserializeImagePulls: true\\n\" }\n",
    ),
];

/// What may be said, and is not found.
const FINE: &[&str] = &[
    "cpuCFSQuotaPeriod: 100ms",
    "cpuCFSQuotaPeriod: 0.1s",
    "featureGates: { CustomCPUCFSQuotaPeriod: true }, cpuCFSQuotaPeriod: 10ms",
    "imageGCHighThresholdPercent: 90, imageGCLowThresholdPercent: 85",
    "imageMaximumGCAge: 24h",
    "serializeImagePulls: true, maxParallelImagePulls: 1",
    "imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages, preloadedImagesVerificationAllowlist: [registry.example/x]",
    "shutdownGracePeriod: 0s, shutdownGracePeriodCriticalPods: 0s, shutdownGracePeriodByPodPriority: [{ priority: 0, shutdownGracePeriodSeconds: 60 }]",
    "runOnce: false",
    "featureGates: { NodeLogQuery: true }, enableSystemLogQuery: true",
    "enableSystemLogQuery: false, memoryThrottlingFactor: 0.9, podLogsDir: /var/log/pods, podPidsLimit: 4096",
    "showHiddenMetricsForVersion: \"1.34\"",
    "logging: { vmodule: [{ filePattern: x, verbosity: 3 }] }",
    "nodeStatusUpdateFrequency: 5s, nodeStatusReportFrequency: 5m",
    "crashLoopBackOff: { maxContainerRestartPeriod: 60s }",
    "evictionHard: { memory.available: 5%, pid.available: \"1000\" }",
    "evictionSoft: { memory.available: 1Gi }, evictionSoftGracePeriod: { memory.available: 1m30s }, evictionMinimumReclaim: { memory.available: 500Mi }",
    "systemReserved: { cpu: 500m, memory: 1Gi, pid: \"1000\", ephemeral-storage: 1Gi }",
    "reservedSystemCPUs: \"0-3,8\"",
    "cpuManagerPolicy: none, kubeReserved: null, systemReserved: null",
    "enforceNodeAllocatable: [pods, kube-reserved-compressible], kubeReservedCgroup: /runtime",
    "enforceNodeAllocatable: [none], cgroupsPerQOS: false",
    "reservedMemory: [{ numaNode: 0, limits: { memory: 1Gi, hugepages-2Mi: 512Mi } }, { numaNode: 1, limits: { memory: 1Gi } }]",
    "memoryManagerPolicy: Static, kubeReserved: { memory: 1Gi }, systemReserved: { memory: 1Gi }, evictionHard: { memory.available: 100Mi }, reservedMemory: [{ numaNode: 0, limits: { memory: 2148Mi } }]",
    "memorySwap: { swapBehavior: NoSwap }",
    "clusterDNS: [172.20.0.10]",
    "containerRuntimeEndpoint: unix:///run/containerd/containerd.sock",
    "registerWithTaints: [{ key: nvidia.com/gpu, value: present, effect: NoSchedule }, { key: nvidia.com/gpu, effect: NoExecute }]",
    "tlsMinVersion: VersionTLS13, tlsCipherSuites: [TLS_AES_256_GCM_SHA384]",
    "tlsCipherSuites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305]",
    "userNamespaces: { idsPerPod: 131072 }",
    "tracing: { samplingRatePerMillion: 100 }",
    "tracing: { endpoint: \"localhost:4317\" }",
    "tracing: { endpoint: \"unix:///run/otel.sock\" }",
    "cpuManagerPolicy: static, cpuManagerPolicyOptions: { full-pcpus-only: \"true\", strict-cpu-reservation: \"1\", distribute-cpus-across-numa: \"false\", prefer-align-cpus-by-uncorecache: \"true\" }",
    "cpuManagerPolicy: static, cpuManagerPolicyOptions: { align-by-socket: \"true\" }, featureGates: { CPUManagerPolicyAlphaOptions: true }",
    "topologyManagerPolicyOptions: { prefer-closest-numa-nodes: \"true\", max-allowable-numa-nodes: \"8\" }",
    "qosReserved: { memory: 50% }",
    "cpuManagerPolicyOptions: {}",
    "maxPods: null, protectKernelDefaults: null",
];

#[test]
fn what_may_be_said_is_not_found() {
    for config in FINE {
        let more = format!("  kubelet: {{ config: {{ {config} }} }}\n");
        let found = findings(&spec_case("", "", ""), &more, |_| {});
        let found: Vec<String> = told(&found)
            .lines()
            .filter(|line| line.contains("[kubelet/") || line.contains("error["))
            .map(str::to_owned)
            .collect();
        assert_eq!(found, Vec::<String>::new(), "{config}");
    }
}

/// Whatever a key is given, it is told and nothing breaks.
#[test]
fn strange_values_are_told() {
    let schema = Catalog::embedded().kubelet_schema().unwrap();
    for value in [
        "null",
        "[]",
        "{}",
        "\"\"",
        "-1",
        "9223372036854775807",
        "\"99999999999999999999999999h\"",
        "[null, {}, [], ä, 0]",
        "{ a: null, memory: 9999999Pi, cpu: \"\", memory.available: 1e9%, limits: [], key: {} }",
        "[{ numaNode: x, limits: { memory: -1, hugepages-: 1 } }, { key: , effect: ~, value: [] }]",
        "\"0-4294967295,1\"",
        "100%",
    ] {
        let keys = schema
            .fields
            .iter()
            .filter(|field| !["apiVersion", "kind"].contains(&field.key.as_str()));
        let config: String = keys.map(|field| format!("      {}: {value}\n", field.key)).collect();
        let more = format!("  kubelet:\n    config:\n{config}");
        let found = findings(&spec_case("", "", ""), &more, |_| {});
        assert!(found.has_errors() || value == "null", "{value}");
    }
}

/// Kubelets older than the pinned ones: the rules know them, the artifacts are missing.
#[test]
fn older_kubelets() {
    let node = |minor| ("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", minor);
    let told_of = |cluster: &'static str, version: &str, config: &str, change: fn(&mut FileTree)| {
        let case = Case {
            node: node(cluster),
            ..spec_case("", "", "")
        };
        let more = format!("  kubernetes: {{ version: \"{version}\" }}\n  kubelet: {{ config: {{ {config} }} }}\n");
        told(&findings(&case, &more, change))
    };
    let swap = "featureGates: { NodeSwap: true }, memorySwap: { swapBehavior: UnlimitedSwap }";
    for (cluster, version, config, id) in [
        (
            "1.32",
            "1.29.0",
            "memorySwap: { swapBehavior: NoSwap }",
            "kubelet/value",
        ),
        ("1.32", "1.30.0", swap, "kubelet/value"),
        ("1.32", "1.29.0", swap, "kubelet/swap"),
        (
            "1.32",
            "1.29.0",
            "memorySwap: { swapBehavior: LimitedSwap }",
            "kubelet/gated-key",
        ),
        ("1.32", "1.29.0", "imageMaximumGCAge: 24h", "kubelet/gated-key"),
        (
            "1.32",
            "1.31.0",
            "enforceNodeAllocatable: [kube-reserved-compressible]",
            "kubelet/value",
        ),
        (
            "1.31",
            "1.28.0",
            "evictionHard: { containerfs.available: 10% }",
            "kubelet/value",
        ),
        (
            "1.32",
            "1.29.0",
            "evictionHard: { containerfs.available: 10% }",
            "kubelet/eviction-ignored",
        ),
    ] {
        let all = told_of(cluster, version, config, |_| {});
        assert!(all.contains(&format!("[{id}]")), "{version} {config}:\n{all}");
    }
    let good = told_of("1.32", "1.29.0", "maxPods: 50", |_| {});
    assert!(!good.contains("[kubelet/"), "{good}");
    let silent = told_of("1.32", "1.29.0", "maxPods: 50", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "Environment=KUBELET_CONFIG_DROPIN_DIR_ALPHA=on\n",
            "",
        );
    });
    assert!(silent.contains("[kubelet/drop-in]"), "{silent}");
}

/// A broken rule is told once, where the user broke it: not by every check that happens to see the same value.
#[test]
fn one_mistake_is_one_finding() {
    let mut wrong = Vec::new();
    let mut good = BTreeMap::new();
    for case in CASES.iter().filter(|case| !case.more.is_empty()) {
        let before = good.entry(case.node).or_insert_with(|| findings(case, "", |_| {}));
        let found = findings(case, case.more, case.change);
        let new: Vec<_> = found
            .sorted()
            .into_iter()
            .filter(|finding| !before.sorted().contains(finding))
            .collect();
        let user = |finding: &&Finding| {
            let place = finding.place.as_ref();
            // Ours is never where the user broke it.
            place.is_some_and(|place| !place.source.name.ends_with("/kubelet-config.yaml"))
        };
        if new.len() != 1 || !new.iter().all(user) {
            wrong.push(format!("{}, {}:\n{}", case.id, case.what, told(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
