//! Whether the machine and the cluster can reach each other, as far as the cluster's facts say: findings, before anything
//! is launched.

use std::net::Ipv4Addr;

use super::Desk;
use crate::base::{Cidr, Finding, Origin, Place};
use crate::catalog::Naming;

pub(super) fn decide(desk: &mut Desk<'_>) {
    endpoint(desk);
    let identity = &desk.role.identity;
    if desk.profile.naming != Naming::Satellite || desk.facts.subnets.is_empty() {
        return;
    }
    if let Some(named) = identity.in_vpc() {
        subnet(desk, named.value, &named.place);
    }
}

/// Who may ask the API server.
fn endpoint(desk: &mut Desk<'_>) {
    let facts = desk.facts;
    let Some(access) = &facts.access else { return };
    let told = match (access.public.value, access.private.value) {
        (true, true) => "public and private",
        (true, false) => "public",
        _ => "private",
    };
    desk.book
        .set("cluster.endpointAccess", told, Origin::Facts(access.place.clone()));
    let place = &desk.spec.cluster.place;
    match desk.profile.naming {
        Naming::Hybrid if access.public.value && access.private.value => {
            let message = "the endpoint is public and private: outside the VPC its name leads to public addresses, past the \
                           private routing";
            let hint = "make it one of them, as EKS asks for hybrid nodes, or resolve its name within the VPC";
            let finding = Finding::warning("plan/endpoint-both", message, place);
            desk.report.push(finding.note(&access.place, "its access").hint(hint));
        }
        Naming::Satellite if !access.public.value => {
            let message = "the endpoint answers within the VPC only, and the machine is outside";
            let hint = "switch its public access on, for the machine's address; or, where a tunnel and its name lead \
                        there, `--allow plan/endpoint-private`";
            let finding = Finding::error("plan/endpoint-private", message, place);
            desk.report
                .push(finding.note(&access.public.place, "it is not public").hint(hint));
        }
        Naming::Satellite => public_networks(desk),
        Naming::Hybrid => {}
    }
}

/// The networks of the internet that may ask. The machine's address is known only once it is launched.
fn public_networks(desk: &mut Desk<'_>) {
    let Some(access) = &desk.facts.access else { return };
    let (Some(first), false) = (
        access.public_cidrs.first(),
        access.public_cidrs.iter().any(|cidr| cidr.value.prefix() == 0),
    ) else {
        return;
    };
    let all = access.public_cidrs.iter();
    let list: Vec<String> = all.map(|cidr| cidr.value.to_string()).collect();
    let list = list.join(", ");
    let (message, is_error) = if access.public_cidrs.iter().all(|cidr| is_private(cidr.value)) {
        let message =
            format!("the endpoint takes the internet's connections from {list} only, where nobody comes from");
        (message, true)
    } else {
        let message =
            format!("the endpoint takes connections from {list} only; the machine's address is not known yet");
        (message, false)
    };
    let finding = if is_error {
        Finding::error("plan/endpoint-cidrs", message, &desk.spec.cluster.place)
    } else {
        Finding::warning("plan/endpoint-unproven", message, &desk.spec.cluster.place)
    };
    desk.report.push(
        finding
            .note(&first.place, "who may ask")
            .hint("add the machine's public address to the cluster's publicAccessCidrs once it is launched"),
    );
}

/// Whether no address of the network is public (RFC 1918, RFC 6598).
fn is_private(cidr: Cidr) -> bool {
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]
        .iter()
        .filter_map(|text| text.parse::<Cidr>().ok())
        .any(|private| private.holds(cidr))
}

/// The subnet that the ENI of this address lies in.
fn subnet(desk: &mut Desk<'_>, address: Ipv4Addr, place: &Place) {
    let facts = desk.facts;
    let Some(subnet) = facts.subnets.iter().find(|subnet| subnet.cidr.value.contains(address)) else {
        let private = facts.subnets.iter().filter(|subnet| {
            let private = subnet.private.as_ref();
            private.is_none_or(|private| private.value)
        });
        let list: Vec<String> = private.map(|subnet| subnet.cidr.value.to_string()).collect();
        let message = format!("{address} lies in no subnet of the cluster's VPC, so no ENI can have it");
        let mut finding = Finding::error("plan/subnet", message, place);
        if let Some(first) = facts.subnets.first() {
            finding = finding.note(&first.cidr.place, "they are named here");
        }
        desk.report
            .push(finding.hint(format!("take an address of {}", list.join(", "))));
        return;
    };
    let id = &subnet.id;
    desk.book
        .set("cluster.subnet", &id.value, Origin::Facts(id.place.clone()));
    if subnet.cidr.value.reserved(address) {
        let message = format!(
            "{address} is one of the five addresses that AWS keeps in {}",
            subnet.cidr.value
        );
        let finding = Finding::error("plan/subnet", message, place);
        desk.report.push(finding.note(&subnet.cidr.place, "the subnet"));
    }
    if let Some(private) = subnet.private.as_ref().filter(|private| !private.value) {
        let message = format!("{address} lies in {}, a public subnet", id.value);
        let finding = Finding::warning("plan/subnet-public", message, place);
        desk.report.push(
            finding
                .note(&private.place, "it has a route to an internet gateway")
                .hint("take an address of a private one: nobody but the cluster needs to reach it"),
        );
    }
}
