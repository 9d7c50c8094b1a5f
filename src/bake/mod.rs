//! Floor 5: verified trees to artifacts. The same tree gives the same bytes, whatever machine bakes it.

mod budget;
pub mod bundle;
mod cloud_init;
mod gzip;
mod nocloud;
mod pack;

pub use budget::{Budget, Share};
pub use cloud_init::{STAGE, user_data};
pub use nocloud::seed_image;
pub use pack::Packer;

use crate::base::Report;
use crate::base::Sha256;
use crate::plan::Plan;
use crate::verify::Verified;

/// A way to bake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One `#cloud-config` document.
    CloudInit,
    /// A disk image for cloud-init's `NoCloud`.
    NoCloud,
}

impl Format {
    /// All formats, with their word and what they make.
    pub const ALL: [(&'static str, Self, &'static str); 2] = [
        (
            "cloud-init",
            Self::CloudInit,
            "user-data: one #cloud-config document, plain text, or gzip where the provider takes it",
        ),
        (
            "nocloud",
            Self::NoCloud,
            "seed image: a small FAT volume CIDATA with user-data and meta-data, for machines that no cloud serves",
        ),
    ];

    /// Bakes a node in this way.
    pub fn bake(self, plan: &Plan, verified: &Verified, packer: &Packer) -> Result<Artifact, Report> {
        match self {
            Self::CloudInit => user_data(plan, verified, packer),
            Self::NoCloud => seed_image(plan, verified),
        }
    }

    /// How the name of a file with `artifact` ends.
    pub fn ending(self, artifact: &Artifact) -> &'static str {
        match self {
            Self::CloudInit if artifact.gzipped => "yaml.gz",
            Self::CloudInit => "yaml",
            Self::NoCloud => "img",
        }
    }
}

/// Baked bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub sha256: Sha256,
    /// Whether they are compressed as a whole.
    pub gzipped: bool,
    /// How they fill what may be taken.
    pub budget: Budget,
}
