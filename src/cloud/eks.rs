//! EKS, as a port: what is asked of it, and what it answers, before anybody judged it.

use super::Trouble;

/// What EKS is asked.
pub trait Eks {
    /// A cluster. `NotFound` if the account has none of that name in the region.
    fn describe_cluster(&self, name: &str) -> Result<Cluster, Trouble>;
    /// The names of all clusters in the region, sorted.
    fn list_clusters(&self) -> Result<Vec<String>, Trouble>;
}

/// A cluster as EKS describes it. What the answer leaves out is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its ARN, which has its region and account.
    pub arn: String,
    /// `ACTIVE`, `CREATING`, `UPDATING` …
    pub status: String,
    /// The Kubernetes minor.
    pub version: String,
    /// EKS' own release of that minor: `eks.12`.
    pub platform_version: Option<String>,
    /// The API server. Not there while the cluster is made.
    pub endpoint: Option<String>,
    /// The base64 of the CA bundle. Not there while the cluster is made.
    pub ca_data: Option<String>,
    /// Where services get their addresses, of an IPv4 cluster.
    pub service_cidr: Option<String>,
    /// `ipv4` or `ipv6`.
    pub ip_family: Option<String>,
    /// How principals are authenticated. Older answers leave it out.
    pub auth_mode: Option<String>,
    /// The VPC.
    pub vpc: Option<String>,
    /// The subnets that the control plane has its interfaces in.
    pub subnets: Vec<String>,
    /// The group EKS made, which control plane and nodes share.
    pub cluster_group: Option<String>,
    /// Further groups of the control plane.
    pub groups: Vec<String>,
    /// Whether the endpoint answers the internet, and the VPC. EKS has at least one of them: both false is no answer.
    pub public_access: bool,
    /// See [`Self::public_access`].
    pub private_access: bool,
    /// Who of the internet may ask the endpoint.
    pub public_cidrs: Vec<String>,
    /// `remoteNodeNetworks`.
    pub remote_node_cidrs: Vec<String>,
    /// `remotePodNetworks`.
    pub remote_pod_cidrs: Vec<String>,
}
