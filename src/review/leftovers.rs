//! What an earlier render left in a folder. A file that it wrote and that is made no more would be taken for a part of
//! the node by whoever reviews the folder, so it goes; nothing else is touched.

use std::collections::BTreeMap;

use super::golden::Golden;
use super::manifest::{MANIFEST, Manifest};
use crate::base::OnDisk;
use crate::catalog::Plane;

/// What a folder holds beside the files of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Written by an earlier render, untouched since, and made no more.
    pub stale: Vec<String>,
    /// Written by an earlier render, made no more, and changed since.
    pub edited: Vec<String>,
    /// Not written by nodebake.
    pub foreign: Vec<String>,
    /// What stands in the way of a file, in words.
    pub in_the_way: Vec<String>,
    /// The line at which the MANIFEST of the earlier render is damaged.
    pub damage: Option<usize>,
}

/// The paths of a folder that a render fills: the planes and the MANIFEST. What lies beside them is not looked at.
pub fn roots() -> Vec<&'static str> {
    Plane::ALL.iter().map(|plane| plane.word()).chain([MANIFEST]).collect()
}

/// The MANIFEST among what was read of a folder.
pub(super) fn found_manifest(found: &BTreeMap<String, OnDisk>) -> Manifest {
    match found.get(MANIFEST) {
        Some(OnDisk::File { bytes, .. }) => Manifest::parse(&String::from_utf8_lossy(bytes)),
        _ => Manifest::default(),
    }
}

/// The folders above a path.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Compares what was read of a folder with what is about to be written into it.
pub fn leftovers(golden: &Golden<'_>, found: &BTreeMap<String, OnDisk>) -> Leftovers {
    let old = found_manifest(found);
    let is_made = |path: &str| golden.text(path).is_some();
    let mut left = Leftovers {
        damage: old.damage,
        ..Leftovers::default()
    };
    for (path, what) in found {
        if *what == OnDisk::Folder || is_made(path) {
            continue;
        }
        let kind = match what {
            OnDisk::File { bytes, .. } if old.pins(path, bytes) => &mut left.stale,
            _ if old.lists(path) => &mut left.edited,
            _ => &mut left.foreign,
        };
        kind.push(path.clone());
    }
    let stays = |path: &str| !left.stale.iter().any(|stale| stale == path);
    let mut in_the_way = Vec::new();
    for path in left.edited.iter().chain(&left.foreign) {
        if let Some(file) = above(path).find(|folder| is_made(folder)) {
            in_the_way.push(format!("{path} is in a folder where the file {file} is to be"));
        }
    }
    for path in golden.paths() {
        for folder in above(path) {
            let barred = found.get(folder).is_some_and(|what| *what != OnDisk::Folder);
            if barred && stays(folder) {
                in_the_way.push(format!("{folder} is no folder, and {path} is to be in it"));
            }
        }
    }
    left.in_the_way = in_the_way;
    left
}
