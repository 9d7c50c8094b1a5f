//! Floor 5: verified trees to artifacts. The same tree gives the same bytes, whatever machine bakes it.

mod budget;
mod cloud_init;
mod gzip;

pub use budget::{Budget, Share};
pub use cloud_init::{STAGE, user_data};

use crate::base::Sha256;

/// A way to bake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One `#cloud-config` document.
    CloudInit,
}

impl Format {
    /// All formats, with their word and what they make.
    pub const ALL: [(&'static str, Self, &'static str); 1] = [(
        "cloud-init",
        Self::CloudInit,
        "user-data: one #cloud-config document, plain text, or gzip where the provider takes it",
    )];
}

/// Baked bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub sha256: Sha256,
    /// Whether they are gzip, not text.
    pub gzipped: bool,
    /// How they fill the provider's limit.
    pub budget: Budget,
}
