//! Floor 5: verified trees to artifacts. The same tree gives the same bytes, whatever machine bakes it.

mod bootstrap;
mod budget;
pub mod bundle;
mod cloud_init;
mod document;
mod gzip;
mod local;
mod nocloud;
mod pack;

pub use bootstrap::{Published, bootstrap};
pub use budget::{Budget, Share};
pub use cloud_init::{STAGE, user_data};
pub use nocloud::seed_image;
pub use pack::Packer;

use std::borrow::Cow;

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
    /// An archive with everything, for machines without a network.
    Tarball,
}

/// How a node is baked for itself.
pub type BakeOne = fn(&Plan, &Verified, &Packer) -> Result<Artifact, Report>;

impl Format {
    /// All formats, with their word and what they make.
    pub const ALL: [(&'static str, Self, &'static str); 3] = [
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
        (
            "tarball",
            Self::Tarball,
            "offline bundle: .tar.gz or .tar.zst with all files, all artifacts and an installer; a fleet shares one",
        ),
    ];

    /// How a node is baked in this way; `None` for a [`bundle`], which is written while it is made.
    pub fn one(self) -> Option<BakeOne> {
        match self {
            Self::CloudInit => Some(user_data),
            Self::NoCloud => Some(|plan, verified, _| seed_image(plan, verified)),
            Self::Tarball => None,
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
    /// How the name of a file with them ends.
    pub ending: Cow<'static, str>,
}

impl Artifact {
    /// Bytes that somebody else made, and that no provider's limit is known for.
    pub fn unlimited(bytes: Vec<u8>, ending: String) -> Self {
        Self {
            sha256: Sha256::of(&bytes),
            gzipped: false,
            budget: Budget::new("a plugin's format", bytes.len(), None, Vec::new()),
            ending: ending.into(),
            bytes,
        }
    }
}
