//! A network interface for each node: made in the cluster's VPC, found again by its tags, attached and deleted.
//!
//! Nothing is remembered between two runs but by tags. Whatever ends a run, the next one finds what it made.

mod create;
mod delete;
mod find;
mod network;
mod wait;

use std::net::Ipv4Addr;

pub use create::{Decided, carry_out, decide, token};
pub use delete::{Removal, removal, remove};
pub use find::{Whose, all, by_tag, find, holder};
pub use network::{Network, VpcSubnet, network, vpc_subnets};

use super::aws::patiently;
use super::{Clock, Ec2, Trouble};

/// The tag with the node's name, `metadata.name` of its node.yaml.
pub const NODE_TAG: &str = "nodebake/node";
/// The tag with the cluster's name.
pub const CLUSTER_TAG: &str = "nodebake/cluster";

/// What is needed to ask.
#[derive(Clone, Copy)]
pub struct Desk<'d> {
    /// EC2.
    pub ec2: &'d dyn Ec2,
    /// The clock.
    pub clock: &'d dyn Clock,
    /// Hears what is waited for.
    pub told: &'d dyn Fn(&str),
}

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Desk")
    }
}

impl Desk<'_> {
    /// Asks, patiently.
    fn ask<T>(&self, call: impl FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
        patiently(self.clock, self.told, call)
    }
}

/// The interface that is wanted.
#[derive(Debug, Clone)]
pub struct Want {
    /// The cluster.
    pub cluster: String,
    /// The node.
    pub node: String,
    /// Its address, if a certain one is wanted.
    pub address: Option<Ipv4Addr>,
    /// The subnet, if a certain one is wanted.
    pub subnet: Option<String>,
    /// The instance it is to be attached to; otherwise it stays free.
    pub attach: Option<String>,
}
