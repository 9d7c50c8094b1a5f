//! What is there.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{Desk, Group, KeptAddress, Machine};
use crate::cloud::aws::patiently;
use crate::cloud::{Kind, Trouble};
use crate::plan::{CLUSTER_TAG, PROXY_TAG};

/// A proxy as `proxy list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its cluster.
    pub cluster: String,
    /// Its instance, its state and its type; none if only other things are left of it.
    pub machine: Option<Machine>,
    /// Its kept public address.
    pub kept: Option<KeptAddress>,
    /// Its security group.
    pub group: Option<String>,
}

impl Listed {
    /// The public address that firewalls may let in.
    pub fn public(&self) -> Option<Ipv4Addr> {
        let kept = self.kept.as_ref().and_then(|kept| kept.address);
        kept.or_else(|| self.machine.as_ref().and_then(|machine| machine.public))
    }
}

impl Desk<'_> {
    /// Asks patiently: for calls that change nothing, or may be made twice.
    pub(super) fn ask<T>(&self, call: impl FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
        patiently(self.clock, self.told, call)
    }
}

/// What is there of one proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct There {
    pub(super) machine: Option<Machine>,
    /// Instances that ended, oldest first.
    pub(super) ended: Vec<String>,
    pub(super) group: Option<Group>,
    pub(super) kept: Option<KeptAddress>,
}

/// The cluster that something is tagged with.
pub(super) fn cluster_of(tags: &BTreeMap<String, String>) -> String {
    let cluster = tags.get(CLUSTER_TAG).map(|cluster| format!("of cluster {cluster}"));
    cluster.unwrap_or_else(|| "of no cluster".into())
}

impl There {
    /// What is not of this cluster. A name is one cluster's in an account and region.
    pub(super) fn strangers(&self, cluster: &str) -> Vec<String> {
        let machine = self.machine.iter().map(|one| (&one.id, &one.tags));
        let group = self.group.iter().map(|one| (&one.id, &one.tags));
        let kept = self.kept.iter().map(|one| (&one.id, &one.tags));
        let all = machine.chain(group).chain(kept);
        all.filter(|(_, tags)| tags.get(CLUSTER_TAG).is_none_or(|is| is != cluster))
            .map(|(id, tags)| format!("{id} is {}", cluster_of(tags)))
            .collect()
    }
}

/// The one of a kind; two are nobody's to choose between.
fn only<T>(mut all: Vec<T>, what: &str, name: &str, ids: impl Fn(&T) -> String) -> Result<Option<T>, Trouble> {
    if all.len() > 1 {
        let ids: Vec<String> = all.iter().map(ids).collect();
        let message = format!("{} {what} are tagged {PROXY_TAG}={name}: {}", all.len(), ids.join(", "));
        let hint = "take the tag off all but one, or delete them; nodebake makes one and touches one";
        return Err(Trouble::new(Kind::Refused, message).hint(hint));
    }
    Ok(all.pop())
}

/// The instance of a proxy that has not ended, and those that have.
pub(super) fn machine(desk: &Desk<'_>, name: &str) -> Result<(Option<Machine>, Vec<String>), Trouble> {
    let mut all = desk.ask(|| desk.ec2.machines(PROXY_TAG, Some(name)))?;
    all.sort_by(|a, b| a.launched.cmp(&b.launched).then_with(|| a.id.cmp(&b.id)));
    let (over, running): (Vec<_>, Vec<_>) = all.into_iter().partition(Machine::is_over);
    let one = only(running, "instances", name, |machine| machine.id.clone())?;
    Ok((one, over.into_iter().map(|machine| machine.id).collect()))
}

pub(super) fn group(desk: &Desk<'_>, name: &str) -> Result<Option<Group>, Trouble> {
    let all = desk.ask(|| desk.ec2.groups(PROXY_TAG, Some(name)))?;
    only(all, "security groups", name, |group| group.id.clone())
}

pub(super) fn kept(desk: &Desk<'_>, name: &str) -> Result<Option<KeptAddress>, Trouble> {
    let all = desk.ask(|| desk.ec2.kept(PROXY_TAG, Some(name)))?;
    only(all, "Elastic IPs", name, |kept| kept.id.clone())
}

pub(super) fn there(desk: &Desk<'_>, name: &str) -> Result<There, Trouble> {
    let (machine, ended) = machine(desk, name)?;
    Ok(There {
        machine,
        ended,
        group: group(desk, name)?,
        kept: kept(desk, name)?,
    })
}

/// Every proxy of the account in this region, by name. Instances that ended are left out.
pub fn list(desk: &Desk<'_>) -> Result<Vec<Listed>, Trouble> {
    let mut all: Vec<Listed> = Vec::new();
    let tag = |tags: &BTreeMap<String, String>, key: &str| tags.get(key).cloned().unwrap_or_default();
    let machines = desk.ask(|| desk.ec2.machines(PROXY_TAG, None))?;
    for machine in machines.into_iter().filter(|machine| !machine.is_over()) {
        all.push(Listed {
            name: tag(&machine.tags, PROXY_TAG),
            cluster: tag(&machine.tags, CLUSTER_TAG),
            machine: Some(machine),
            kept: None,
            group: None,
        });
    }
    let empty = |name: String, cluster: String| Listed {
        name,
        cluster,
        machine: None,
        kept: None,
        group: None,
    };
    for kept in desk.ask(|| desk.ec2.kept(PROXY_TAG, None))? {
        let name = tag(&kept.tags, PROXY_TAG);
        match all.iter_mut().find(|one| one.name == name && one.kept.is_none()) {
            Some(one) => one.kept = Some(kept),
            None => all.push(Listed {
                kept: Some(kept.clone()),
                ..empty(name, tag(&kept.tags, CLUSTER_TAG))
            }),
        }
    }
    for group in desk.ask(|| desk.ec2.groups(PROXY_TAG, None))? {
        let name = tag(&group.tags, PROXY_TAG);
        match all.iter_mut().find(|one| one.name == name && one.group.is_none()) {
            Some(one) => one.group = Some(group.id),
            None => all.push(Listed {
                group: Some(group.id),
                ..empty(name, tag(&group.tags, CLUSTER_TAG))
            }),
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}
