//! A document of two kilobytes that fetches a bundle, holds it against its digest, and installs it. For boxes that have
//! some network, and for clouds that take little user-data.

use super::Artifact;
use super::bundle::BundleManifest;
use super::cloud_init::fitting;
use super::document::Carried;
use super::pack::Packer;
use crate::base::{HttpsUrl, Mode, Report, Sha256};
use crate::plan::Plan;
use crate::verify::Verified;

/// The script. It is gone with the next boot; what it installs stays.
const SCRIPT: &str = include_str!("bundle/bootstrap.sh");

/// Where cloud-init puts it.
const PLACE: &str = "/run/nodebake/bootstrap";

/// A bundle that machines fetch.
#[derive(Debug, Clone)]
pub struct Published {
    /// Where it will be.
    pub url: HttpsUrl,
    /// The digest of the archive.
    pub sha256: Sha256,
    /// What is in it.
    pub manifest: BundleManifest,
}

/// The user-data of a node that installs `bundle`. Refuses a bundle that was baked of something else.
pub fn bootstrap(plan: &Plan, verified: &Verified, bundle: &Published, packer: &Packer) -> Result<Artifact, Report> {
    bundle.manifest.agrees(plan, verified)?;
    let script = Carried {
        path: PLACE.to_owned(),
        mode: Mode::PRIVATE,
        text: SCRIPT,
    };
    let digest = bundle.sha256.to_string();
    let command = ["sh", PLACE, bundle.url.as_str(), &digest, &plan.spec.name.value];
    fitting(plan, &[script], &command, packer)
}
