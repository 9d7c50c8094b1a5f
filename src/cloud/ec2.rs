//! EC2's networks and interfaces, as a port.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Trouble;

/// What EC2 is asked about networks and their interfaces.
pub trait Ec2 {
    /// The IPv4 networks of a VPC.
    fn vpc_cidrs(&self, vpc: &str) -> Result<Vec<String>, Trouble>;
    /// The subnets of a VPC that have IPv4 addresses.
    fn subnets(&self, vpc: &str) -> Result<Vec<Subnet>, Trouble>;
    /// The route tables of a VPC.
    fn route_tables(&self, vpc: &str) -> Result<Vec<RouteTable>, Trouble>;
    /// The interfaces that all filters let through. An id that is not there is no error here, other than with
    /// [`Self::interface`].
    fn interfaces(&self, filters: &[Filter]) -> Result<Vec<Interface>, Trouble>;
    /// One interface. `NotFound` if it is not there, or not yet.
    fn interface(&self, id: &str) -> Result<Interface, Trouble>;
    /// Makes an interface. With the token of an earlier call it makes no other one.
    fn create_interface(&self, new: &NewInterface) -> Result<Interface, Trouble>;
    /// Attaches an interface to an instance, as its card of that index; gives the attachment's id.
    fn attach_interface(&self, id: &str, instance: &str, index: u32) -> Result<String, Trouble>;
    /// Detaches.
    fn detach_interface(&self, attachment: &str) -> Result<(), Trouble>;
    /// Deletes an interface that is attached to nothing. `NotFound` if it is gone.
    fn delete_interface(&self, id: &str) -> Result<(), Trouble>;
    /// An instance. `NotFound` if it is not there.
    fn instance(&self, id: &str) -> Result<Instance, Trouble>;
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// Its availability zone.
    pub zone: String,
    /// Its network.
    pub cidr: String,
    /// How many addresses are free.
    pub free: u32,
}

/// A route table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// `rtb-…`
    pub id: String,
    /// Whether it is the one of subnets that name none.
    pub main: bool,
    /// The subnets that name it.
    pub subnets: Vec<String>,
    /// Whether a route leads to an internet gateway: its subnets are public then.
    pub to_internet: bool,
}

/// What interfaces are looked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// The VPC.
    Vpc(String),
    /// The private address.
    Address(Ipv4Addr),
    /// A tag and its value.
    Tag(String, String),
    /// A tag, whatever its value.
    TagKey(String),
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// `eni-…`
    pub id: String,
    /// Its description.
    pub description: String,
    /// `pending`, `available`, `in-use` …
    pub status: String,
    /// Its first private address.
    pub address: Option<Ipv4Addr>,
    /// Its private name. Not there if the VPC gives no names.
    pub private_dns: Option<String>,
    /// The VPC.
    pub vpc: String,
    /// The subnet.
    pub subnet: String,
    /// The availability zone.
    pub zone: String,
    /// Its security groups.
    pub groups: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What it is attached to.
    pub attachment: Option<Attachment>,
    /// Whether a service of AWS made it, and manages it.
    pub managed: bool,
}

/// What an interface is attached to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// `eni-attach-…`
    pub id: String,
    /// The instance; none if it is something else, such as a load balancer.
    pub instance: Option<String>,
    /// The index of the card. 0 cannot be detached.
    pub index: u32,
    /// `attaching`, `attached`, `detaching`, `detached`.
    pub status: String,
}

/// An interface to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInterface {
    /// The subnet.
    pub subnet: String,
    /// The security groups.
    pub groups: Vec<String>,
    /// A certain address; otherwise EC2 takes a free one.
    pub address: Option<Ipv4Addr>,
    /// The description.
    pub description: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Makes the call the same one if it is made again.
    pub token: String,
}

/// An instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// `pending`, `running`, `stopped` …
    pub state: String,
    /// The VPC.
    pub vpc: String,
    /// The availability zone.
    pub zone: String,
    /// The indexes of its cards.
    pub indexes: Vec<u32>,
}
