//! What is told of differences: by meaning, in every format, and of revisions.

#![allow(
    clippy::disallowed_methods,
    reason = "tests reach the disk, processes and the environment"
)]

mod examples;
mod formats;
mod golden;
mod limits;
mod meaning;
mod revision;

use std::collections::BTreeMap;
use std::process::Output;

use nodebake::base::{Mode, OnDisk, Place, Source};
use nodebake::catalog::{Catalog, Plane};
use nodebake::review::{FileDiff, Golden, Impacts, MANIFEST, diff};
use nodebake::syntax::FileType;
use nodebake::tree::{Entry, FileTree};

use crate::support::{TempDir, nodebake, root, stderr};

/// A tree of one file.
fn tree(filetype: FileType, path: &str, text: &str, mode: Mode) -> FileTree {
    let mut tree = FileTree::default();
    let entry = Entry {
        path: path.parse().unwrap(),
        mode,
        filetype,
        plane: Plane::Node,
        text: text.to_owned(),
        origin: Place::new(&Source::new("templates/a/b.j2", "x"), 0..0),
    };
    assert!(tree.insert(entry).is_ok());
    tree
}

/// What is told of one file that was `old` and is `new`; the MANIFEST's own difference left out.
fn told(filetype: FileType, path: &str, old: &str, new: &str) -> Option<FileDiff> {
    let before = tree(filetype, path, old, Mode::PUBLIC);
    let after = tree(filetype, path, new, Mode::PUBLIC);
    let found: BTreeMap<String, OnDisk> = Golden::new(&before, None).as_found();
    let impacts = Impacts::read(&Catalog::embedded()).unwrap();
    let mut all = diff(&Golden::new(&after, None), "old", &found, &impacts);
    all.retain(|file| file.path != MANIFEST);
    assert!(all.len() <= 1);
    all.pop()
}

/// A fleet of four with its goldens in `snap`.
fn fleet() -> TempDir {
    let folder = TempDir::new();
    for name in ["fleet.yaml", "cluster.yaml"] {
        folder.write(name, std::fs::read(root().join("examples/fleet").join(name)).unwrap());
    }
    let output = run(&folder, &["golden", "update", "fleet.yaml", "snap"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    folder
}

fn run(folder: &TempDir, args: &[&str]) -> Output {
    nodebake(args, folder.path())
}

fn read(folder: &TempDir, path: &str) -> String {
    std::fs::read_to_string(folder.path().join(path)).unwrap()
}

/// Replaces text in a file, which must be there.
fn edit(folder: &TempDir, path: &str, from: &str, to: &str) {
    let text = read(folder, path);
    assert!(text.contains(from), "{path} has no `{from}`");
    folder.write(path, text.replacen(from, to, 1));
}
