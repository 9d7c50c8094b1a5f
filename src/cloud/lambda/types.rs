//! What the API speaks of, as far as nodebake reads it. What a machine's Jupyter is opened with is left out: it is a
//! secret, and nothing here needs it.

use serde::Serialize;

/// A region. There are no zones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Region {
    /// `us-west-1`
    pub name: String,
    /// `California, USA`
    pub description: String,
}

/// What machine code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Architecture {
    /// amd64
    #[serde(rename = "x86_64")]
    X86_64,
    /// arm64
    #[serde(rename = "arm64")]
    Arm64,
}

impl Architecture {
    /// As the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// The hardware of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceType {
    /// `gpu_1x_a10`
    pub name: String,
    /// `1x A10 (24 GB PCIe)`: the memory of a GPU stands here only.
    pub description: String,
    /// `A10 (24 GB PCIe)`; `N/A` where there is none.
    pub gpu_description: String,
    /// Of the whole instance, in US cents.
    pub cents_per_hour: u64,
    /// Virtual CPUs.
    pub vcpus: u64,
    /// Memory in GiB: a label, machines differ by some percent.
    #[serde(rename = "memoryGiB")]
    pub memory_gib: u64,
    /// Root disk in GiB.
    #[serde(rename = "storageGiB")]
    pub storage_gib: u64,
    /// GPUs.
    pub gpus: u64,
    /// The API says it since August 2026, its document does not.
    pub architecture: Option<Architecture>,
}

/// An instance type, and where it can be had now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceOffer {
    /// The type.
    #[serde(flatten)]
    pub kind: InstanceType,
    /// Regions with capacity, sorted.
    pub regions: Vec<Region>,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It starts.
    Booting,
    /// It runs.
    Active,
    /// It runs and does not answer the cloud.
    Unhealthy,
    /// It is being taken away.
    Terminating,
    /// It is gone.
    Terminated,
    /// The cloud took it away.
    Preempted,
    /// A status the API did not have when this was written.
    #[serde(untagged)]
    Other(String),
}

impl Status {
    /// As the API says it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Booting => "booting",
            Self::Active => "active",
            Self::Unhealthy => "unhealthy",
            Self::Terminating => "terminating",
            Self::Terminated => "terminated",
            Self::Preempted => "preempted",
            Self::Other(word) => word,
        }
    }

    /// Whether it is gone or going: nothing brings it back, and it is no longer a node's.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Terminating | Self::Terminated | Self::Preempted)
    }
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// 32 hex digits.
    pub id: String,
    /// For people.
    pub name: Option<String>,
    /// The public address, once it has one.
    pub ip: Option<String>,
    /// The private address; some regions tell none.
    pub private_ip: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// The keys that log in.
    pub ssh_keys: Vec<String>,
    /// Filesystems it has.
    pub file_systems: Vec<String>,
    /// Where it runs.
    pub region: Region,
    /// What it runs on.
    pub instance_type: InstanceType,
    /// Its host name.
    pub hostname: Option<String>,
    /// Whether it can be restarted now.
    pub may_restart: bool,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// The rulesets it has, by id.
    pub rulesets: Vec<String>,
}

impl Instance {
    /// The value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags
            .iter()
            .find(|(own, _)| own == key)
            .map(|(_, value)| value.as_str())
    }

    /// The node it was launched for, if nodebake did.
    pub fn node(&self) -> Option<&str> {
        self.tag(super::NODE_TAG)
    }

    /// The cluster of that node.
    pub fn cluster(&self) -> Option<&str> {
        self.tag(super::CLUSTER_TAG)
    }
}

/// Which image an instance gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageChoice {
    /// This one, and no other.
    Id(String),
    /// The newest of a family at the moment of the launch.
    Family(String),
}

/// A launch.
#[derive(Clone, PartialEq, Eq)]
pub struct Launch {
    /// Where.
    pub region: String,
    /// On what.
    pub instance_type: String,
    /// The one SSH key.
    pub ssh_key: String,
    /// The image.
    pub image: ImageChoice,
    /// What cloud-init reads: plain text.
    pub user_data: String,
    /// For people, up to 64 characters.
    pub name: Option<String>,
    /// `/etc/hostname`: lower-case letters, digits and `-`, no dots, up to 63 characters.
    pub hostname: Option<String>,
    /// Filesystems, by name, at their own mount points.
    pub file_systems: Vec<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Rulesets of the region, by id.
    pub rulesets: Vec<String>,
}

impl std::fmt::Debug for Launch {
    /// Without the user-data: it is long, and the API calls it a password.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Launch")
            .field("region", &self.region)
            .field("instance_type", &self.instance_type)
            .field("ssh_key", &self.ssh_key)
            .field("image", &self.image)
            .field("user_data", &format_args!("{} bytes", self.user_data.len()))
            .field("name", &self.name)
            .field("hostname", &self.hostname)
            .field("file_systems", &self.file_systems)
            .field("tags", &self.tags)
            .field("rulesets", &self.rulesets)
            .finish()
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SshKey {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// As in `authorized_keys`.
    pub public_key: String,
}

/// An image, in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its id; another one in each region.
    pub id: String,
    /// For people.
    pub name: String,
    /// `lambda-stack-22-04`
    pub family: String,
    /// `22.4.5-2141`
    pub version: String,
    /// What it runs on.
    pub architecture: Architecture,
    /// When it was made, as the API writes it: an RFC 3339 time.
    pub created: String,
    /// Where it is.
    pub region: Region,
}

/// A filesystem that outlives instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filesystem {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where instances have it.
    pub mount_point: String,
    /// Where it is; an instance must be there too.
    pub region: Region,
}

/// What a rule lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// ICMP; it has no ports.
    Icmp,
    /// Everything
    All,
}

impl Protocol {
    /// As the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::All => "all",
        }
    }
}

/// One rule: what is let in. Everything else is not, and all that goes out is free.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirewallRule {
    /// What.
    pub protocol: Protocol,
    /// The first and the last port; none for ICMP.
    pub ports: Option<(u16, u16)>,
    /// Whose packets: an IPv4 network.
    pub source: String,
    /// Why, up to 128 characters.
    pub description: String,
}

/// The id of the ruleset that holds for all instances of the account.
pub const GLOBAL: &str = "global";

/// Rules that instances share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ruleset {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where its instances are; the global one has no region.
    pub region: Option<Region>,
    /// Its rules.
    pub rules: Vec<FirewallRule>,
    /// The instances that use it.
    pub instances: Vec<String>,
}
