//! `kind: Proxy`: the machine in the cluster's VPC that passes the API server's connections on to satellites.

use std::net::Ipv4Addr;

use super::Role;
use crate::base::{Finding, Located, Place};
use crate::syntax::yaml::{Fields, Node, Reader};

/// What passes connections on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The kernel: one nftables rule for all satellites.
    Nftables,
    /// `HAProxy`.
    Haproxy,
    /// `nodebake proxy serve`.
    Serve,
}

impl Form {
    /// Every form with its word.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("nftables", Self::Nftables),
        ("haproxy", Self::Haproxy),
        ("serve", Self::Serve),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, form)| *form == self)
            .map_or("", |(word, _)| word)
    }
}

/// One machine behind the proxy.
#[derive(Debug, Clone)]
pub struct Satellite {
    /// What it is called.
    pub name: Located<String>,
    /// Its node's `InternalIP`: an address of the proxy's interface in the VPC.
    pub address: Located<Ipv4Addr>,
    /// Where it is on the internet.
    pub public_address: Located<Ipv4Addr>,
    /// Whether that address may be a private one: it is reached by a VPN or a peering.
    pub private: bool,
}

/// What a launch needs beside the machine: identifiers of the AWS account.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// The subnet of the cluster's VPC.
    pub subnet: Option<Located<String>>,
    /// The proxy's own security group.
    pub security_group: Option<Located<String>>,
    /// The AMI.
    pub ami: Option<Located<String>>,
}

/// The most connections that a passthrough's file takes (`limits.connections`).
const MOST_CONNECTIONS: u64 = 100_000;

/// What only a proxy has.
#[derive(Debug, Clone)]
pub struct ProxySpec {
    /// Its own private address: what satellites' connections come from before the internet gateway translates it.
    pub address: Located<Ipv4Addr>,
    /// What passes connections on.
    pub form: Option<Located<Form>>,
    /// Connections that a userspace form takes at once.
    pub max_connections: Option<Located<u64>>,
    /// The machines behind it.
    pub satellites: Vec<Satellite>,
    /// What a launch needs.
    pub launch: Launch,
}

impl ProxySpec {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Role> {
        let address = fields
            .required(reader, "address")
            .and_then(|node| reader.parsed(node, "spec/address"));
        let form = fields.optional("form").and_then(|node| reader.word(node, &Form::WORDS));
        let max_connections = fields
            .optional("maxConnections")
            .and_then(|node| reader.integer(node, 16, MOST_CONNECTIONS));
        let satellites = fields.required(reader, "satellites").map(|node| {
            let items = reader.list(node);
            if items.is_empty() {
                let message = "a proxy has at least one satellite";
                reader
                    .report
                    .push(Finding::error("spec/empty-proxy", message, &node.place));
            }
            let read = items.iter().filter_map(|item| Satellite::read(reader, item));
            read.collect()
        });
        let launch = fields
            .optional("launch")
            .map(|node| Launch::read(reader, node))
            .unwrap_or_default();
        Some(Role::Proxy(Box::new(Self {
            address: address?,
            form,
            max_connections,
            satellites: satellites?,
            launch,
        })))
    }
}

impl Satellite {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "a satellite");
        let name = fields
            .required(reader, "name")
            .and_then(|node| super::fleet::name(reader, node));
        let address = fields
            .required(reader, "address")
            .and_then(|node| reader.parsed(node, "spec/address"));
        let public_address = fields
            .required(reader, "publicAddress")
            .and_then(|node| reader.parsed(node, "spec/address"));
        let private = fields.optional("private").and_then(|node| reader.boolean(node));
        fields.done(reader);
        Some(Self {
            name: name?,
            address: address?,
            public_address: public_address?,
            private: private.is_some_and(|private| private.value),
        })
    }
}

impl Launch {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "launch");
        let mut id = |reader: &mut Reader<'_>, key, prefix| {
            let text = fields.optional(key).and_then(|node| reader.text(node))?;
            if is_aws_id(&text.value, prefix) {
                return Some(text);
            }
            let message = format!("`{}` is no identifier such as {prefix}-0123456789abcdef0", text.value);
            let place: &Place = &text.place;
            reader.report.push(Finding::error("spec/aws-id", message, place));
            None
        };
        let launch = Self {
            subnet: id(reader, "subnet", "subnet"),
            security_group: id(reader, "securityGroup", "sg"),
            ami: id(reader, "ami", "ami"),
        };
        fields.done(reader);
        launch
    }
}

/// Whether AWS could call something of this kind so: a prefix, and 8 or 17 hexadecimal digits.
pub fn is_aws_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}
