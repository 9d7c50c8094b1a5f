//! EKS by the SDK.

use aws_sdk_eks::Client;
use aws_sdk_eks::types;

use super::Session;
use crate::cloud::{Cluster, Eks, Kind, Trouble};

/// EKS, asked by a session.
#[derive(Debug)]
pub struct EksCalls<'s> {
    session: &'s Session,
    client: Client,
}

impl Session {
    /// EKS.
    pub fn eks(&self) -> EksCalls<'_> {
        EksCalls {
            session: self,
            client: Client::new(&self.config),
        }
    }
}

impl Eks for EksCalls<'_> {
    fn describe_cluster(&self, name: &str) -> Result<Cluster, Trouble> {
        let call = self.client.describe_cluster().name(name).send();
        let answer = self.session.ask("eks:DescribeCluster", call)?;
        answer
            .cluster
            .map(cluster)
            .ok_or_else(|| Trouble::new(Kind::Malformed, "EKS answers without a cluster"))
    }

    fn list_clusters(&self) -> Result<Vec<String>, Trouble> {
        let pages = self.client.list_clusters().into_paginator().items().send();
        let mut names = self
            .session
            .ask("eks:ListClusters", pages.collect::<Result<Vec<String>, _>>())?;
        names.sort();
        Ok(names)
    }
}

/// The answer in our words.
fn cluster(told: types::Cluster) -> Cluster {
    let network = told.kubernetes_network_config;
    let vpc = told.resources_vpc_config;
    let remote = told.remote_network_config;
    let mut all = Cluster {
        name: told.name.unwrap_or_default(),
        arn: told.arn.unwrap_or_default(),
        status: told.status.map(|status| status.to_string()).unwrap_or_default(),
        version: told.version.unwrap_or_default(),
        platform_version: told.platform_version,
        endpoint: told.endpoint,
        ca_data: told.certificate_authority.and_then(|authority| authority.data),
        auth_mode: told
            .access_config
            .and_then(|access| access.authentication_mode)
            .map(|mode| mode.to_string()),
        ..Cluster::default()
    };
    if let Some(network) = network {
        all.service_cidr = network.service_ipv4_cidr;
        all.ip_family = network.ip_family.map(|family| family.to_string());
    }
    if let Some(vpc) = vpc {
        all.vpc = vpc.vpc_id;
        all.subnets = vpc.subnet_ids.unwrap_or_default();
        all.cluster_group = vpc.cluster_security_group_id;
        all.groups = vpc.security_group_ids.unwrap_or_default();
        all.public_access = vpc.endpoint_public_access;
        all.private_access = vpc.endpoint_private_access;
        all.public_cidrs = vpc.public_access_cidrs.unwrap_or_default();
    }
    if let Some(remote) = remote {
        let nodes = remote.remote_node_networks.unwrap_or_default().into_iter();
        let pods = remote.remote_pod_networks.unwrap_or_default().into_iter();
        all.remote_node_cidrs = nodes.flat_map(|network| network.cidrs.unwrap_or_default()).collect();
        all.remote_pod_cidrs = pods.flat_map(|network| network.cidrs.unwrap_or_default()).collect();
    }
    all
}
