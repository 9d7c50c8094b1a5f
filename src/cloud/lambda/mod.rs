//! Lambda Cloud: its API as a port, and what a launch there takes.
//!
//! The API is described by its OpenAPI document, version 1.10.0 (<https://github.com/api-evangelist/lambda-labs>). It has
//! no idempotency keys: what tells a launch of ours from all others is its tags.

mod choose;
pub mod firewall;
mod image;
pub mod keys;
mod launching;
mod offers;
mod patient;
mod port;
mod types;
pub mod wire;

pub use choose::{Choice, Stock, Where, Wish, choose};
pub use image::newest;
pub use launching::{carry_out, find_late, of_node, restart, terminate, wait_for_capacity, watch};
pub use offers::{cents, dollars, gpu_memory};
pub use patient::{LADDER, Pace, Patient};
pub use port::Lambda;
pub use types::{
    Architecture, Filesystem, FirewallRule, GLOBAL, Image, ImageChoice, Instance, InstanceOffer, InstanceType, Launch,
    Protocol, Region, Ruleset, SshKey, Status,
};

/// The tag with the node's name: an instance that has it is that node's.
pub const NODE_TAG: &str = "nodebake-node";

/// The tag with its cluster's name: two clusters may each have a node of one name.
pub const CLUSTER_TAG: &str = "nodebake-cluster";

/// The tag that tells one launch from all others.
pub const LAUNCH_TAG: &str = "nodebake-launch";
