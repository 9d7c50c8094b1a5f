//! The cluster's network as `nodebake facts` writes it: all of it optional, for files that people write.

use super::{cidr, cidrs};
use crate::base::{Cidr, Finding, Located, Place};
use crate::syntax::yaml::{Node, Reader};

/// Who may ask the endpoint (`resourcesVpcConfig`).
#[derive(Debug, Clone)]
pub struct EndpointAccess {
    /// Whether it answers the internet.
    pub public: Located<bool>,
    /// Whether its name leads to the VPC within it.
    pub private: Located<bool>,
    /// Who of the internet may ask. Everybody, if this is empty.
    pub public_cidrs: Vec<Located<Cidr>>,
    /// Where it is written.
    pub place: Place,
}

impl EndpointAccess {
    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "endpointAccess");
        let mut flag = |reader: &mut Reader<'_>, key| {
            let node = fields.required(reader, key);
            node.and_then(|node| reader.boolean(node))
        };
        let public = flag(reader, "public");
        let private = flag(reader, "private");
        let public_cidrs = cidrs(reader, fields.optional("publicAccessCidrs"));
        fields.done(reader);
        let (public, private) = (public?, private?);
        if !public.value && !private.value {
            let message = "an endpoint that answers neither the internet nor its VPC answers nobody";
            reader
                .report
                .push(Finding::error("facts/access", message, &public.place));
            return None;
        }
        if let Some(first) = public_cidrs.first()
            && !public.value
        {
            let message = "`publicAccessCidrs` of an endpoint that is not public";
            reader.report.push(
                Finding::error("facts/access", message, &first.place)
                    .note(&public.place, "it is not public")
                    .hint("leave them out"),
            );
            return None;
        }
        Some(Self {
            public,
            private,
            public_cidrs,
            place: node.place.clone(),
        })
    }
}

/// A subnet of the VPC.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// `subnet-…`
    pub id: Located<String>,
    /// Its availability zone.
    pub zone: Option<Located<String>>,
    /// Its network.
    pub cidr: Located<Cidr>,
    /// Whether no route leads from it to an internet gateway.
    pub private: Option<Located<bool>>,
}

/// The subnets. Each lies in the VPC, and no two overlap.
pub(super) fn subnets(reader: &mut Reader<'_>, node: Option<&Node>, vpc: &[Located<Cidr>]) -> Vec<Subnet> {
    let Some(node) = node else { return Vec::new() };
    let items = reader.list(node);
    let all: Vec<Subnet> = items.iter().filter_map(|item| subnet(reader, item)).collect();
    for (at, one) in all.iter().enumerate() {
        let own = one.cidr.value;
        if !vpc.is_empty() && !vpc.iter().any(|network| network.value.holds(own)) {
            let message = format!("{own} lies in none of `vpcCidrs`");
            reader
                .report
                .push(Finding::error("facts/subnet", message, &one.cidr.place));
        }
        for other in &all[..at] {
            if other.id.value == one.id.value || other.cidr.value.overlaps(own) {
                let message = format!("{} {own} is told twice, or overlaps another one", one.id.value);
                reader
                    .report
                    .push(Finding::error("facts/subnet", message, &one.id.place).note(&other.id.place, "this one"));
            }
        }
    }
    all
}

fn subnet(reader: &mut Reader<'_>, node: &Node) -> Option<Subnet> {
    let mut fields = reader.map(node, "subnet");
    let own_id = fields.required(reader, "id");
    let own_id = own_id.and_then(|node| id(reader, node, "subnet-"));
    let network = fields.required(reader, "cidr");
    let network = network.and_then(|node| cidr(reader, node));
    let zone = fields.optional("zone").and_then(|node| reader.text(node));
    let private = fields.optional("private").and_then(|node| reader.boolean(node));
    fields.done(reader);
    Some(Subnet {
        id: own_id?,
        zone,
        cidr: network?,
        private,
    })
}

/// An id of AWS: a word and 8 or 17 hexadecimal digits (EC2 user guide, resource ids).
pub(super) fn id(reader: &mut Reader<'_>, node: &Node, word: &str) -> Option<Located<String>> {
    let text = reader.text(node)?;
    let digits = text.value.strip_prefix(word).unwrap_or_default();
    let hexadecimal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if matches!(digits.len(), 8 | 17) && hexadecimal {
        return Some(text);
    }
    let message = format!("`{}` is no id: `{word}` and 17 hexadecimal digits", text.value);
    reader.report.push(Finding::error("facts/id", message, &text.place));
    None
}

pub(super) fn ids(reader: &mut Reader<'_>, node: Option<&Node>, word: &str) -> Vec<Located<String>> {
    let Some(node) = node else { return Vec::new() };
    let items = reader.list(node);
    items.iter().filter_map(|item| id(reader, item, word)).collect()
}

/// EKS' own release of a minor: `eks.12`.
pub(super) fn platform(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let text = reader.text(node)?;
    let number = text.value.strip_prefix("eks.").unwrap_or_default();
    if !number.is_empty() && number.len() < 5 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text);
    }
    let message = format!("`{}` is no platform version of EKS such as eks.12", text.value);
    reader
        .report
        .push(Finding::error("facts/platform", message, &text.place));
    None
}
