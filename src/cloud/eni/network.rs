//! Where an interface goes: the cluster's VPC, its security group, its subnets.

use super::Desk;
use crate::base::Cidr;
use crate::cloud::aws::patiently;
use crate::cloud::facts::no_cluster;
use crate::cloud::{Clock, Ec2, Eks, Kind, RouteTable, Trouble};
use crate::facts::ClusterFacts;

/// A subnet of the VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcSubnet {
    /// `subnet-…`
    pub id: String,
    /// Its availability zone, if it is known.
    pub zone: Option<String>,
    /// Its network.
    pub cidr: Cidr,
    /// Whether no route leads from it to an internet gateway, if that is known.
    pub private: Option<bool>,
    /// How many addresses are free, if that is known.
    pub free: Option<u32>,
}

/// Where interfaces of a cluster's nodes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The VPC.
    pub vpc: String,
    /// The security group that the control plane and its nodes share.
    pub group: String,
    /// The subnets.
    pub subnets: Vec<VpcSubnet>,
}

/// What the facts say of the network; what they leave out is asked.
pub fn network(desk: &Desk<'_>, eks: &dyn Eks, facts: &ClusterFacts) -> Result<Network, Trouble> {
    let stated = |value: &Option<crate::base::Located<String>>| value.as_ref().map(|value| value.value.clone());
    let (mut vpc, mut group) = (stated(&facts.vpc), stated(&facts.cluster_group));
    if vpc.is_none() || group.is_none() {
        let name = &facts.name.value;
        let cluster = match desk.ask(|| eks.describe_cluster(name)) {
            Err(trouble) if trouble.kind == Kind::NotFound => {
                return Err(no_cluster(trouble, eks, name, &facts.region.value));
            }
            answer => answer?,
        };
        vpc = vpc.or(cluster.vpc);
        group = group.or(cluster.cluster_group);
    }
    let missing = |what: &str| {
        let message = format!("EKS names no {what} of cluster {}", facts.name.value);
        Trouble::new(Kind::Malformed, message).hint("add it to cluster.yaml by hand")
    };
    let vpc = vpc.ok_or_else(|| missing("VPC"))?;
    let group = group.ok_or_else(|| missing("security group"))?;
    let subnets = if facts.subnets.is_empty() {
        vpc_subnets(desk.ec2, desk.clock, desk.told, &vpc)?
    } else {
        let known = |subnet: &crate::facts::Subnet| VpcSubnet {
            id: subnet.id.value.clone(),
            zone: stated(&subnet.zone),
            cidr: subnet.cidr.value,
            private: subnet.private.as_ref().map(|private| private.value),
            free: None,
        };
        facts.subnets.iter().map(known).collect()
    };
    Ok(Network { vpc, group, subnets })
}

/// Adds how many addresses are free, which no file can tell.
pub(super) fn count_free(desk: &Desk<'_>, network: &mut Network) -> Result<(), Trouble> {
    if network.subnets.iter().all(|subnet| subnet.free.is_some()) {
        return Ok(());
    }
    let now = desk.ask(|| desk.ec2.subnets(&network.vpc))?;
    for subnet in &mut network.subnets {
        let same = now.iter().find(|one| one.id == subnet.id);
        subnet.free = same.map(|one| one.free).or(subnet.free);
    }
    Ok(())
}

/// The subnets of a VPC, by zone, network and id.
pub fn vpc_subnets(
    ec2: &dyn Ec2,
    clock: &dyn Clock,
    told: &dyn Fn(&str),
    vpc: &str,
) -> Result<Vec<VpcSubnet>, Trouble> {
    let subnets = patiently(clock, told, || ec2.subnets(vpc))?;
    let tables = patiently(clock, told, || ec2.route_tables(vpc))?;
    let mut all = Vec::new();
    for subnet in subnets {
        let cidr = subnet.cidr.parse().map_err(|error: String| {
            Trouble::new(Kind::Malformed, format!("EC2's answer about {}: {error}", subnet.id))
        })?;
        all.push(VpcSubnet {
            private: is_private(&subnet.id, &tables),
            id: subnet.id,
            zone: Some(subnet.zone),
            cidr,
            free: Some(subnet.free),
        });
    }
    all.sort_by(|a, b| (&a.zone, a.cidr, &a.id).cmp(&(&b.zone, b.cidr, &b.id)));
    Ok(all)
}

/// A subnet is public if its route table, or the main one, has a route to an internet gateway (VPC user guide).
fn is_private(subnet: &str, tables: &[RouteTable]) -> Option<bool> {
    let own = tables
        .iter()
        .find(|table| table.subnets.iter().any(|one| one == subnet));
    let table = own.or_else(|| tables.iter().find(|table| table.main))?;
    Some(!table.to_internet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_as_private_as_its_route_table_or_the_main_one() {
        let main = RouteTable {
            main: true,
            ..RouteTable::default()
        };
        let public = RouteTable {
            subnets: vec!["a".into()],
            to_internet: true,
            ..RouteTable::default()
        };
        let tables = [main, public];
        assert_eq!(is_private("a", &tables), Some(false));
        assert_eq!(is_private("b", &tables), Some(true));
        assert_eq!(is_private("b", &tables[1..]), None);
    }
}
