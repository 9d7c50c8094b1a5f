//! Writing a `cluster.yaml`, so that [`super::read`] reads back what was written.

use crate::syntax::yaml::{block_scalar, scalar};

/// The values of a `cluster.yaml`, as they are to be written. What is `None` or empty is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The command that writes it anew.
    pub command: String,
    /// See [`super::ClusterFacts`], here and below.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// Its minor.
    pub version: String,
    /// EKS' release of it.
    pub platform: Option<String>,
    /// `CONFIG_MAP` …
    pub auth_mode: String,
    /// The API server.
    pub endpoint: String,
    /// Public, private, and who may ask.
    pub access: Option<(bool, bool, Vec<String>)>,
    /// Services.
    pub service_cidr: String,
    /// Hybrid nodes.
    pub remote_node_cidrs: Vec<String>,
    /// Their pods.
    pub remote_pod_cidrs: Vec<String>,
    /// The VPC.
    pub vpc: Option<String>,
    /// The group EKS made.
    pub cluster_group: Option<String>,
    /// Further groups.
    pub groups: Vec<String>,
    /// The VPC's networks.
    pub vpc_cidrs: Vec<String>,
    /// Its subnets: id, zone, network, whether it is private.
    pub subnets: Vec<(String, Option<String>, String, Option<bool>)>,
    /// The CA bundle in PEM.
    pub ca_pem: String,
    /// Remarks, a line each.
    pub remarks: Vec<String>,
}

/// The text. The same draft always gives the same bytes.
pub fn write(draft: &Draft) -> String {
    let mut text = format!(
        "# The facts of cluster {}: what only the cluster knows. Public values; no secret is among them.\n\
         # Written by `{}`. Review and commit it;\n\
         # the same command compares it with the cluster and renews it.\n",
        draft.name, draft.command
    );
    for remark in &draft.remarks {
        text += &format!("# {remark}\n");
    }
    text += &format!(
        "apiVersion: nodebake/v1\nkind: Cluster\nmetadata: {{ name: {} }}\nspec:\n",
        scalar(&draft.name)
    );
    text += "  # From eks:DescribeCluster.\n";
    let mut line = |key: &str, value: String| text += &format!("  {key}: {value}\n");
    line("region", scalar(&draft.region));
    line("account", scalar(&draft.account));
    line("kubernetesVersion", scalar(&draft.version));
    if let Some(platform) = &draft.platform {
        line("platformVersion", scalar(platform));
    }
    line("authenticationMode", scalar(&draft.auth_mode));
    line("endpoint", url(&draft.endpoint));
    if let Some((public, private, cidrs)) = &draft.access {
        line("endpointAccess", String::new());
        line("  public", public.to_string());
        line("  private", private.to_string());
        if !cidrs.is_empty() {
            line("  publicAccessCidrs", list(cidrs));
        }
    }
    line("ipFamily", "ipv4".into());
    line("serviceCidr", network(&draft.service_cidr));
    for (key, cidrs) in [
        ("remoteNodeCidrs", &draft.remote_node_cidrs),
        ("remotePodCidrs", &draft.remote_pod_cidrs),
    ] {
        if !cidrs.is_empty() {
            line(key, list(cidrs));
        }
    }
    for (key, value) in [("vpcId", &draft.vpc), ("clusterSecurityGroupId", &draft.cluster_group)] {
        if let Some(value) = value {
            line(key, scalar(value));
        }
    }
    if !draft.groups.is_empty() {
        line("securityGroupIds", list(&draft.groups));
    }
    if !draft.vpc_cidrs.is_empty() {
        text += &format!("  # From ec2:DescribeVpcs.\n  vpcCidrs: {}\n", list(&draft.vpc_cidrs));
    }
    if !draft.subnets.is_empty() {
        text += "  # From ec2:DescribeSubnets. Private: its route table leads to no internet gateway (ec2:DescribeRouteTables).\n";
        text += "  subnets:\n";
        for (id, zone, cidr, private) in &draft.subnets {
            let zone = zone.as_ref().map(|zone| format!("zone: {}, ", scalar(zone)));
            let private = private.map(|private| format!(", private: {private}"));
            text += &format!(
                "    - {{ id: {}, {}cidr: {}{} }}\n",
                scalar(id),
                zone.unwrap_or_default(),
                network(cidr),
                private.unwrap_or_default()
            );
        }
    }
    let ca = format!("{}\n", draft.ca_pem.trim());
    text += "  # Every certificate of the bundle: two while the CA is rotated.\n";
    text += &format!("  certificateAuthority: {}", block_scalar(&ca, 4));
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Networks and URLs are plain text to every reader as long as they are what they should be.
fn network(text: &str) -> String {
    match text.parse::<crate::base::Cidr>() {
        Ok(_) => text.to_owned(),
        Err(_) => scalar(text),
    }
}

fn url(text: &str) -> String {
    match text.parse::<crate::base::HttpsUrl>() {
        Ok(_) if !text.contains(['@', '%', '~']) => text.to_owned(),
        _ => scalar(text),
    }
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| network(item)).collect();
    format!("[{}]", items.join(", "))
}
