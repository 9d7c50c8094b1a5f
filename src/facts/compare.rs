//! What differs between two `cluster.yaml`, by meaning.

use x509_parser::time::ASN1Time;

use super::{CaCertificate, ClusterFacts, Subnet};
use crate::base::Located;

/// Every address, as EKS says it of a public endpoint that anybody may ask.
const EVERYBODY: &str = "0.0.0.0/0";

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which, as `cluster.yaml` names it.
    pub what: &'static str,
    /// What it was; none if it was not there.
    pub old: Option<String>,
    /// What it is; none if it is not there any more.
    pub new: Option<String>,
    /// What that means to nodes, where it is not plain.
    pub meaning: Option<&'static str>,
    /// Whether the old file states this value, or the list it belongs to, at all.
    pub stated: bool,
}

impl Change {
    /// Whether a node that is baked with the old file may be another one than with the new: false for EKS' own release
    /// of the minor, for a subnet that was only added, and for what the old file never stated.
    pub fn concerns_nodes(&self) -> bool {
        let only_added = self.old.is_none();
        self.stated && self.what != "platformVersion" && !(self.what == "subnets" && only_added)
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.old, &self.new) {
            (None, Some(new)) => write!(out, "{}: + {new}", self.what)?,
            (Some(old), None) => write!(out, "{}: - {old}", self.what)?,
            (old, new) => {
                let text = |side: &Option<String>| side.clone().unwrap_or_default();
                write!(out, "{}: {} → {}", self.what, text(old), text(new))?;
            }
        }
        match self.meaning {
            Some(meaning) => write!(out, " ({meaning})"),
            None => Ok(()),
        }
    }
}

/// Every value that differs, in the order of the file. Comments, spelling and the order of lists make no difference.
pub fn compare(old: &ClusterFacts, new: &ClusterFacts) -> Vec<Change> {
    let mut all = Vec::new();
    let mut one = |what, old: Option<String>, new: Option<String>, meaning| {
        if old != new {
            all.push(Change {
                what,
                stated: old.is_some(),
                old,
                new,
                meaning,
            });
        }
    };
    let other = Some("is it the same cluster?");
    let is = |text: String| Some(text);
    one("name", is(old.name.value.clone()), is(new.name.value.clone()), other);
    one(
        "region",
        is(old.region.value.clone()),
        is(new.region.value.clone()),
        other,
    );
    one(
        "account",
        is(old.account.value.clone()),
        is(new.account.value.clone()),
        other,
    );
    one(
        "kubernetesVersion",
        is(old.minor.value.to_string()),
        is(new.minor.value.to_string()),
        Some("decides the kubelet's version: bake the nodes anew"),
    );
    one(
        "platformVersion",
        text(old.platform.as_ref()),
        text(new.platform.as_ref()),
        None,
    );
    one(
        "authenticationMode",
        is(old.auth_mode.value.to_string()),
        is(new.auth_mode.value.to_string()),
        Some("decides how nodes are mapped"),
    );
    one(
        "endpoint",
        is(old.endpoint.value.to_string()),
        is(new.endpoint.value.to_string()),
        Some("a cluster keeps its endpoint for life: was it made anew under this name?"),
    );
    let flag = |facts: &ClusterFacts, private: bool| {
        let access = facts.access.as_ref()?;
        let flag = if private { &access.private } else { &access.public };
        Some(flag.value.to_string())
    };
    one("endpointAccess.public", flag(old, false), flag(new, false), None);
    one("endpointAccess.private", flag(old, true), flag(new, true), None);
    let service = Some("a cluster keeps it for life: was it made anew under this name?");
    one(
        "serviceCidr",
        is(old.service_cidr.value.to_string()),
        is(new.service_cidr.value.to_string()),
        service,
    );
    one("vpcId", text(old.vpc.as_ref()), text(new.vpc.as_ref()), other);
    one(
        "clusterSecurityGroupId",
        text(old.cluster_group.as_ref()),
        text(new.cluster_group.as_ref()),
        None,
    );
    let access = |facts: &ClusterFacts| -> Vec<String> {
        let Some(access) = &facts.access else { return Vec::new() };
        // Everybody may ask a public endpoint that names nobody.
        if access.public.value && access.public_cidrs.is_empty() {
            return vec![EVERYBODY.into()];
        }
        texts(&access.public_cidrs)
    };
    items(&mut all, "endpointAccess.publicAccessCidrs", &access(old), &access(new));
    items(
        &mut all,
        "remoteNodeCidrs",
        &texts(&old.remote_node_cidrs),
        &texts(&new.remote_node_cidrs),
    );
    items(
        &mut all,
        "remotePodCidrs",
        &texts(&old.remote_pod_cidrs),
        &texts(&new.remote_pod_cidrs),
    );
    items(&mut all, "securityGroupIds", &texts(&old.groups), &texts(&new.groups));
    items(&mut all, "vpcCidrs", &texts(&old.vpc_cidrs), &texts(&new.vpc_cidrs));
    let subnets = |facts: &ClusterFacts| -> Vec<String> { facts.subnets.iter().map(told).collect() };
    items(&mut all, "subnets", &subnets(old), &subnets(new));
    authorities(&mut all, &old.ca, &new.ca);
    all
}

fn text(value: Option<&Located<String>>) -> Option<String> {
    value.map(|value| value.value.clone())
}

fn texts<T: ToString>(values: &[Located<T>]) -> Vec<String> {
    values.iter().map(|value| value.value.to_string()).collect()
}

fn told(subnet: &Subnet) -> String {
    let zone = subnet.zone.as_ref().map_or("zone not known", |zone| &zone.value);
    let kind = match subnet.private.as_ref().map(|private| private.value) {
        Some(true) => "private",
        Some(false) => "public",
        None => "not known whether private",
    };
    format!("{} {} {zone} {kind}", subnet.id.value, subnet.cidr.value)
}

/// Items of lists that are sets, one by one.
fn items(all: &mut Vec<Change>, what: &'static str, old: &[String], new: &[String]) {
    let stated = !old.is_empty();
    let gone = old.iter().filter(|item| !new.contains(item));
    let come = new.iter().filter(|item| !old.contains(item));
    let changes = gone
        .map(|item| (Some(item.clone()), None))
        .chain(come.map(|item| (None, Some(item.clone()))));
    all.extend(changes.map(|(old, new)| Change {
        what,
        stated,
        old,
        new,
        meaning: None,
    }));
}

/// The CA, certificate by certificate: a rotation first adds the next one, and later takes the old one away.
fn authorities(all: &mut Vec<Change>, old: &[CaCertificate], new: &[CaCertificate]) {
    let has = |side: &[CaCertificate], one: &CaCertificate| side.iter().any(|other| other.sha256 == one.sha256);
    let stays = old.iter().any(|one| has(new, one));
    let changes = [
        (old, new, "certificateAuthority", false),
        (new, old, "certificateAuthority", true),
    ];
    for (side, other, what, added) in changes {
        for one in side.iter().filter(|one| !has(other, one)) {
            let meaning = match (stays, added) {
                (true, true) => {
                    "the CA is being rotated: every node needs the bundle with both before the old one goes"
                }
                (true, false) => "a rotation has ended: nodes that trust this one alone are cut off",
                (false, _) => "none of the old certificates is left: is it the same cluster?",
            };
            let text = Some(certificate(one));
            let (old, new) = if added { (None, text) } else { (text, None) };
            all.push(Change {
                what,
                old,
                new,
                meaning: Some(meaning),
                stated: true,
            });
        }
    }
}

fn certificate(one: &CaCertificate) -> String {
    format!(
        "{} sha256 {} valid {} to {}",
        one.subject,
        one.sha256,
        day(one.not_before),
        day(one.not_after)
    )
}

/// The day in UTC.
fn day(seconds: i64) -> String {
    ASN1Time::from_timestamp(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_datetime().date().to_string())
}
