//! Floor 0: the vocabulary every other floor speaks. Plain values and the report of findings; nothing here knows what
//! a node, a template or a cloud is.

mod arn;
mod cidr;
mod finding;
mod hash;
mod interface;
mod mirror;
mod mode;
mod names;
mod on_disk;
mod origin;
mod path;
mod payload;
mod plain;
mod plugin;
mod policy;
mod quantity;
mod secret;
mod source;
mod suggest;
mod url;
mod version;

pub use arn::{IamArn, Principal};
pub use cidr::Cidr;
pub use finding::{Finding, Note, Report, Severity};
pub use hash::{Sha256, hex};
pub use interface::InterfaceName;
pub use mirror::Mirror;
pub use mode::Mode;
pub use names::{LabelKey, LabelValue, NodeName, is_dns1123_label, is_dns1123_subdomain};
pub use on_disk::OnDisk;
pub use origin::Origin;
pub use path::AbsPath;
pub use payload::{Blobs, Member};
pub use plain::{has_tags, is_plain_ascii};
pub use plugin::PluginKind;
pub use policy::Policy;
pub use quantity::{MemoryMib, MilliCpu, quantity_value};
pub use secret::{Secret, masked, secrets};
pub use source::{Located, MAX_SOURCE_BYTES, Place, Source};
pub use suggest::{closest, misspelled};
pub use url::HttpsUrl;
pub use version::{KubeMinor, Version};
