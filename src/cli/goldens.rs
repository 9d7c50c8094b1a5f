//! Folders of goldens: what `render`, `diff` and `golden` share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::bake::{self, Packer};
use crate::base::{MAX_SOURCE_BYTES, OnDisk};
use crate::edge::fs;
use crate::pipeline::Built;
use crate::review::{self, UserData};

/// What is baked of a node, for its MANIFEST. Nothing for a node that no user-data can be baked of: its files are
/// reviewed all the same, and `bake` says why.
pub(super) fn user_data(built: &Built, packer: &Packer) -> Option<UserData> {
    let artifact = bake::user_data(&built.plan, &built.verified, packer).ok()?;
    Some(UserData {
        bytes: artifact.bytes.len(),
        gzipped: artifact.gzipped,
        sha256: artifact.sha256,
    })
}

/// The folder of the node `name` in `dir`.
pub(super) fn folder(dir: &Path, name: &str, is_fleet: bool) -> PathBuf {
    if is_fleet { dir.join(name) } else { dir.to_owned() }
}

/// What lies in a folder; `None` if there is none.
pub(super) fn read(folder: &Path) -> Result<Option<BTreeMap<String, OnDisk>>, fs::FsError> {
    if !fs::exists(folder) {
        return Ok(None);
    }
    fs::read_tree(folder, &review::roots(), MAX_SOURCE_BYTES as u64).map(Some)
}

/// Says that a folder is none of goldens.
pub(super) fn no_goldens(folder: &Path) -> Failure {
    Failure::Usage(format!(
        "{} is no folder that `nodebake render` wrote: it has neither MANIFEST nor files of a node",
        folder.display()
    ))
}
