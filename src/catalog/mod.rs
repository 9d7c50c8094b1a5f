//! Floor 1: the catalog. Profiles, images, instance types, providers, templates and version tables, built in, and
//! overlaid file by file by a user's own folder. Read on demand: a bake touches the few files it needs.

mod artifact;
mod cache;
mod cloud_init;
mod containerd;
mod files;
mod image;
mod instance_type;
mod kubernetes;
mod netplan;
mod profile;
mod provider;
mod rows;
mod sizing;
mod stored;
mod template;

pub use artifact::{Arch, Artifact};
pub use cloud_init::CloudConfigKey;
pub use containerd::ContainerdTable;
pub use files::Catalog;
pub use image::{Ec2Image, Image, Presence};
pub use instance_type::{Generation, Gpu, InstanceType};
pub use kubernetes::{Covers, FeatureGate, FeatureGates, Field, FieldType, Flag, KubeletFlags, KubeletSchema, Word};
pub use netplan::{NetplanKey, NetplanTable};
pub use profile::{Machine, Naming, Profile};
pub use provider::{ApiPace, Provider, WireEncoding};
pub use rows::Rows;
pub use sizing::{DiskTier, MemoryRule, SizingRow, SizingTable};
pub use template::{Plane, Template};
