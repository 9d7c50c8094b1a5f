//! The offline bundle: everything one or many nodes need, in one archive that a machine without a network can install.
//!
//! It holds plain files only. Archives among the artifacts are unpacked when it is baked, so that every file a machine
//! will have is listed with its digest, and the installer unpacks nothing but the bundle.

mod agree;
mod archive;
mod beside;
mod contents;
mod gzip;
mod list;
mod manifest;
mod sbom;

pub use archive::{BundleError, Packing};
pub use contents::{Bundle, BundledNode, Payload};
pub use list::{Line, MemberName, Part, STATE, parse_list, write_list};
pub use manifest::{BundleArtifact, BundleFile, BundleManifest, BundleNode, BundlePlugin, FORMAT};
