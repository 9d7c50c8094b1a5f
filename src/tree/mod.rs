//! Floor 3: rendered files, before anybody decides how they travel.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{AbsPath, Mode, Place, Sha256, Source};
use crate::catalog::Plane;
use crate::syntax::FileType;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it goes, in its plane.
    pub path: AbsPath,
    /// Its mode.
    pub mode: Mode,
    /// What it is written in.
    pub filetype: FileType,
    /// Where it is used.
    pub plane: Plane,
    /// Its text.
    pub text: String,
    /// The template or the line of node.yaml it comes from.
    pub origin: Place,
}

impl Entry {
    /// The digest of its bytes.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.text.as_bytes())
    }

    /// `plane/path`: unique in a tree, and its place in a rendered folder.
    pub fn tree_path(&self) -> String {
        format!("{}{}", self.plane.word(), self.path)
    }

    /// Its text as a source, for findings that point into it.
    pub fn source(&self) -> Arc<Source> {
        Source::new(self.tree_path(), self.text.as_str())
    }
}

/// All files of one node, in order of plane and path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileTree {
    entries: BTreeMap<(Plane, AbsPath), Entry>,
}

impl FileTree {
    /// Adds a file; gives it back if its path is taken.
    pub fn insert(&mut self, entry: Entry) -> Result<(), Box<Entry>> {
        let key = (entry.plane, entry.path.clone());
        if self.entries.contains_key(&key) {
            return Err(Box::new(entry));
        }
        self.entries.insert(key, entry);
        Ok(())
    }

    /// Adds a file, in place of the one at its path if there is one.
    pub fn replace(&mut self, entry: Entry) {
        self.entries.insert((entry.plane, entry.path.clone()), entry);
    }

    /// Takes a file out.
    pub fn remove(&mut self, plane: Plane, path: &AbsPath) -> Option<Entry> {
        self.entries.remove(&(plane, path.clone()))
    }

    /// The file at `path` of `plane`.
    pub fn get(&self, plane: Plane, path: &str) -> Option<&Entry> {
        let path: AbsPath = path.parse().ok()?;
        self.entries.get(&(plane, path))
    }

    /// All files.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The files of one plane.
    pub fn plane(&self, plane: Plane) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(move |entry| entry.plane == plane)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
