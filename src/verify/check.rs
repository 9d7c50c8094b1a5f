//! The table of checks.

use super::{Subject, cross, files, kubelet, secrets};
use crate::base::{Finding, Severity};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its id.
    pub id: &'static str,
    /// How bad a finding of it is.
    pub severity: Severity,
    /// What it looks for, in one line.
    pub summary: &'static str,
    /// Why it matters, with the source of the rule.
    pub reason: &'static str,
    /// Looks.
    pub run: fn(&Subject<'_>) -> Vec<Finding>,
}

/// Every check, in the order they run.
pub const CHECKS: &[Check] = &[
    Check {
        id: "file/syntax",
        severity: Severity::Error,
        summary: "Every file is read again by its type",
        reason: "A file that its program cannot read costs a boot: containerd and kubelet stop, netplan before 1.1 drops every network card's configuration, systemd ignores the unit.",
        run: files::syntax,
    },
    Check {
        id: "file/path",
        severity: Severity::Error,
        summary: "No file lies where nodebake or cloud-init keeps its own state",
        reason: "Files under /var/lib/nodebake, /run and /var/lib/cloud are state of the running machine: what is baked there is lost or breaks the next boot.",
        run: files::reserved_paths,
    },
    Check {
        id: "kubelet/unknown-key",
        severity: Severity::Error,
        summary: "KubeletConfiguration has only keys that this kubelet knows",
        reason: "The kubelet decodes strictly first and on an unknown key falls back to a lenient decode with one log line: a typo is ignored (kubernetes/kubernetes pkg/kubelet/kubeletconfig/util/codec).",
        run: kubelet::unknown_keys,
    },
    Check {
        id: "kubelet/value",
        severity: Severity::Error,
        summary: "KubeletConfiguration values have the right type and range",
        reason: "A wrong type or a value outside its range stops the kubelet (kubernetes/kubernetes pkg/kubelet/apis/config/validation).",
        run: kubelet::values,
    },
    Check {
        id: "kubelet/feature-gate",
        severity: Severity::Error,
        summary: "Feature gates exist in this kubelet and are not locked to the other value",
        reason: "An unknown gate, or a locked one set to anything but its default, stops the kubelet (k8s.io/component-base/featuregate).",
        run: kubelet::feature_gates,
    },
    Check {
        id: "kubelet/flag",
        severity: Severity::Error,
        summary: "The kubelet's flags exist in its version",
        reason: "The kubelet exits on a flag it does not know; flags are taken away by upgrades (kubernetes CHANGELOGs 1.24 to 1.36).",
        run: kubelet::flags,
    },
    Check {
        id: "identity/name",
        severity: Severity::Error,
        summary: "The node's name is the same to the kubelet, the mapping and the session",
        reason: "NodeRestriction lets system:node:NAME touch the node NAME only, and the serving certificate is signed for that name only.",
        run: cross::one_name,
    },
    Check {
        id: "network/address",
        severity: Severity::Error,
        summary: "The node IP is on the dummy interface, as a /32",
        reason: "The kubelet refuses a node IP that no interface has (component-helpers node/util/ips.go); a wider prefix makes a connected route that swallows the VPC's subnet.",
        run: cross::address_on_interface,
    },
    Check {
        id: "cgroup/driver",
        severity: Severity::Error,
        summary: "kubelet and every runtime of containerd use the same cgroup driver",
        reason: "With two drivers two managers move the same processes: pods are killed under memory pressure without a trace (containerd docs/cri/config.md).",
        run: cross::cgroup_driver,
    },
    Check {
        id: "sysctl/kernel-defaults",
        severity: Severity::Error,
        summary: "protectKernelDefaults finds all six kernel settings, to the number",
        reason: "The kubelet compares for equality and does not start otherwise (component-helpers node/util/sysctl).",
        run: cross::kernel_defaults,
    },
    Check {
        id: "file/reference",
        severity: Severity::Error,
        summary: "Files that a file names are brought or belong to the image",
        reason: "A kubeconfig, CA, configuration or program that is not there is found out only by a node that never becomes Ready.",
        run: cross::references,
    },
    Check {
        id: "kubelet/exec-auth",
        severity: Severity::Error,
        summary: "No client certificate rotation beside the exec plugin",
        reason: "rotateCertificates makes the kubelet wrap its transport anonymously, which drops the exec plugin: it can no longer authenticate (kubernetes/kubernetes cmd/kubelet/app/server.go).",
        run: kubelet::exec_auth,
    },
    Check {
        id: "secret/in-text",
        severity: Severity::Error,
        summary: "No secret stands in any file",
        reason: "User-data stays on the machine in /var/lib/cloud and at the provider, goldens stay in the repository: a key in one of them is public.",
        run: secrets::in_text,
    },
    Check {
        id: "secret/mode",
        severity: Severity::Error,
        summary: "Files that name a private path's content are readable by root alone",
        reason: "kubeconfigs and netplan files are expected to be 0600; netplan warns about every other mode.",
        run: secrets::modes,
    },
    Check {
        id: "facts/ca-validity",
        severity: Severity::Error,
        summary: "The cluster's certificate authority is valid today",
        reason: "With an expired CA the kubelet cannot trust the API server; EKS can rotate it, and then the facts are old.",
        run: cross::ca_validity,
    },
];
