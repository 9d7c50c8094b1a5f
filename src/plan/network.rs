//! Network: the dummy interface that carries the node IP, and what pods get.

use super::Desk;
use crate::base::{Cidr, Finding, InterfaceName, Origin, Sha256, Version};
use crate::catalog::Naming;
use crate::spec::{NetworkBackend, PodNetwork};

/// The first netplan that knows `dummy-devices` (canonical/netplan tags). An older one refuses the whole
/// configuration over it, the real network card's too.
const NETPLAN_DUMMY: &str = "0.107";

/// What first boot needs to know.
#[derive(Debug)]
pub(super) struct NetworkPlan {
    /// The interface's name; empty where the node has none.
    pub(super) interface: String,
    /// Who makes it.
    pub(super) backend: &'static str,
    /// The CNI configuration's file name.
    pub(super) cni_file: &'static str,
}

pub(super) fn decide(desk: &mut Desk<'_>) -> NetworkPlan {
    let (interface, backend) = match desk.profile.naming {
        Naming::Satellite => dummy_interface(desk),
        Naming::Hybrid => {
            let network = &desk.role.network;
            let unused = [
                network.interface.as_ref().map(|i| &i.place),
                network.backend.as_ref().map(|b| &b.place),
            ];
            for place in unused.into_iter().flatten() {
                let message = "a hybrid node's address is on its own card: it has no dummy interface";
                desk.report
                    .push(Finding::error("plan/interface", message, place).hint("leave it out"));
            }
            let rule = "a hybrid node's address is on its own card";
            desk.book.set("network.interface", "", Origin::Default(rule.into()));
            desk.book.set("network.backend", "none", Origin::Default(rule.into()));
            (String::new(), "none")
        }
    };
    let cni_file = pods(desk);
    NetworkPlan {
        interface,
        backend,
        cni_file,
    }
}

fn dummy_interface(desk: &mut Desk<'_>) -> (String, &'static str) {
    let network = &desk.role.network;
    let from_profile = desk.profile_default("network.interface", |reader, node| {
        reader.parsed::<InterfaceName>(node, "catalog/value")
    });
    let from_profile = from_profile.map(|(name, origin)| (name.value.as_str().to_owned(), origin));
    let stated = network.interface.as_ref();
    let stated = stated.map(|name| (name.value.as_str().to_owned(), Origin::Spec(name.place.clone())));
    let rule = "a name that no real card can have";
    let base = ("kubesat0".to_owned(), Origin::Default(rule.into()));
    let (interface, _) = desk.book.choose("network.interface", base, [from_profile, stated]);

    let netplan = &desk.image.netplan;
    let knows_dummy = NETPLAN_DUMMY.parse::<Version>().is_ok_and(|since| since <= *netplan);
    let why = format!(
        "netplan {netplan} or later on {}; dummy-devices came with {NETPLAN_DUMMY}",
        desk.image.name
    );
    let base = (if knows_dummy { "netplan" } else { "networkd" }, Origin::Image(why));
    let stated = network.backend.as_ref().map(|backend| {
        let word = match backend.value {
            NetworkBackend::Networkd => "networkd",
            NetworkBackend::Netplan => "netplan",
        };
        (word, Origin::Spec(backend.place.clone()))
    });
    let (backend, origin) = desk.book.choose("network.backend", base, [stated]);
    if backend == "netplan" && !knows_dummy {
        let place = origin.place().unwrap_or(&desk.spec.place);
        let message = format!(
            "{} may have netplan {netplan}, which does not know dummy-devices and would drop the real card's configuration too",
            desk.image.name
        );
        desk.report
            .push(Finding::error("plan/netplan", message, place).hint("leave `backend` out: networkd is taken"));
    }

    // Locally administered, unicast, the same on every bake: the first bytes of a hash of the node's address.
    let seed = desk
        .book
        .get("identity.nodeIp")
        .map(|ip| ip.value().to_string())
        .unwrap_or_default();
    let digest = Sha256::of(seed.as_bytes()).to_string();
    let mac = format!(
        "02:{}:{}:{}:{}:{}",
        &digest[..2],
        &digest[2..4],
        &digest[4..6],
        &digest[6..8],
        &digest[8..10]
    );
    desk.book.set(
        "network.mac",
        mac,
        Origin::Default("02 and a hash of the node IP: locally administered".into()),
    );
    let address = desk
        .book
        .get("identity.nodeIp")
        .and_then(|ip| ip.value().as_str())
        .unwrap_or_default();
    let address = format!("{address}/32");
    let rule = "a /32: a wider prefix would route the VPC's other machines into the dummy";
    desk.book.set("network.address", address, Origin::Default(rule.into()));
    (interface, backend)
}

fn pods(desk: &mut Desk<'_>) -> &'static str {
    let words = [("host", PodNetwork::Host), ("bridge", PodNetwork::Bridge)];
    let word = |pods: PodNetwork| if pods == PodNetwork::Host { "host" } else { "bridge" };
    let from_profile = desk.profile_default("network.pods", |reader, node| reader.word(node, &words));
    let from_profile = from_profile.map(|(pods, origin)| (word(pods.value), origin));
    let network = &desk.role.network;
    let stated = network
        .pods
        .as_ref()
        .map(|pods| (word(pods.value), Origin::Spec(pods.place.clone())));
    let rule = "pod addresses of a machine outside the VPC are unreachable from it";
    let (pods, origin) = desk.book.choose(
        "network.pods",
        ("host", Origin::Default(rule.into())),
        [from_profile, stated],
    );
    let version = "loopback and bridge speak 1.0.0 from plugins 1.0 on; 1.1.0 needs containerd 2";
    desk.book
        .set("network.cniVersion", "1.0.0", Origin::Default(version.into()));
    match (pods, &network.pod_cidr) {
        ("bridge", Some(cidr)) => {
            check_pod_cidr(desk, cidr.value, &cidr.place.clone());
            desk.book.set(
                "network.podCidr",
                cidr.value.to_string(),
                Origin::Spec(cidr.place.clone()),
            );
        }
        ("bridge", None) => {
            let place = origin.place().unwrap_or(&desk.spec.place);
            let finding = Finding::error(
                "plan/pod-cidr",
                "a bridge needs `podCidr`, the network of this node's pods",
                place,
            );
            desk.report
                .push(finding.hint("one /24 for each node, outside VPC and services, such as 10.244.7.0/24"));
        }
        (_, Some(cidr)) => {
            let finding = Finding::error(
                "plan/pod-cidr",
                "pods on the host's network have no `podCidr`",
                &cidr.place,
            );
            desk.report.push(finding.hint("set `pods: bridge`, or leave it out"));
        }
        (_, None) => {}
    }
    let file = if pods == "bridge" {
        "10-bridge.conflist"
    } else {
        "10-host-network.conflist"
    };
    desk.book.set(
        "network.cniFile",
        file,
        Origin::Default("containerd takes the first file of the folder".into()),
    );
    file
}

fn check_pod_cidr(desk: &mut Desk<'_>, pods: Cidr, place: &crate::base::Place) {
    let facts = desk.facts;
    if pods.prefix() > 28 || pods.prefix() < 16 {
        desk.error(
            "plan/pod-cidr",
            format!("{pods} is no network for the pods of one node: /16 to /28"),
            place,
        );
    }
    for (network, what) in facts
        .vpc_cidrs
        .iter()
        .map(|network| (network, "the VPC"))
        .chain([(&facts.service_cidr, "the cluster's services")])
    {
        if network.value.overlaps(pods) {
            let message = format!("{pods} overlaps {} of {what}", network.value);
            desk.report
                .push(Finding::error("plan/pod-cidr", message, place).note(&network.place, "it is named here"));
        }
    }
    if let Some(max) = desk.role.sizing.max_pods.as_ref()
        && max.value + 3 > pods.size()
    {
        let message = format!(
            "{pods} has room for {} pods, maxPods is {}",
            pods.size().saturating_sub(3),
            max.value
        );
        desk.report
            .push(Finding::error("plan/pod-cidr", message, place).note(&max.place, "maxPods"));
    }
}
