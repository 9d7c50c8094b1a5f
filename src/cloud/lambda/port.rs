//! The calls.

use super::{Filesystem, FirewallRule, Image, Instance, InstanceOffer, Launch, Region, Ruleset, SshKey};
use crate::cloud::Trouble;

/// Lambda's API. Each call is one request, and none is repeated here: who calls knows what may be said twice.
pub trait Lambda {
    /// All regions.
    fn regions(&self) -> Result<Vec<Region>, Trouble>;
    /// All instance types, with the regions that have capacity now, by name.
    fn instance_types(&self) -> Result<Vec<InstanceOffer>, Trouble>;
    /// All images: one for each version and region.
    fn images(&self) -> Result<Vec<Image>, Trouble>;
    /// All filesystems.
    fn file_systems(&self) -> Result<Vec<Filesystem>, Trouble>;

    /// All instances that exist. One that was terminated is gone from here.
    fn instances(&self) -> Result<Vec<Instance>, Trouble>;
    /// One instance.
    fn instance(&self, id: &str) -> Result<Instance, Trouble>;
    /// Launches an instance; its id. After [`Kind::Unknown`](crate::cloud::Kind::Unknown) there may be one all the same.
    fn launch(&self, launch: &Launch) -> Result<String, Trouble>;
    /// Restarts an instance.
    fn restart(&self, id: &str) -> Result<(), Trouble>;
    /// Terminates an instance: its disk is gone.
    fn terminate(&self, id: &str) -> Result<(), Trouble>;

    /// All SSH keys.
    fn ssh_keys(&self) -> Result<Vec<SshKey>, Trouble>;
    /// Adds a public key. There is no call that has the cloud make a private one.
    fn add_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKey, Trouble>;
    /// Forgets a key. Instances that have it keep it.
    fn delete_ssh_key(&self, id: &str) -> Result<(), Trouble>;

    /// The rulesets of regions.
    fn rulesets(&self) -> Result<Vec<Ruleset>, Trouble>;
    /// One ruleset; [`GLOBAL`](super::GLOBAL) is the one that holds for all instances.
    fn ruleset(&self, id: &str) -> Result<Ruleset, Trouble>;
    /// Makes a ruleset in a region.
    fn create_ruleset(&self, name: &str, region: &str, rules: &[FirewallRule]) -> Result<Ruleset, Trouble>;
    /// Replaces all rules of a ruleset.
    fn set_rules(&self, id: &str, rules: &[FirewallRule]) -> Result<Ruleset, Trouble>;
    /// Deletes a ruleset that no instance uses.
    fn delete_ruleset(&self, id: &str) -> Result<(), Trouble>;
}
