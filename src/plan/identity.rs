//! Identity: the node's name, its user in the cluster, and how AWS' principal becomes that user.

use std::net::Ipv4Addr;

use super::Desk;
use crate::base::{Finding, NodeName, Origin, Place, Severity};
use crate::catalog::Naming;
use crate::facts::AuthMode;
use crate::spec::{Credentials, Mapping};

/// Longest session name STS takes (AssumeRole API): a node's name is its session's name.
const SESSION_NAME_MAX: usize = 64;

pub(super) fn decide(desk: &mut Desk<'_>) -> Option<NodeName> {
    let identity = &desk.role.identity;
    let Some(address) = &identity.address else {
        let message = "`identity` has no `address`: the IP the cluster reaches this node under";
        let place = desk.spec.place.clone();
        desk.error("spec/missing-key", message, &place);
        return None;
    };
    check_address(desk, address.value, &address.place);
    desk.book.set(
        "identity.nodeIp",
        address.value.to_string(),
        Origin::Spec(address.place.clone()),
    );
    let name = match desk.profile.naming {
        Naming::Satellite => satellite_name(desk, address.value, &address.place),
        Naming::Hybrid => hybrid_name(desk),
    }?;
    let user = format!("system:node:{name}");
    let rule = "the user NodeRestriction and the kubelet's certificates want";
    desk.book.set("identity.username", &user, Origin::Default(rule.into()));
    let rule = "the node's name, so that the trust policy can pin it";
    desk.book
        .set("identity.sessionName", name.as_str(), Origin::Default(rule.into()));
    if name.as_str().len() > SESSION_NAME_MAX {
        let message = format!("`{name}` is longer than the {SESSION_NAME_MAX} characters of an STS session name");
        desk.error("plan/session-name", message, &address.place);
    }
    mapping(desk, &name);
    Some(name)
}

/// The name by the address of the ENI: see [`NodeName::of_address`].
fn satellite_name(desk: &mut Desk<'_>, address: Ipv4Addr, place: &Place) -> Option<NodeName> {
    let identity = &desk.role.identity;
    if let Some(given) = &identity.node_name {
        let finding = Finding::error(
            "plan/node-name",
            "a satellite's name is derived from its address",
            &given.place,
        );
        desk.report.push(finding.hint("leave `nodeName` out"));
    }
    let (from, origin) = match &identity.eni_address {
        Some(eni) if eni.value != address => {
            check_address(desk, eni.value, &eni.place);
            let message = format!(
                "the node is named after {} and reached under {address}: two addresses",
                eni.value
            );
            desk.report.push(
                Finding::warning("plan/two-addresses", message, &eni.place)
                    .note(place, "the node IP")
                    .hint("give the proxy an ENI with one address, use it for both and leave `eniAddress` out"),
            );
            (eni.value, Origin::Spec(eni.place.clone()))
        }
        _ => (address, Origin::Spec(place.clone())),
    };
    desk.book.set("identity.nameAddress", from.to_string(), origin.clone());
    match NodeName::of_address(from, &desk.facts.region.value) {
        Ok(name) => Some(desk.book.set("identity.nodeName", name, origin)),
        Err(error) => {
            desk.error("plan/node-name", error, place);
            None
        }
    }
}

fn hybrid_name(desk: &mut Desk<'_>) -> Option<NodeName> {
    let identity = &desk.role.identity;
    if let Some(eni) = &identity.eni_address {
        desk.error(
            "plan/eni-address",
            "a hybrid node has no ENI: leave `eniAddress` out",
            &eni.place,
        );
    }
    let Some(given) = &identity.node_name else {
        let place = desk.spec.place.clone();
        desk.error(
            "spec/missing-key",
            "`identity` has no `nodeName`, which a hybrid node needs",
            &place,
        );
        return None;
    };
    let managed = given.value.as_str().starts_with("mi-");
    if matches!(desk.role.credentials, Credentials::Ssm(_)) && !managed {
        let message = format!(
            "`{}` is not a managed instance id: with SSM the node's name is mi-…",
            given.value
        );
        desk.error("plan/node-name", message, &given.place);
    }
    if given.value.as_str().starts_with("fargate-") {
        desk.error(
            "plan/node-name",
            "EKS takes a name beginning with fargate- for another kind of node",
            &given.place,
        );
    }
    Some(desk.book.set(
        "identity.nodeName",
        given.value.clone(),
        Origin::Spec(given.place.clone()),
    ))
}

/// An address kubelet accepts as node IP (component-helpers `node/util/ips.go`) and the cluster can reach.
fn check_address(desk: &mut Desk<'_>, address: Ipv4Addr, place: &Place) {
    let unusable = address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_unspecified()
        || address.is_broadcast();
    if unusable {
        let message = format!("{address} is loopback, link-local, multicast or unspecified: the kubelet refuses it");
        desk.error("plan/address", message, place);
        return;
    }
    let facts = desk.facts;
    if facts.service_cidr.value.contains(address) {
        let message = format!(
            "{address} lies in the cluster's service network {}",
            facts.service_cidr.value
        );
        desk.report.push(
            Finding::error("plan/address", message, place).note(&facts.service_cidr.place, "the service network"),
        );
    }
    let (networks, what) = match desk.profile.naming {
        Naming::Satellite => (&facts.vpc_cidrs, "VPC"),
        Naming::Hybrid => (&facts.remote_node_cidrs, "remote node"),
    };
    if let Some(first) = networks.first()
        && !networks.iter().any(|network| network.value.contains(address))
    {
        let list: Vec<String> = networks.iter().map(|network| network.value.to_string()).collect();
        let message = format!(
            "{address} lies in none of the cluster's {what} networks ({})",
            list.join(", ")
        );
        desk.report
            .push(Finding::error("plan/address", message, place).note(&first.place, "they are named here"));
    }
    if networks.is_empty() {
        let key = if desk.profile.naming == Naming::Satellite {
            "vpcCidrs"
        } else {
            "remoteNodeCidrs"
        };
        let message = format!("the facts name no {what} networks, so {address} cannot be checked against them");
        let finding = Finding::new(Severity::Warning, "plan/address-unchecked", message).at(place.clone());
        desk.report
            .push(finding.hint(format!("add `{key}` to the cluster's facts")));
    }
}

/// How the principal becomes the user; see kubernetes-sigs/aws-iam-authenticator for aws-auth, and EKS' access entries.
fn mapping(desk: &mut Desk<'_>, name: &NodeName) {
    let facts = desk.facts;
    let stated = desk.role.identity.mapping.as_ref();
    let (default, why) = match desk.profile.naming {
        Naming::Hybrid => (Mapping::AccessEntry, "EKS maps hybrid nodes by an access entry"),
        Naming::Satellite => (Mapping::RolePerNode, "one role for one node: nobody else can become it"),
    };
    let word = |mapping: Mapping| match mapping {
        Mapping::RolePerNode => "rolePerNode",
        Mapping::SessionName => "sessionName",
        Mapping::AccessEntry => "accessEntry",
    };
    let above = stated.map(|mapping| (word(mapping.value), Origin::Spec(mapping.place.clone())));
    let (taken, origin) = desk.book.choose(
        "identity.mapping",
        (word(default), Origin::Default(why.into())),
        [above],
    );
    let place = origin.place().unwrap_or(&facts.auth_mode.place).clone();
    let uses_aws_auth = taken != "accessEntry";
    if uses_aws_auth && facts.auth_mode.value == AuthMode::Api {
        desk.report.push(
            Finding::error(
                "plan/mapping",
                "the cluster reads access entries only, an aws-auth mapping would be inert",
                &place,
            )
            .note(&facts.auth_mode.place, "its authentication mode")
            .hint("set `identity.mapping: accessEntry`, or the cluster to API_AND_CONFIG_MAP"),
        );
    }
    if !uses_aws_auth && facts.auth_mode.value == AuthMode::ConfigMap {
        desk.report.push(
            Finding::error(
                "plan/mapping",
                "the cluster reads aws-auth only, it has no access entries",
                &place,
            )
            .note(&facts.auth_mode.place, "its authentication mode")
            .hint("set the cluster to API_AND_CONFIG_MAP"),
        );
    }
    if desk.profile.naming == Naming::Satellite && taken == "accessEntry" {
        let message = "an access entry of type FARGATE_LINUX for a machine outside AWS is not documented by AWS";
        desk.report
            .push(Finding::warning("plan/mapping-untried", message, &place).hint("try it on a cluster you can lose"));
    }
    if desk.profile.naming == Naming::Hybrid && taken != "accessEntry" {
        desk.error("plan/mapping", "hybrid nodes are mapped by an access entry", &place);
    }
    let is_user = matches!(desk.role.credentials, Credentials::User(_));
    if is_user && taken != "rolePerNode" {
        desk.error(
            "plan/mapping",
            "an IAM user is mapped by aws-auth, under its own name",
            &place,
        );
    }
    let mapped = if taken == "sessionName" {
        "system:node:{{SessionName}}".to_owned()
    } else {
        format!("system:node:{name}")
    };
    let rule = if taken == "sessionName" {
        "the authenticator fills the session's name in"
    } else {
        "exactly this node"
    };
    desk.book
        .set("identity.mappedUsername", mapped, Origin::Default(rule.into()));
    let entry = if desk.profile.naming == Naming::Hybrid {
        "HYBRID_LINUX"
    } else {
        "FARGATE_LINUX"
    };
    desk.book.set(
        "identity.accessEntryType",
        entry,
        Origin::Default("both name the node after the session".into()),
    );
}
