//! Whether a bundle is what would be baked of a node now.

use std::collections::BTreeMap;

use super::manifest::{BundleManifest, BundleNode};
use crate::base::{Finding, Report, Sha256};
use crate::plan::Plan;
use crate::verify::Verified;

impl BundleManifest {
    /// Refuses unless it has the node of `plan`, with these files and these artifacts.
    pub fn agrees(&self, plan: &Plan, verified: &Verified) -> Result<(), Report> {
        let Some(why) = self.difference(plan, verified) else {
            return Ok(());
        };
        let finding = Finding::error("bake/bundle-differs", why, &plan.spec.name.place);
        Err(finding.hint("bake the bundle again, of the same files").into())
    }

    /// The first thing in which they differ.
    fn difference(&self, plan: &Plan, verified: &Verified) -> Option<String> {
        let name = plan.spec.name.value.as_str();
        let Some(node) = self.nodes.iter().find(|node| node.name == name) else {
            let has: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
            return Some(format!("the bundle has no node `{name}`, it has {}", has.join(", ")));
        };
        files_differ(node, verified)
            .or_else(|| self.artifacts_differ(node, plan))
            .map(|what| format!("the bundle was baked of something else: {what}"))
    }

    fn artifacts_differ(&self, node: &BundleNode, plan: &Plan) -> Option<String> {
        let mut bundled: BTreeMap<&str, &str> = self
            .artifacts
            .iter()
            .filter(|artifact| node.artifacts.contains(&artifact.name))
            .map(|artifact| (artifact.sha256.as_str(), artifact.name.as_str()))
            .collect();
        for artifact in &plan.artifacts {
            let sha256 = artifact.sha256.to_string();
            if bundled.remove(sha256.as_str()).is_none() {
                return Some(format!("it has no {} with sha256 {sha256}", artifact.label()));
            }
        }
        let (_, name) = bundled.pop_first()?;
        Some(format!("it has {name}, which the node does not need"))
    }
}

fn files_differ(node: &BundleNode, verified: &Verified) -> Option<String> {
    let mut bundled: BTreeMap<(&str, &str), (&str, &str)> = node
        .files
        .iter()
        .map(|file| {
            (
                (file.plane.as_str(), file.path.as_str()),
                (file.mode.as_str(), file.sha256.as_str()),
            )
        })
        .collect();
    for entry in verified.tree().iter() {
        let (path, plane) = (entry.path.as_str(), entry.plane.word());
        let sha256 = Sha256::of(entry.text.as_bytes()).to_string();
        match bundled.remove(&(plane, path)) {
            None => return Some(format!("it has no {path}")),
            Some((_, other)) if other != sha256 => return Some(format!("its {path} has another content")),
            Some((mode, _)) if mode != entry.mode.to_string() => {
                return Some(format!("its {path} has mode {mode}, not {}", entry.mode));
            }
            Some(_) => {}
        }
    }
    let ((_, path), _) = bundled.pop_first()?;
    Some(format!("it has {path}, which the node has not"))
}
