//! A node now beside what the inputs of a git revision render, by the same program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::load::Inputs;
use super::{Common, Failure, Loaded, Ui, goldens, load, report};
use crate::bake::Packer;
use crate::base::{OnDisk, Policy};
use crate::edge::git::Revision;
use crate::review::{self, Change, Golden, MANIFEST, NodeDiff};
use crate::verify;

/// A rendered node as it would lie in a folder.
type Folder = BTreeMap<String, OnDisk>;

/// Every node beside what it was in the revision `name`. `dir` is where that revision has its goldens, if it has.
pub(super) fn compare(
    ui: &Ui,
    loaded: Loaded,
    (node, dir): (&Path, Option<&Path>),
    name: &str,
    common: &Common,
) -> Result<Vec<NodeDiff>, Failure> {
    let revision = Revision::open(name, node)?;
    let (was_fleet, mut old) = before(ui, &revision, name, node, common)?;
    let is_fleet = loaded.is_fleet;
    if !was_fleet && !is_fleet && old.len() == 1 && loaded.nodes.len() == 1 {
        // A single node is the same one under whatever name.
        let name = loaded.nodes[0].0.name.value.clone();
        old = old.into_values().map(|folder| (name.clone(), folder)).collect();
    }
    let paths: Vec<PathBuf> = loaded
        .nodes
        .iter()
        .filter_map(|(spec, _)| Some(goldens::folder(dir?, &spec.name.value, is_fleet).join(MANIFEST)))
        .collect();
    let mut manifests: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (path, bytes) in paths.iter().zip(revision.read_all(&paths)?) {
        manifests.extend(bytes.map(|bytes| (path.clone(), String::from_utf8_lossy(&bytes).into_owned())));
    }
    if let Some(dir) = dir
        && manifests.is_empty()
    {
        ui.talk(&format!("{name} has no goldens in {}", dir.display()));
    }
    let impacts = goldens::impacts(ui, &loaded.catalog, common)?;
    let packer = Packer::default();
    let (compared, findings) = loaded.build_with(|built, catalog| {
        let plan = &built.plan;
        let golden = Golden::new(built.verified.tree(), goldens::user_data(&built, &packer));
        let found = old.get(&plan.spec.name.value);
        let mut node = review::compare_node(&golden, (name, found), plan, catalog, &impacts);
        let manifest = dir.map(|dir| goldens::folder(dir, &plan.spec.name.value, is_fleet).join(MANIFEST));
        if let Some(manifest) = manifest.and_then(|path| manifests.get(&path)) {
            node.made_by(manifest, &golden);
        }
        Ok(node)
    });
    load::settle(ui, &findings, common)?;
    let mut nodes = compared.ok_or(Failure::Findings)?;
    let names: BTreeSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
    nodes.extend(
        old.into_keys()
            .filter(|name| !names.contains(name))
            .map(|name| NodeDiff::whole(name, Change::Removed)),
    );
    Ok(nodes)
}

/// What the inputs of the revision render. Its findings are history: they do not keep anybody from comparing.
fn before(
    ui: &Ui,
    revision: &Revision,
    name: &str,
    node: &Path,
    common: &Common,
) -> Result<(bool, BTreeMap<String, Folder>), Failure> {
    if revision.read(node)?.is_none() {
        ui.talk(&format!("{name} has no {}: all of it is new", node.display()));
        return Ok((false, BTreeMap::new()));
    }
    let policy = Policy {
        allow: verify::checks().map(|check| check.id.to_owned()).collect(),
        ..Policy::default()
    };
    // A catalog that the revision did not have yet is no catalog.
    let catalog = match common.catalog.as_deref() {
        Some(folder) if revision.walk(folder).is_err() => {
            ui.talk(&format!(
                "{name} has no {}: its inputs take the built-in catalog",
                folder.display()
            ));
            None
        }
        other => other,
    };
    let failed = |findings: &crate::base::Report| {
        report::print_all(ui, findings, common.short);
        ui.talk(&format!(
            "the inputs of {name} ({}) cannot be rendered with this nodebake",
            revision.short()
        ));
        Failure::Findings
    };
    let inputs = Inputs::Git(revision, name);
    let (loaded, findings) = Loaded::read_from(inputs, node, catalog, &common.plugins, policy);
    let loaded = loaded.ok_or_else(|| failed(&findings))?;
    let (was_fleet, count) = (loaded.is_fleet, loaded.nodes.len());
    let packer = Packer::default();
    let (built, findings) = loaded.build(|built| {
        let golden = Golden::new(built.verified.tree(), goldens::user_data(&built, &packer));
        Ok((built.plan.spec.name.value.clone(), golden.as_found()))
    });
    let built = built.unwrap_or_default();
    if built.len() < count {
        return Err(failed(&findings));
    }
    Ok((was_fleet, built.into_iter().collect()))
}
