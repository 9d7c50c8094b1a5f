//! What a launch is to end in.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::base::Sha256;
use crate::cloud::{Kind, Trouble};
use crate::plan::{CLUSTER_TAG, PROXY_TAG, Plan};

/// The tag with the first digits of the digest of the user-data that an instance was started with.
pub(super) const USER_DATA_TAG: &str = "nodebake/user-data";

/// Which AMI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AmiChoice {
    /// This one.
    Id(String),
    /// The newest of an owner whose name fits.
    Newest {
        /// The account that publishes it.
        owner: String,
        /// Its name, with `*`.
        pattern: String,
    },
}

/// A proxy as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Its name.
    pub name: String,
    /// Its cluster.
    pub cluster: String,
    /// The cluster's security group, whose members alone may connect.
    pub cluster_group: String,
    /// The port they connect to.
    pub port: u16,
    /// The VPC, if the facts know it: the subnet must be of it.
    pub vpc: Option<String>,
    /// The subnet.
    pub subnet: String,
    /// `t4g.small`
    pub kind: String,
    /// The architecture as EC2 names it.
    pub arch: &'static str,
    /// The AMI.
    pub ami: AmiChoice,
    /// Its own private address.
    pub address: Ipv4Addr,
    /// The satellites' addresses.
    pub satellites: Vec<Ipv4Addr>,
    /// The user-data.
    pub user_data: Vec<u8>,
    /// Whether it gets a public address that stays.
    pub keeps_address: bool,
}

impl Want {
    /// The proxy of a plan with its user-data. What is said at the command goes before what its documents say.
    pub fn of(
        plan: &Plan,
        user_data: Vec<u8>,
        subnet: Option<&str>,
        ami: Option<&str>,
        keeps_address: bool,
    ) -> Result<Self, Trouble> {
        let refuse = |message: &str, hint: &str| Err(Trouble::new(Kind::Refused, message).hint(hint));
        let Some(proxy) = plan.spec.proxy() else {
            return refuse("this is no proxy", "name a document of `kind: Proxy`");
        };
        if plan.provider.name != "ec2" {
            return refuse(
                "the instance type is not one of EC2's",
                "a proxy stands in the cluster's VPC",
            );
        }
        let said = proxy.launch.subnet.as_ref().map(|id| id.value.as_str());
        let Some(subnet) = subnet.or(said) else {
            return refuse(
                "the subnet of the proxy is not known",
                "say --subnet, or `launch: { subnet: … }` in its document: a public one of the cluster's VPC",
            );
        };
        let Some(group) = &plan.facts.cluster_group else {
            return refuse(
                "the facts do not name the cluster's security group, which alone may connect",
                "`nodebake facts eks` writes `clusterSecurityGroupId` into cluster.yaml",
            );
        };
        let said = proxy.launch.ami.as_ref().map(|id| id.value.as_str());
        let ami = match (ami.or(said), &plan.image.ec2) {
            (Some(id), _) => AmiChoice::Id(id.to_owned()),
            // The owner is the one of the partition `aws`.
            (None, Some(ec2)) if plan.facts.partition() == "aws" => AmiChoice::Newest {
                owner: ec2.owner.clone(),
                pattern: ec2.pattern(plan.instance_type.arch),
            },
            (None, _) => {
                return refuse(
                    "which AMI is the image is not known",
                    "say --ami, or `launch: { ami: … }` in its document",
                );
            }
        };
        let arch = match plan.instance_type.arch.as_str() {
            "arm64" => "arm64",
            _ => "x86_64",
        };
        Ok(Self {
            name: plan.spec.name.value.clone(),
            cluster: plan.facts.name.value.clone(),
            cluster_group: group.value.clone(),
            port: plan
                .book
                .get("proxy.port")
                .and_then(|port| port.value().as_u64())
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(10_250),
            vpc: plan.facts.vpc.as_ref().map(|vpc| vpc.value.clone()),
            subnet: subnet.to_owned(),
            kind: plan.instance_type.name.clone(),
            arch,
            ami,
            address: proxy.address.value,
            satellites: proxy.satellites.iter().map(|one| one.address.value).collect(),
            user_data,
            keeps_address,
        })
    }

    /// The name of its security group.
    pub(super) fn group_name(&self) -> String {
        format!("nodebake-proxy-{}", self.name)
    }

    /// The digest of its user-data, as the tag has it.
    pub(super) fn user_data_mark(&self) -> String {
        Sha256::of(&self.user_data).to_string()[..16].to_owned()
    }

    /// The tags of everything that is made for it.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let tags = [
            ("Name", &self.name),
            (PROXY_TAG, &self.name),
            (CLUSTER_TAG, &self.cluster),
        ];
        tags.into_iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }

    /// What EC2 tells two launches apart by: the same machine has the same token, and once one of them ended, the next
    /// one has another. EC2 answers a token it knows with the instance it made, even if that has ended since: who did
    /// not know that it ended takes the next `round`.
    pub(super) fn token(&self, ami: &str, group: &str, ended: &[String], round: u32) -> String {
        let addresses: Vec<String> = self.satellites.iter().map(ToString::to_string).collect();
        let seed = format!(
            "{} {} {} {} {ami} {group} {} {} {} {} {round}",
            self.cluster,
            self.name,
            self.subnet,
            self.kind,
            self.address,
            addresses.join(" "),
            self.user_data_mark(),
            ended.join(" "),
        );
        format!("nodebake-{}", &Sha256::of(seed.as_bytes()).to_string()[..40])
    }
}
