//! How one node differs from its folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::change::Cause;
use super::diff::{Change, FileDiff, diff};
use super::golden::Golden;
use super::impact::{Impact, Impacts};
use super::leftovers::found_manifest;
use super::manifest::{Manifest, UserData, maker};
use super::words::grouped;
use crate::base::{OnDisk, Place};
use crate::catalog::Catalog;
use crate::plan::Plan;
use crate::verify::Trail;

/// The differences of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeDiff {
    /// The node.
    pub name: String,
    /// None: the folder is there and has the same files.
    pub change: Option<Change>,
    /// The most that any of the changes needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// How its user-data changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<UserDataChange>,
    /// The program that made the folder, if it was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// Templates that differ from those that made the folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<String>,
    /// Where its name is written.
    #[serde(skip)]
    pub place: Option<Place>,
    /// The files that differ.
    pub files: Vec<FileDiff>,
}

/// The user-data before and after; one of them may not be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserDataChange {
    /// As the folder's MANIFEST has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<UserData>,
    /// As it is baked now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<UserData>,
}

impl UserDataChange {
    /// In words: `user-data 26,736 → 27,001 bytes (+265)`.
    pub fn words(&self) -> String {
        let size = |side: &Option<UserData>| {
            side.as_ref().map_or("not known".into(), |data| {
                let packed = if data.gzipped { " gzip" } else { "" };
                format!("{}{packed}", grouped(data.bytes as u64))
            })
        };
        if let (Some(old), Some(new)) = (&self.old, &self.new)
            && (old.bytes, old.gzipped) == (new.bytes, new.gzipped)
        {
            return format!("user-data {} bytes as before, with other content", size(&self.new));
        }
        let mut text = format!("user-data {} → {} bytes", size(&self.old), size(&self.new));
        if let (Some(old), Some(new)) = (&self.old, &self.new) {
            let sign = if new.bytes < old.bytes { '-' } else { '+' };
            text.push_str(&format!(" ({sign}{})", grouped(new.bytes.abs_diff(old.bytes) as u64)));
        }
        text
    }
}

impl NodeDiff {
    /// A node without a folder, or a folder without a node.
    pub fn whole(name: String, change: Change) -> Self {
        Self {
            name,
            change: Some(change),
            impact: None,
            user_data: None,
            maker: None,
            templates: Vec::new(),
            place: None,
            files: Vec::new(),
        }
    }
}

impl NodeDiff {
    /// Says by which program and templates goldens were made that have the MANIFEST `text`.
    pub fn made_by(&mut self, text: &str, golden: &Golden<'_>) {
        self.compare_makers(&Manifest::parse(text), golden);
    }

    fn compare_makers(&mut self, old: &Manifest, golden: &Golden<'_>) {
        self.templates = old.other_templates(&Manifest::parse(golden.manifest()));
        self.maker = old.maker.clone().filter(|then| *then != maker());
    }
}

/// Compares the node of `plan` with what was read of its folder; `None` if there is no folder. `folder` is the folder's
/// name. What decided each new value is looked up in `plan` and `catalog`.
pub fn compare_node(
    golden: &Golden<'_>,
    (folder, found): (&str, Option<&BTreeMap<String, OnDisk>>),
    plan: &Plan,
    catalog: &Catalog,
    impacts: &Impacts,
) -> NodeDiff {
    let name = &plan.spec.name;
    let nothing = BTreeMap::new();
    let is_there = found.is_some();
    let found = found.unwrap_or(&nothing);
    let mut files = diff(golden, folder, found, impacts);
    let change = match files.is_empty() {
        true => None,
        false if is_there => Some(Change::Changed),
        false => Some(Change::Added),
    };
    let mut made = NodeDiff::whole(name.value.clone(), Change::Changed);
    made.place = Some(name.place.clone());
    made.change = change;
    if change.is_none() {
        return made;
    }
    for file in &mut files {
        explain(file, golden, plan, catalog);
    }
    made.impact = files.iter().map(|file| file.impact).max();
    made.files = files;
    if is_there {
        let old = found_manifest(found);
        made.compare_makers(&old, golden);
        if old.user_data.as_ref() != golden.user_data() {
            made.user_data = Some(UserDataChange {
                old: old.user_data.clone(),
                new: golden.user_data().cloned(),
            });
        }
    }
    made
}

/// Leads the new values of a file back to what decided them.
fn explain(file: &mut FileDiff, golden: &Golden<'_>, plan: &Plan, catalog: &Catalog) {
    let Some(entry) = golden.entry(&file.path) else { return };
    let trail = Trail::new(plan, catalog, entry);
    file.origin = Some(trail.made_by());
    if file.change == Change::Added {
        let lines = 1..=entry.text.lines().count();
        let steps = lines.flat_map(|line| trail.of(line)).filter_map(|step| step.place);
        file.place = steps.into_iter().find(|place| !is_built_in(catalog, place));
    }
    for item in &mut file.items {
        let Some(line) = item.new_line else { continue };
        let steps = trail.of(line).into_iter().map(|step| Cause {
            what: step.value.unwrap_or_else(|| "template".into()),
            origin: step.origin,
            place: step.place.filter(|place| !is_built_in(catalog, place)),
        });
        item.causes = steps.collect();
    }
}

/// Whether a place is in a file that is part of this program: nobody can open it.
fn is_built_in(catalog: &Catalog, place: &Place) -> bool {
    let name = &place.source.name;
    !catalog.is_overlaid(name) && catalog.file(name).is_some_and(|file| Arc::ptr_eq(file, &place.source))
}
