//! Which nodes are alike: the same hardware, image and profile, the same files with the same modes, the same order. What
//! such nodes differ in are lines of some files.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{File, NodeView};
use crate::base::Sha256;

/// Nodes that are alike, by their numbers. The first one stands for all.
pub(super) fn kinds(nodes: &[NodeView]) -> Vec<Vec<usize>> {
    let mut kinds: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<Sha256, usize> = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        let kind = *known.entry(likeness(node)).or_insert(kinds.len());
        match kinds.get_mut(kind) {
            Some(kind) => kind.push(at),
            None => kinds.push(vec![at]),
        }
    }
    kinds
}

/// The same for nodes that are alike.
fn likeness(node: &NodeView) -> Sha256 {
    let files: Vec<_> = node
        .files
        .iter()
        .map(|file| (file.plane, &file.path, file.mode, &file.template))
        .collect();
    let steps: Vec<_> = node.steps.iter().map(|step| (&step.name, &step.after)).collect();
    let taker = (&node.user_data.taker, node.user_data.max, node.user_data.gzipped);
    let machine = (&node.instance_type, &node.image, &node.profile, &node.resources);
    let all = format!(
        "{:?}",
        (
            machine,
            (&node.cluster, &node.kubernetes),
            node.max_pods,
            taker,
            files,
            steps
        )
    );
    Sha256::of(all.as_bytes())
}

/// The places of files that not all nodes of a kind have the same.
pub(super) fn own_files(nodes: &[&NodeView]) -> BTreeSet<usize> {
    let Some((first, others)) = nodes.split_first() else {
        return BTreeSet::new();
    };
    let differs = |(at, file): &(usize, &File)| others.iter().any(|other| other.files[*at].digest != file.digest);
    let files = first.files.iter().enumerate();
    files.filter(differs).map(|(at, _)| at).collect()
}
