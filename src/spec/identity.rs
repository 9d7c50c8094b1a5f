//! `identity`: who the node is.

use std::net::Ipv4Addr;

use crate::base::{Located, NodeName};
use crate::syntax::yaml::{Node, Reader};

/// How the cluster maps the node's AWS role to its Kubernetes user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// One role for this node alone; the mapping names the node.
    RolePerNode,
    /// One role for many nodes; the mapping takes the node's name from the session name, which the role's trust policy
    /// must pin.
    SessionName,
    /// An access entry instead of aws-auth.
    AccessEntry,
}

/// Who the node is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The node IP: the address the cluster reaches the kubelet under.
    pub address: Option<Located<Ipv4Addr>>,
    /// The address of the ENI that gives the node its name, when it is not `address`: the two-address form.
    pub eni_address: Option<Located<Ipv4Addr>>,
    /// The node's name, where it is not derived from an address.
    pub node_name: Option<Located<NodeName>>,
    /// How the role is mapped.
    pub mapping: Option<Located<Mapping>>,
}

impl Identity {
    /// The address of its interface in the VPC, which gives it its name.
    pub fn in_vpc(&self) -> Option<&Located<Ipv4Addr>> {
        self.eni_address.as_ref().or(self.address.as_ref())
    }

    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "identity");
        let address = |reader: &mut Reader<'_>, node| reader.parsed::<Ipv4Addr>(node, "spec/address");
        let identity = Self {
            address: fields.optional("address").and_then(|node| address(reader, node)),
            eni_address: fields.optional("eniAddress").and_then(|node| address(reader, node)),
            node_name: fields
                .optional("nodeName")
                .and_then(|node| reader.parsed(node, "spec/node-name")),
            mapping: fields.optional("mapping").and_then(|node| {
                let words = [
                    ("rolePerNode", Mapping::RolePerNode),
                    ("sessionName", Mapping::SessionName),
                    ("accessEntry", Mapping::AccessEntry),
                ];
                reader.word(node, &words)
            }),
        };
        fields.done(reader);
        identity
    }
}
