//! Interfaces by their tags.

use std::net::Ipv4Addr;

use super::{CLUSTER_TAG, Desk, NODE_TAG};
use crate::cloud::{Filter, Interface, Kind, Trouble};

/// Whose interface is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The one with this id.
    Id(String),
    /// A node's, of a cluster if that is known.
    Node(String, Option<String>),
}

impl std::fmt::Display for Whose {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => out.write_str(id),
            Self::Node(node, None) => write!(out, "node {node}"),
            Self::Node(node, Some(cluster)) => write!(out, "node {node} of cluster {cluster}"),
        }
    }
}

/// The interface; none if it is not there.
pub fn find(desk: &Desk<'_>, whose: &Whose) -> Result<Option<Interface>, Trouble> {
    match whose {
        Whose::Id(id) => match desk.ask(|| desk.ec2.interface(id)) {
            Err(trouble) if trouble.kind == Kind::NotFound => Ok(None),
            found => found.map(Some),
        },
        Whose::Node(node, cluster) => by_tag(desk, node, cluster.as_deref()),
    }
}

/// The interface of a node. Two of them are refused, with both ids: neither is the right one by itself.
pub fn by_tag(desk: &Desk<'_>, node: &str, cluster: Option<&str>) -> Result<Option<Interface>, Trouble> {
    desk.ask(|| once_by_tag(desk, node, cluster))
}

/// Who has an address of a VPC.
pub fn holder(desk: &Desk<'_>, vpc: &str, address: Ipv4Addr) -> Result<Option<Interface>, Trouble> {
    let filters = [Filter::Vpc(vpc.into()), Filter::Address(address)];
    let mut found = desk.ask(|| desk.ec2.interfaces(&filters))?;
    Ok(found.pop())
}

/// As [`by_tag`], asked once.
pub(super) fn once_by_tag(desk: &Desk<'_>, node: &str, cluster: Option<&str>) -> Result<Option<Interface>, Trouble> {
    let mut filters = vec![Filter::Tag(NODE_TAG.into(), node.into())];
    filters.extend(cluster.map(|cluster| Filter::Tag(CLUSTER_TAG.into(), cluster.into())));
    let mut found = sorted(desk.ec2.interfaces(&filters)?);
    if found.len() < 2 {
        return Ok(found.pop());
    }
    let ids: Vec<String> = found
        .iter()
        .map(|one| {
            let cluster = one.tags.get(CLUSTER_TAG).map_or("no cluster", String::as_str);
            format!("{} ({cluster}, {})", one.id, one.status)
        })
        .collect();
    let message = format!("node {node} has {} network interfaces: {}", ids.len(), ids.join(", "));
    Err(Trouble::new(Kind::Refused, message)
        .hint("keep the one whose address node.yaml has, and `nodebake eni delete eni-…` the other"))
}

/// All interfaces of nodes, or all interfaces of a VPC, by cluster, node and id.
pub fn all(desk: &Desk<'_>, vpc: Option<&str>, foreign_too: bool) -> Result<Vec<Interface>, Trouble> {
    let mut filters: Vec<Filter> = vpc.map(|vpc| Filter::Vpc(vpc.into())).into_iter().collect();
    if !foreign_too {
        filters.push(Filter::TagKey(NODE_TAG.into()));
    }
    desk.ask(|| desk.ec2.interfaces(&filters)).map(sorted)
}

/// Nodes' first, then by id.
fn sorted(mut found: Vec<Interface>) -> Vec<Interface> {
    found.sort_by_cached_key(|one| {
        let tag = |key: &str| one.tags.get(key).cloned().unwrap_or_default();
        (
            !one.tags.contains_key(NODE_TAG),
            tag(CLUSTER_TAG),
            tag(NODE_TAG),
            one.id.clone(),
        )
    });
    found
}
