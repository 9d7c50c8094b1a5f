//! Folders of goldens: what `render`, `diff` and `golden` share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Common, Failure, Loaded, Ui, load, report};
use crate::bake::{self, Packer};
use crate::base::{MAX_SOURCE_BYTES, OnDisk};
use crate::catalog::Catalog;
use crate::edge::fs;
use crate::pipeline::Built;
use crate::review::{self, Change, Golden, Impacts, MANIFEST, NodeDiff, UserData};

/// How differences are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For a comment of a pull request, within GitHub's limit
    Markdown,
    /// For programs
    Json,
    /// For code scanning, SARIF 2.1.0
    Sarif,
    /// For a GitHub workflow, which shows them at their lines
    Github,
}

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

/// What changes need.
pub(super) fn impacts(ui: &Ui, catalog: &Catalog, common: &Common) -> Result<Impacts, Failure> {
    Impacts::read(catalog).map_err(|failed| {
        report::print(ui, &failed, common.short);
        Failure::Findings
    })
}

/// Every node beside its folder in `dir`, on all CPUs. Folders of no node of a fleet are told too.
pub(super) fn compare(
    ui: &Ui,
    loaded: Loaded,
    dir: &Path,
    again: &str,
    common: &Common,
) -> Result<Vec<NodeDiff>, Failure> {
    let is_fleet = loaded.is_fleet;
    let impacts = impacts(ui, &loaded.catalog, common)?;
    let packer = Packer::default();
    let (compared, findings) = loaded.build_with(|built, catalog| {
        let folder = folder(dir, &built.plan.spec.name.value, is_fleet);
        let found = match read(&folder) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let golden = Golden::new(built.verified.tree(), user_data(&built, &packer));
        let is_none = found.as_ref().is_some_and(BTreeMap::is_empty);
        let shown = folder.display().to_string();
        let node = review::compare_node(&golden, (&shown, found.as_ref()), &built.plan, catalog, &impacts);
        Ok(Ok((node, folder, is_none)))
    });
    load::settle(ui, &findings, common)?;
    if !fs::exists(dir) {
        let missing = anyhow::anyhow!("{} is not there: `{again}` writes it", dir.display());
        return Err(Failure::World(missing));
    }
    let mut nodes = Vec::new();
    for one in compared.ok_or(Failure::Findings)? {
        let (node, folder, is_none) = one?;
        if is_none && !is_fleet {
            return Err(no_goldens(&folder));
        }
        nodes.push(node);
    }
    if is_fleet {
        let names: std::collections::BTreeSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
        let others = fs::marked_folders(dir, MANIFEST)?.into_iter();
        nodes.extend(
            others
                .filter(|name| !names.contains(name))
                .map(|name| NodeDiff::whole(name, Change::Removed)),
        );
    }
    Ok(nodes)
}

/// Says that a folder is none of goldens.
fn no_goldens(folder: &Path) -> Failure {
    Failure::Usage(format!(
        "{} is no folder that `nodebake render` wrote: it has neither MANIFEST nor files of a node",
        folder.display()
    ))
}
