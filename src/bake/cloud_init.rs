//! `--format cloud-init`: one `#cloud-config` document that stages every file and starts first boot.
//!
//! Files go under [`STAGE`], not to their final place: the first-boot script checks the machine before it touches
//! anything, keeps what it replaces, and can be run again. One document, because a second `#cloud-config` part would
//! replace `write_files` of the first; no `## template: jinja`, because it drops a document over a `{#` in a script;
//! one `runcmd`, because only the last command's status counts.

use super::Artifact;
use super::budget::{Budget, Share};
use super::document::{self, Carried};
use super::local;
use super::pack::Packer;
use crate::base::{Finding, Report, Sha256};
use crate::catalog::Plane;
use crate::plan::Plan;
use crate::verify::Verified;

/// Where the files of the node wait for first boot.
pub const STAGE: &str = "/var/lib/nodebake/stage";

/// The script that first boot runs, under the stage.
const FIRST_BOOT: &str = "/usr/local/lib/nodebake/first-boot";

/// The node's user-data. Refuses a document that is larger than the provider takes.
pub fn user_data(plan: &Plan, verified: &Verified, packer: &Packer) -> Result<Artifact, Report> {
    local::on_the_web(plan)?;
    let files = carried(verified);
    let script = format!("{STAGE}{FIRST_BOOT}");
    fitting(plan, &files, &["bash", &script], packer)
}

/// The document of `files` and `command` in the form that is smallest for the provider, if it takes it.
pub(super) fn fitting(
    plan: &Plan,
    files: &[Carried<'_>],
    command: &[&str],
    packer: &Packer,
) -> Result<Artifact, Report> {
    let (text, mut shares) = document::smallest(plan, files, command, packer)?;
    let mut bytes = text.into_bytes();
    let mut gzipped = false;
    if plan.provider.gzip {
        // Compressed as a whole the files share a dictionary; inside they stay plain, or it would be paid for twice.
        let (plain, plain_shares) = document::plainest(plan, files, command)?;
        let whole = packer.gzip(plain.as_bytes());
        if whole.len() < bytes.len() {
            (bytes, shares, gzipped) = (whole, plain_shares, true);
        }
    }
    let limit = usize::try_from(plan.provider.max_bytes).unwrap_or(usize::MAX);
    let budget = Budget::new(&plan.provider.name, bytes.len(), Some(limit), shares);
    if !budget.fits() {
        let message = format!("the user-data is too large: {budget}");
        let finding = Finding::error("bake/budget", message, &plan.spec.instance_type.place);
        return Err(finding
            .hint(format!("the largest parts are {}", budget.biggest(5)))
            .into());
    }
    Ok(Artifact {
        sha256: Sha256::of(&bytes),
        bytes,
        gzipped,
        budget,
        ending: if gzipped { "yaml.gz" } else { "yaml" }.into(),
    })
}

/// The document with every file as plain text, whatever its size.
pub(super) fn plain(plan: &Plan, verified: &Verified) -> Result<(String, Vec<Share>), Report> {
    local::on_the_web(plan)?;
    let script = format!("{STAGE}{FIRST_BOOT}");
    document::plainest(plan, &carried(verified), &["bash", &script])
}

/// The node's files, at the stage.
fn carried(verified: &Verified) -> Vec<Carried<'_>> {
    let entries = verified.tree().plane(Plane::Node);
    entries
        .map(|entry| Carried {
            path: format!("{STAGE}{}", entry.path),
            mode: entry.mode,
            text: &entry.text,
        })
        .collect()
}
