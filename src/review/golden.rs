//! What a folder of goldens is to hold: the files of a node, and the MANIFEST that pins them.

use std::collections::BTreeMap;

use super::manifest::{MANIFEST, UserData, stamped};
use crate::base::OnDisk;
use crate::tree::{Entry, FileTree};

/// A rendered node as its folder shows it.
#[derive(Debug)]
pub struct Golden<'t> {
    tree: &'t FileTree,
    entries: BTreeMap<String, &'t Entry>,
    manifest: String,
    user_data: Option<UserData>,
}

impl<'t> Golden<'t> {
    /// The folder of `tree`. `user_data` is what is baked of it; `None` where it cannot be, such as for a node whose
    /// artifacts are on no server.
    pub fn new(tree: &'t FileTree, user_data: Option<UserData>) -> Self {
        Self {
            tree,
            entries: tree.iter().map(|entry| (entry.tree_path(), entry)).collect(),
            manifest: stamped(tree, user_data.as_ref()),
            user_data,
        }
    }

    /// The tree.
    pub fn tree(&self) -> &'t FileTree {
        self.tree
    }

    /// The text of its MANIFEST.
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// The user-data.
    pub fn user_data(&self) -> Option<&UserData> {
        self.user_data.as_ref()
    }

    /// The rendered file at a path of the folder.
    pub fn entry(&self, path: &str) -> Option<&'t Entry> {
        self.entries.get(path).copied()
    }

    /// The text at a path of the folder.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.entry(path) {
            Some(entry) => Some(&entry.text),
            None => (path == MANIFEST).then_some(self.manifest()),
        }
    }

    /// The paths of its files, sorted; the MANIFEST last.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str).chain([MANIFEST])
    }

    /// The folder as it would be read from the disk: for a comparison of two renders.
    pub fn as_found(&self) -> BTreeMap<String, OnDisk> {
        let file = |path: &str| {
            let bytes = self.text(path).unwrap_or_default().as_bytes().to_vec();
            let executable = self.entry(path).is_some_and(|entry| entry.mode.is_executable());
            (path.to_owned(), OnDisk::File { bytes, executable })
        };
        self.paths().map(file).collect()
    }
}
