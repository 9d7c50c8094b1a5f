//! Rules that span several files.

use super::containerd::Config;
use super::documents::{self, brought};
use super::kubelet::flag_value;
use super::{Check, Subject};
use crate::base::{Finding, Severity};
use crate::catalog::Plane;
use crate::syntax::{FileType, sysctl, yaml};
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "identity/name",
        severity: Severity::Error,
        summary: "The node's name is the same to the kubelet, the mapping and the session",
        reason: "NodeRestriction lets system:node:NAME touch the node NAME only, and the serving certificate is signed for that name only.",
        run: Some(one_name),
    },
    Check {
        id: "network/address",
        severity: Severity::Error,
        summary: "The node IP is on the dummy interface, as a /32",
        reason: "The kubelet refuses a node IP that no interface has (component-helpers node/util/ips.go); a wider prefix makes a connected route that swallows the VPC's subnet.",
        run: Some(address_on_interface),
    },
    Check {
        id: "cgroup/driver",
        severity: Severity::Error,
        summary: "kubelet and every runtime of containerd use the same cgroup driver",
        reason: "With two drivers two managers move the same processes: pods are killed under memory pressure without a trace (containerd docs/cri/config.md).",
        run: Some(cgroup_driver),
    },
    Check {
        id: "sysctl/kernel-defaults",
        severity: Severity::Error,
        summary: "protectKernelDefaults finds all six kernel settings, to the number",
        reason: "The kubelet compares for equality and does not start otherwise (component-helpers node/util/sysctl).",
        run: Some(kernel_defaults),
    },
    Check {
        id: "file/reference",
        severity: Severity::Error,
        summary: "Files that a file names are brought or belong to the image",
        reason: "A kubeconfig, CA, configuration or program that is not there is found out only by a node that never becomes Ready.",
        run: Some(references),
    },
];

pub(super) fn one_name(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(name) = subject
        .plan
        .book
        .get("identity.nodeName")
        .and_then(|name| name.value().as_str())
    else {
        return findings;
    };
    let mut differ = |what: &str, said: &str, entry: Option<&Entry>| {
        if said != name {
            let message = format!("{what} says `{said}`, the node is called `{name}`");
            let place = entry.map(|entry| entry.origin.clone());
            findings.push(Finding::new(Severity::Error, "identity/name", message).maybe_at(place.as_ref()));
        }
    };
    differ(
        "--hostname-override",
        &flag_value(subject, "hostname-override").unwrap_or_default(),
        None,
    );
    if let Some((entry, node)) = documents::at(subject, Plane::Cluster, "/aws-auth-entry.yaml")
        && let Some(user) = node
            .items()
            .first()
            .and_then(|item| item.get("username"))
            .and_then(yaml::Node::text)
    {
        let said = user.strip_prefix("system:node:").unwrap_or(user);
        if said != "{{SessionName}}" {
            differ("the aws-auth entry", said, Some(entry));
        }
    }
    if let Some(entry) = subject.tree.get(Plane::Node, "/etc/nodebake/aws/config") {
        let pairs = crate::syntax::ini::parse(&entry.text).unwrap_or_default();
        if let Some(session) = pairs.iter().find(|pair| pair.key == "role_session_name") {
            differ("the session", &session.value, Some(entry));
        }
    }
    findings
}

pub(super) fn address_on_interface(subject: &Subject<'_>) -> Vec<Finding> {
    let interface = subject
        .plan
        .book
        .get("network.interface")
        .and_then(|name| name.value().as_str())
        .unwrap_or_default();
    if interface.is_empty() {
        return Vec::new();
    }
    let expected = format!("{}/32", flag_value(subject, "node-ip").unwrap_or_default());
    let networkd = subject
        .tree
        .get(Plane::Node, "/etc/systemd/network/10-nodebake.network")
        .map(|entry| {
            let lines = subject.systemd(entry);
            let addresses = lines
                .assignments
                .iter()
                .filter(|assignment| assignment.key == "Address");
            (
                entry,
                addresses.map(|assignment| assignment.value.clone()).collect::<Vec<_>>(),
            )
        });
    let netplan = || {
        let (entry, node) = documents::at(subject, Plane::Node, "/etc/netplan/90-nodebake.yaml")?;
        let device = node
            .get("network")?
            .get("dummy-devices")?
            .get(interface)?
            .get("addresses")?;
        Some((
            entry,
            device
                .items()
                .iter()
                .filter_map(|item| item.text().map(str::to_owned))
                .collect(),
        ))
    };
    match networkd.or_else(netplan) {
        Some((_, addresses)) if addresses == [expected.clone()] => Vec::new(),
        Some((entry, addresses)) => {
            let message = format!(
                "{interface} has {}, --node-ip wants exactly {expected}",
                addresses.join(", ")
            );
            vec![Finding::error("network/address", message, &entry.origin)]
        }
        None => vec![Finding::new(
            Severity::Error,
            "network/address",
            format!("nothing makes the interface {interface}"),
        )],
    }
}

pub(super) fn cgroup_driver(subject: &Subject<'_>) -> Vec<Finding> {
    let config = &subject.kubelet().config;
    let driver = config.get("cgroupDriver").and_then(yaml::Node::text);
    let wants_systemd = driver == Some("systemd");
    let Some(Config { entry, table }) = subject.containerd() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for plugin in ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"] {
        let runtimes = table
            .get("plugins")
            .and_then(|plugins| plugins.get(plugin))
            .and_then(|plugin| plugin.get("containerd"))
            .and_then(|containerd| containerd.get("runtimes"))
            .and_then(|runtimes| runtimes.as_table());
        for (name, runtime) in runtimes.into_iter().flatten() {
            let systemd = runtime.get("options").and_then(|options| options.get("SystemdCgroup"));
            if systemd.and_then(::toml::Value::as_bool).unwrap_or(false) != wants_systemd {
                let message = format!(
                    "runtime {name} and kubelet (cgroupDriver: {}) disagree",
                    driver.unwrap_or("cgroupfs")
                );
                findings.push(Finding::error("cgroup/driver", message, &entry.origin));
            }
        }
    }
    findings
}

/// What `protectKernelDefaults` compares with (component-helpers `node/util/sysctl`).
const KERNEL_DEFAULTS: [(&str, &str); 6] = [
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.keys.root_maxbytes", "25000000"),
];

pub(super) fn kernel_defaults(subject: &Subject<'_>) -> Vec<Finding> {
    let protects = subject.kubelet().config.get("protectKernelDefaults");
    if protects.and_then(yaml::Node::text) != Some("true") {
        return Vec::new();
    }
    // Files win over one another in the order of their names, whatever folder they are in.
    let mut files: Vec<_> = subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| entry.filetype == FileType::Sysctl && entry.path.is_below("/etc/sysctl.d"))
        .collect();
    files.sort_by_key(|entry| entry.path.file_name().to_owned());
    let settings = |entry: &Entry| sysctl::parse(&entry.text).unwrap_or_default();
    let read: Vec<_> = files.iter().map(|entry| (settings(entry), &entry.origin)).collect();
    let mut findings = Vec::new();
    for (key, expected) in KERNEL_DEFAULTS {
        let last = read.iter().rev().find_map(|(settings, origin)| {
            let last = settings.iter().rev().find(|setting| setting.key == key);
            last.map(|setting| (&setting.value, *origin))
        });
        let finding = match last {
            Some((value, _)) if value == expected => continue,
            Some((value, place)) => Finding::error(
                "sysctl/kernel-defaults",
                format!("{key} is {value}, protectKernelDefaults wants {expected}"),
                place,
            ),
            None => Finding::new(
                Severity::Error,
                "sysctl/kernel-defaults",
                format!("no file sets {key} = {expected}"),
            ),
        };
        findings.push(finding);
    }
    findings
}

pub(super) fn references(subject: &Subject<'_>) -> Vec<Finding> {
    let mut named: Vec<(String, String)> = Vec::new();
    for flag in [
        "config",
        "config-dir",
        "kubeconfig",
        "image-credential-provider-config",
        "image-credential-provider-bin-dir",
    ] {
        named.extend(flag_value(subject, flag).map(|path| (format!("the kubelet's --{flag}"), path)));
    }
    let config = &subject.kubelet().config;
    let ca = config
        .get("authentication")
        .and_then(|authentication| authentication.get("x509"))
        .and_then(|x509| x509.get("clientCAFile"));
    named.extend(
        ca.and_then(yaml::Node::text)
            .map(|path| ("clientCAFile".to_owned(), path.to_owned())),
    );
    if let Some((_, node)) = documents::at(subject, Plane::Node, "/var/lib/kubelet/kubeconfig") {
        let cluster = node
            .get("clusters")
            .and_then(|list| list.items().first())
            .and_then(|item| item.get("cluster"));
        let ca = cluster
            .and_then(|cluster| cluster.get("certificate-authority"))
            .and_then(yaml::Node::text);
        named.extend(ca.map(|path| ("the kubeconfig".to_owned(), path.to_owned())));
        let user = node
            .get("users")
            .and_then(|list| list.items().first())
            .and_then(|item| item.get("user"));
        let exec = user
            .and_then(|user| user.get("exec"))
            .and_then(|exec| exec.get("command"))
            .and_then(yaml::Node::text);
        named.extend(exec.map(|path| ("the kubeconfig's exec plugin".to_owned(), path.to_owned())));
    }
    named
        .into_iter()
        .filter(|(_, path)| !brought(subject, path))
        .map(|(who, path)| {
            Finding::new(
                Severity::Error,
                "file/reference",
                format!("{who} names {path}, which nothing brings"),
            )
            .at(subject.plan.profile.place.clone())
            .hint("add the template or the artifact to the profile")
        })
        .collect()
}
