//! EC2's instances, security groups and kept addresses, as a port.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::cloud::Trouble;

/// What EC2 is asked about a proxy. Each call is one request, carried out once.
pub trait Instances {
    /// The AMI of an id. `NotFound` if there is none.
    fn ami(&self, id: &str) -> Result<Ami, Trouble>;
    /// The AMIs of an owner whose names fit a pattern, of an architecture as EC2 names it.
    fn amis(&self, owner: &str, pattern: &str, arch: &str) -> Result<Vec<Ami>, Trouble>;
    /// The VPC of a subnet. `NotFound` if there is no such subnet.
    fn vpc_of(&self, subnet: &str) -> Result<String, Trouble>;
    /// The security groups with a tag, whatever its value if none is said.
    fn groups(&self, tag: &str, value: Option<&str>) -> Result<Vec<Group>, Trouble>;
    /// Makes a security group; gives its id. `Exists` if the VPC has one of the name.
    fn create_group(&self, new: &NewGroup) -> Result<String, Trouble>;
    /// Lets TCP connections from the members of another group in. `Exists` if it did already.
    fn allow(&self, group: &str, from: &str, port: u16) -> Result<(), Trouble>;
    /// Deletes a group that nothing uses. `NotFound` if it is gone.
    fn delete_group(&self, id: &str) -> Result<(), Trouble>;
    /// The instances with a tag, those that ended a short while ago among them.
    fn machines(&self, tag: &str, value: Option<&str>) -> Result<Vec<Machine>, Trouble>;
    /// Starts an instance. With the token of an earlier call it starts no other one.
    fn run(&self, new: &NewMachine) -> Result<Machine, Trouble>;
    /// Adds private addresses to an interface. Those that it has already are no error.
    fn assign(&self, interface: &str, addresses: &[Ipv4Addr]) -> Result<(), Trouble>;
    /// Ends an instance. `NotFound` if it is gone.
    fn terminate(&self, id: &str) -> Result<(), Trouble>;
    /// The kept public addresses with a tag.
    fn kept(&self, tag: &str, value: Option<&str>) -> Result<Vec<KeptAddress>, Trouble>;
    /// Takes a public address that stays.
    fn allocate(&self, tags: &BTreeMap<String, String>) -> Result<KeptAddress, Trouble>;
    /// Gives a kept address to an instance.
    fn associate(&self, allocation: &str, instance: &str) -> Result<(), Trouble>;
    /// Gives a kept address back. `NotFound` if that was done.
    fn release(&self, allocation: &str) -> Result<(), Trouble>;
}

/// An AMI.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ami {
    /// `ami-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who made it.
    pub owner: String,
    /// When, as EC2 writes it: sorts by time.
    pub created: String,
    /// `x86_64`, `arm64`
    pub arch: String,
    /// The device of its root disk.
    pub root: String,
}

/// A security group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// `sg-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What it lets in: protocol, ports, and the group or network.
    pub allows: Vec<(String, Option<u16>, Option<u16>, String)>,
}

/// A security group to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// What it is for.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// `i-…`
    pub id: String,
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping`, `stopped`.
    pub state: String,
    /// `t4g.small`
    pub kind: String,
    /// Its AMI.
    pub ami: String,
    /// Its subnet.
    pub subnet: String,
    /// Its first interface.
    pub interface: String,
    /// That one's private addresses, the first one first.
    pub addresses: Vec<Ipv4Addr>,
    /// Its public address, if it has one now.
    pub public: Option<Ipv4Addr>,
    /// Its security groups.
    pub groups: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was started, as EC2 writes it.
    pub launched: String,
}

impl Machine {
    /// Whether it ended, or is about to.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "shutting-down" | "terminated")
    }
}

/// An instance to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMachine {
    /// The AMI.
    pub ami: String,
    /// Its root device, which is encrypted.
    pub root: String,
    /// `t4g.small`
    pub kind: String,
    /// The subnet.
    pub subnet: String,
    /// The security group.
    pub group: String,
    /// The private addresses of its interface, its own first.
    pub addresses: Vec<Ipv4Addr>,
    /// Whether it gets a public address of its own for its life. One that is kept is given later.
    pub with_public: bool,
    /// The user-data, as it is, before base64.
    pub user_data: Vec<u8>,
    /// The tags of instance, disk and interface.
    pub tags: BTreeMap<String, String>,
    /// Makes the call the same one if it is made again.
    pub token: String,
}

/// A public address that stays (an Elastic IP).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptAddress {
    /// `eipalloc-…`
    pub id: String,
    /// The address.
    pub address: Option<Ipv4Addr>,
    /// The instance that has it.
    pub instance: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}
