//! Floor 1: what only the cluster knows, read from `cluster.yaml`: a file written once, reviewed and committed.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use base64::Engine as _;

use crate::base::{Cidr, Finding, HttpsUrl, KubeMinor, Located, Place, Report, Sha256, Source};
use crate::syntax::yaml::{self, Node, Reader};

mod compare;
mod network;
mod write;

pub use compare::{Change, compare};
pub use network::{EndpointAccess, Subnet};
pub use write::{Draft, write};

/// How the cluster authenticates IAM principals (`accessConfig.authenticationMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// aws-auth alone.
    ConfigMap,
    /// Both; an access entry wins over aws-auth for the same principal.
    ApiAndConfigMap,
    /// Access entries alone: aws-auth is inert.
    Api,
}

impl fmt::Display for AuthMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ConfigMap => "CONFIG_MAP",
            Self::ApiAndConfigMap => "API_AND_CONFIG_MAP",
            Self::Api => "API",
        })
    }
}

/// One certificate of the cluster's CA bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaCertificate {
    /// Its subject.
    pub subject: String,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when.
    pub not_after: i64,
    /// Whether it may sign certificates.
    pub is_ca: bool,
    /// The digest of its DER form: what `openssl x509 -fingerprint -sha256` prints.
    pub sha256: Sha256,
}

/// The cluster.
#[derive(Debug, Clone)]
pub struct ClusterFacts {
    /// Its name.
    pub name: Located<String>,
    /// Its region.
    pub region: Located<String>,
    /// The account it belongs to.
    pub account: Located<String>,
    /// Its Kubernetes minor.
    pub minor: Located<KubeMinor>,
    /// The API server.
    pub endpoint: Located<HttpsUrl>,
    /// The CA bundle as PEM, every certificate, ending in a newline.
    pub ca_pem: Located<String>,
    /// The bundle's certificates.
    pub ca: Vec<CaCertificate>,
    /// Where services get their addresses.
    pub service_cidr: Located<Cidr>,
    /// How principals are authenticated.
    pub auth_mode: Located<AuthMode>,
    /// The networks of its VPC, if they are known.
    pub vpc_cidrs: Vec<Located<Cidr>>,
    /// `remoteNodeNetworks` of a cluster with hybrid nodes.
    pub remote_node_cidrs: Vec<Located<Cidr>>,
    /// `remotePodNetworks` of a cluster with hybrid nodes.
    pub remote_pod_cidrs: Vec<Located<Cidr>>,
    /// EKS' own release of the minor, if it is known.
    pub platform: Option<Located<String>>,
    /// Who may ask the endpoint, if it is known.
    pub access: Option<EndpointAccess>,
    /// Its VPC, if it is known.
    pub vpc: Option<Located<String>>,
    /// The subnets of its VPC, if they are known.
    pub subnets: Vec<Subnet>,
    /// The security group that EKS made for the control plane and its nodes, if it is known.
    pub cluster_group: Option<Located<String>>,
    /// Further security groups of the control plane.
    pub groups: Vec<Located<String>>,
}

impl ClusterFacts {
    /// The cluster's DNS service: the tenth address of the service network, as EKS assigns it (eks-ami `api/net.go`).
    /// `None` if the network is too small.
    pub fn dns_address(&self) -> Option<Ipv4Addr> {
        self.service_cidr.value.nth(10)
    }

    /// The AWS partition its region belongs to.
    pub fn partition(&self) -> &'static str {
        partition(&self.region.value)
    }
}

/// The AWS partition a region belongs to.
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Reads a `cluster.yaml`. All mistakes are reported together.
pub fn read(source: &Arc<Source>) -> Result<ClusterFacts, Report> {
    let root = yaml::parse(source)?;
    let mut report = Report::new();
    let facts = document(&mut Reader { report: &mut report }, &root);
    match facts {
        Some(facts) if !report.has_errors() => Ok(facts),
        _ => Err(report),
    }
}

/// As [`read`], with what plugins bring laid into it: each a source that is one map of keys of `spec`, and the place
/// where its plugin is named. A key that is there already must have the same value.
pub fn read_with(source: &Arc<Source>, brought: &[(Arc<Source>, Place)]) -> Result<ClusterFacts, Report> {
    if brought.is_empty() {
        return read(source);
    }
    let mut root = yaml::parse(source)?;
    let mut report = Report::new();
    for (more, place) in brought {
        match yaml::parse(more) {
            Ok(more) => lay(&mut root, &more, place, &mut report),
            Err(failed) => report.extend(failed),
        }
    }
    let facts = document(&mut Reader { report: &mut report }, &root);
    match facts {
        Some(facts) if !report.has_errors() => Ok(facts),
        _ => Err(report),
    }
}

/// Lays the keys of `more` into `spec`, its `name` into `metadata`.
fn lay(root: &mut Node, more: &Node, place: &Place, report: &mut Report) {
    for entry in more.entries() {
        let section = if entry.key == "name" { "metadata" } else { "spec" };
        let Some(slot) = section_of(root, section, place) else {
            continue;
        };
        match slot.iter().find(|own| own.key == entry.key && !own.value.is_null()) {
            None => {
                slot.retain(|own| own.key != entry.key);
                slot.push(entry.clone());
            }
            Some(own) => {
                let mut ignored = Report::new();
                let mut reader = Reader { report: &mut ignored };
                if yaml::to_json(&mut reader, &own.value) != yaml::to_json(&mut reader, &entry.value) {
                    let message = format!("`{}` is not what {} says", entry.key, entry.key_place.source.name);
                    report.push(
                        Finding::error("plugin/facts", message, &own.value.place)
                            .note(&entry.value.place, "the plugin says")
                            .hint("leave it out to take the plugin's, or correct the plugin's source"),
                    );
                }
            }
        }
    }
}

/// The entries of a section, which is made if it is not there; none if it is no map.
fn section_of<'n>(root: &'n mut Node, section: &str, place: &Place) -> Option<&'n mut Vec<yaml::Entry>> {
    let yaml::Kind::Map(entries) = &mut root.kind else {
        return None;
    };
    let at = match entries.iter().position(|entry| entry.key == section) {
        Some(at) => at,
        None => {
            entries.push(yaml::Entry {
                key: section.into(),
                key_place: place.clone(),
                value: Node {
                    place: place.clone(),
                    kind: yaml::Kind::Map(Vec::new()),
                },
            });
            entries.len() - 1
        }
    };
    let value = &mut entries.get_mut(at)?.value;
    if value.is_null() {
        value.kind = yaml::Kind::Map(Vec::new());
    }
    match &mut value.kind {
        yaml::Kind::Map(entries) => Some(entries),
        _ => None,
    }
}

fn document(reader: &mut Reader<'_>, root: &Node) -> Option<ClusterFacts> {
    let mut fields = reader.map(root, "the document");
    if let Some(node) = fields.required(reader, "apiVersion") {
        reader.word(node, &[("nodebake/v1", ())]);
    }
    if let Some(node) = fields.required(reader, "kind") {
        reader.word(node, &[("Cluster", ())]);
    }
    let metadata = fields.required(reader, "metadata");
    let spec = fields.required(reader, "spec");
    fields.done(reader);
    let name = metadata.and_then(|node| {
        let mut fields = reader.map(node, "metadata");
        let name = fields
            .required(reader, "name")
            .and_then(|node| cluster_name(reader, node));
        fields.done(reader);
        name
    });
    let mut fields = reader.map(spec?, "spec of a Cluster");
    let region = fields.required(reader, "region").and_then(|node| region(reader, node));
    let account = fields
        .required(reader, "account")
        .and_then(|node| account(reader, node));
    let minor = fields
        .required(reader, "kubernetesVersion")
        .and_then(|node| reader.parsed(node, "facts/version"));
    let endpoint = fields
        .required(reader, "endpoint")
        .and_then(|node| reader.parsed(node, "facts/endpoint"));
    let ca = fields
        .required(reader, "certificateAuthority")
        .and_then(|node| certificates(reader, node));
    let service_cidr = fields
        .required(reader, "serviceCidr")
        .and_then(|node| cidr(reader, node));
    if let Some(node) = fields.required(reader, "ipFamily") {
        ip_family(reader, node);
    }
    let modes = [
        ("CONFIG_MAP", AuthMode::ConfigMap),
        ("API_AND_CONFIG_MAP", AuthMode::ApiAndConfigMap),
        ("API", AuthMode::Api),
    ];
    let auth_mode = fields
        .required(reader, "authenticationMode")
        .and_then(|node| reader.word(node, &modes));
    let vpc_cidrs = cidrs(reader, fields.optional("vpcCidrs"));
    let remote_node_cidrs = cidrs(reader, fields.optional("remoteNodeCidrs"));
    let remote_pod_cidrs = cidrs(reader, fields.optional("remotePodCidrs"));
    let platform = fields
        .optional("platformVersion")
        .and_then(|node| network::platform(reader, node));
    let access = fields
        .optional("endpointAccess")
        .and_then(|node| EndpointAccess::read(reader, node));
    let vpc = fields
        .optional("vpcId")
        .and_then(|node| network::id(reader, node, "vpc-"));
    let subnets = network::subnets(reader, fields.optional("subnets"), &vpc_cidrs);
    let cluster_group = fields
        .optional("clusterSecurityGroupId")
        .and_then(|node| network::id(reader, node, "sg-"));
    let groups = network::ids(reader, fields.optional("securityGroupIds"), "sg-");
    fields.done(reader);
    let (ca_pem, ca) = ca?;
    let facts = ClusterFacts {
        name: name?,
        region: region?,
        account: account?,
        minor: minor?,
        endpoint: endpoint?,
        ca_pem,
        ca,
        service_cidr: service_cidr?,
        auth_mode: auth_mode?,
        vpc_cidrs,
        remote_node_cidrs,
        remote_pod_cidrs,
        platform,
        access,
        vpc,
        subnets,
        cluster_group,
        groups,
    };
    check_dns(reader, &facts);
    Some(facts)
}

fn cluster_name(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let name = reader.text(node)?;
    let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let good = name.value.len() <= 100
        && name.value.chars().all(tame)
        && name.value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !good {
        let message = format!("`{}` is no name of an EKS cluster: 1 to 100 of A-Za-z0-9-_", name.value);
        reader.report.push(Finding::error("facts/name", message, &name.place));
        return None;
    }
    Some(name)
}

fn region(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let region = reader.text(node)?;
    let parts: Vec<&str> = region.value.split('-').collect();
    let words = parts.len() >= 3
        && parts[..parts.len() - 1]
            .iter()
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()));
    let number = parts
        .last()
        .is_some_and(|last| matches!(last.as_bytes(), [b'1'..=b'9']));
    if !words || !number {
        let message = format!("`{}` is no AWS region such as us-east-1", region.value);
        reader
            .report
            .push(Finding::error("facts/region", message, &region.place));
        return None;
    }
    Some(region)
}

fn account(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let account = reader.text(node)?;
    if account.value.len() != 12 || !account.value.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`{}` is no AWS account: twelve digits", account.value);
        reader
            .report
            .push(Finding::error("facts/account", message, &account.place).hint("keep it in quotes"));
        return None;
    }
    Some(account)
}

fn cidr(reader: &mut Reader<'_>, node: &Node) -> Option<Located<Cidr>> {
    if let Some(text) = node.text().filter(|text| text.contains(':')) {
        let message = format!("`{text}` is an IPv6 network");
        let hint = "nodes outside the VPC need an IPv4 cluster";
        reader
            .report
            .push(Finding::error("facts/ipv6", message, &node.place).hint(hint));
        return None;
    }
    reader.parsed(node, "facts/cidr")
}

fn cidrs(reader: &mut Reader<'_>, node: Option<&Node>) -> Vec<Located<Cidr>> {
    node.map(|node| reader.list(node).iter().filter_map(|item| cidr(reader, item)).collect())
        .unwrap_or_default()
}

fn ip_family(reader: &mut Reader<'_>, node: &Node) {
    if let Some(family) = reader.word(node, &[("ipv4", true), ("ipv6", false)])
        && !family.value
    {
        let message = "the cluster's services have IPv6 addresses only";
        let hint =
            "EKS takes nodes outside its VPC on IPv4 clusters only, and the family of a cluster cannot be changed";
        reader
            .report
            .push(Finding::error("facts/ipv6", message, &family.place).hint(hint));
    }
}

fn check_dns(reader: &mut Reader<'_>, facts: &ClusterFacts) {
    let cidr = &facts.service_cidr;
    if facts.dns_address().is_none() {
        let message = format!(
            "the cluster's DNS address, the tenth of {}, lies outside it",
            cidr.value
        );
        let hint = "EKS service networks are /12 to /24";
        reader
            .report
            .push(Finding::error("facts/dns", message, &cidr.place).hint(hint));
    }
}

/// Certificates in PEM, or in the base64 of PEM that `aws eks describe-cluster` prints.
fn certificates(reader: &mut Reader<'_>, node: &Node) -> Option<(Located<String>, Vec<CaCertificate>)> {
    let text = reader.text(node)?;
    let refuse = |reader: &mut Reader<'_>, message: String| {
        let hint = "paste the value of certificateAuthority.data, or the PEM it decodes to";
        reader
            .report
            .push(Finding::error("facts/ca", message, &text.place).hint(hint));
        None
    };
    let pem = if text.value.contains("-----BEGIN") {
        text.value.clone()
    } else {
        let compact: String = text.value.split_whitespace().collect();
        match base64::engine::general_purpose::STANDARD
            .decode(compact)
            .map(String::from_utf8)
        {
            Ok(Ok(decoded)) if decoded.contains("-----BEGIN") => decoded,
            _ => return refuse(reader, "this is neither a PEM certificate nor the base64 of one".into()),
        }
    };
    if pem.contains("PRIVATE KEY") {
        return refuse(
            reader,
            "this holds a private key; the CA bundle is public certificates only".into(),
        );
    }
    let mut found = Vec::new();
    for block in x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes()) {
        let parsed = block.map_err(|error| error.to_string()).and_then(|block| {
            let certificate = block.parse_x509().map_err(|error| error.to_string())?;
            Ok(CaCertificate {
                subject: certificate.subject().to_string(),
                not_before: certificate.validity().not_before.timestamp(),
                not_after: certificate.validity().not_after.timestamp(),
                is_ca: certificate.is_ca(),
                sha256: Sha256::of(&block.contents),
            })
        });
        match parsed {
            Ok(certificate) => found.push(certificate),
            Err(error) => {
                return refuse(
                    reader,
                    format!("certificate {} cannot be read: {error}", found.len() + 1),
                );
            }
        }
    }
    let begun = pem.matches("-----BEGIN CERTIFICATE-----").count();
    if found.is_empty() || found.len() != begun {
        return refuse(
            reader,
            format!("{begun} certificates begin here, {} can be read", found.len()),
        );
    }
    if let Some(leaf) = found.iter().find(|certificate| !certificate.is_ca) {
        return refuse(reader, format!("`{}` is not a certificate authority", leaf.subject));
    }
    let value = format!("{}\n", pem.trim());
    Some((
        Located {
            value,
            place: text.place,
        },
        found,
    ))
}

/// The finding for each certificate that is not valid at `now` (seconds since 1970) or ends within 30 days.
pub fn check_validity(facts: &ClusterFacts, now: i64) -> Vec<Finding> {
    const SOON: i64 = 30 * 86_400;
    let place: &Place = &facts.ca_pem.place;
    let mut findings = Vec::new();
    for certificate in &facts.ca {
        let subject = &certificate.subject;
        if certificate.not_after < now {
            let days = (now - certificate.not_after) / 86_400;
            let message = format!("the cluster's CA `{subject}` expired {days} days ago");
            findings.push(Finding::error("facts/ca-expired", message, place).hint("fetch the cluster's facts again"));
        } else if certificate.not_before > now {
            let message = format!("the cluster's CA `{subject}` is not valid yet");
            findings
                .push(Finding::error("facts/ca-not-yet-valid", message, place).hint("is this machine's clock right?"));
        } else if certificate.not_after < now + SOON {
            let days = (certificate.not_after - now) / 86_400;
            let message = format!("the cluster's CA `{subject}` ends in {days} days");
            findings.push(Finding::warning("facts/ca-ends-soon", message, place));
        }
    }
    findings
}
