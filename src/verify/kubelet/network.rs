//! Addresses: DNS, room for pods, the runtime's socket.

use std::net::Ipv4Addr;

use crate::base::{Cidr, Finding, Severity};
use crate::syntax::yaml::Node;
use crate::verify::Subject;

use super::reserved::hardware;

/// DNS servers that pods cannot use.
pub(super) fn dns(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let services = &subject.plan.facts.service_cidr;
    let mut findings = Vec::new();
    for item in kubelet.at("clusterDNS").map(Node::items).unwrap_or_default() {
        let Some(text) = item.text().filter(|_| kubelet.is_sound(item)) else {
            continue;
        };
        let message = match text.parse::<Ipv4Addr>() {
            Err(_) => format!("`{text}` is no IPv4 address: pods get it as their name server"),
            Ok(address) if services.value.contains(address) || address.is_link_local() => continue,
            Ok(_) => format!(
                "DNS server {text} is not in the cluster's service network {}",
                services.value
            ),
        };
        let finding = Finding::error("kubelet/cluster-dns", message, &item.place);
        let finding = finding.note(&services.place, "the service network");
        findings.push(match subject.plan.facts.dns_address() {
            Some(address) => finding.hint(format!("the cluster's DNS is {address}")),
            None => finding,
        });
    }
    findings
}

/// DNS servers other than the cluster's own.
pub(super) fn other_dns(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let facts = &subject.plan.facts;
    let Some(own) = facts.dns_address() else {
        return Vec::new();
    };
    let items = kubelet.at("clusterDNS").map(Node::items).unwrap_or_default();
    if items.is_empty() {
        let message = "without `clusterDNS` pods resolve as the machine does, and find no service";
        let mut finding = kubelet.clash("kubelet/other-dns", message, &["clusterDNS"]);
        finding.severity = Severity::Warning;
        return vec![finding.hint(format!("the cluster's DNS is {own}"))];
    }
    let others = items.iter().filter_map(|item| {
        let address = item.text()?.parse::<Ipv4Addr>().ok()?;
        let usable = facts.service_cidr.value.contains(address) || address.is_link_local();
        (usable && address != own).then_some((item, address))
    });
    others
        .map(|(item, address)| {
            let message = format!("DNS server {address} is not the cluster's own, {own}");
            Finding::warning("kubelet/other-dns", message, &item.place)
                .hint("does something answer there, on this node too?")
        })
        .collect()
}

/// More pods than the bridge has addresses.
pub(super) fn pod_room(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let Some(spec) = subject.plan.spec.node() else {
        return Vec::new();
    };
    let book = &subject.plan.book;
    let bridged = book.get("network.pods").and_then(|pods| pods.value().as_str()) == Some("bridge");
    let Some(network) = spec.network.pod_cidr.as_ref().filter(|_| bridged) else {
        return Vec::new();
    };
    let max = kubelet.at("maxPods");
    let ours = max.is_none_or(|node| kubelet.is_ours(&node.place));
    if ours && spec.sizing.max_pods.is_some() {
        // plan/pod-cidr held the two against each other where both were written.
        return Vec::new();
    }
    let pods = u64::try_from(kubelet.number("maxPods").unwrap_or(110)).unwrap_or(0);
    let per_core = u64::try_from(kubelet.number("podsPerCore").unwrap_or(0)).unwrap_or(0);
    let pods = if per_core > 0 {
        pods.min(per_core.saturating_mul(hardware(subject, "vcpus")))
    } else {
        pods
    };
    // Network, bridge and broadcast.
    let room = Cidr::size(network.value).saturating_sub(3);
    if pods <= room {
        return Vec::new();
    }
    let message = format!(
        "{} has addresses for {room} pods, the kubelet takes {pods}",
        network.value
    );
    let finding = Finding::new(Severity::Error, "kubelet/pod-room", message);
    let finding = match max.filter(|_| !ours) {
        Some(node) => finding
            .at(node.place.clone())
            .note(&network.place, "the network of its pods"),
        None => finding.at(network.place.clone()),
    };
    vec![finding.hint(format!("set `sizing: {{ maxPods: {room} }}`, or take a larger network"))]
}

/// A runtime's socket on which nothing listens.
pub(super) fn runtime_socket(subject: &Subject<'_>) -> Vec<Finding> {
    const KEY: &str = "containerRuntimeEndpoint";
    let kubelet = subject.kubelet();
    let Some(endpoint) = kubelet.text(KEY) else {
        return Vec::new();
    };
    let stated = subject
        .containerd()
        .and_then(|config| config.table.get("grpc")?.get("address")?.as_str());
    let socket = format!("unix://{}", stated.unwrap_or("/run/containerd/containerd.sock"));
    if endpoint == socket {
        return Vec::new();
    }
    let message = if endpoint.is_empty() {
        format!("`{KEY}` must not be empty")
    } else {
        format!("containerd listens on {socket}, not on `{endpoint}`")
    };
    vec![
        kubelet
            .clash("kubelet/runtime-endpoint", message, &[KEY])
            .hint("leave it out"),
    ]
}
