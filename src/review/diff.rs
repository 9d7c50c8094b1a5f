//! What a rendered folder and a fresh render have not in common.
//!
//! A folder that was committed and checked out again has lost its modes but for the execute bit, and the umask has cut
//! the rest. So modes are compared as the MANIFEST has them, and of the files on the disk that one bit.

use std::collections::BTreeMap;

use serde::Serialize;
use similar::TextDiff;

use super::leftovers::{above, found_manifest, made};
use super::manifest::{MANIFEST, Manifest};
use crate::base::{Mode, OnDisk};
use crate::tree::FileTree;

/// How a file changes from the folder to the render.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The folder does not have it.
    Added,
    /// Only the folder has it.
    Removed,
    /// Both have it.
    Changed,
}

/// A mode in the folder's MANIFEST and in the render.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ModeChange {
    /// In the folder.
    pub folder: Mode,
    /// As it is rendered.
    pub rendered: Mode,
}

/// A file that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    /// Its path in the folder.
    pub path: String,
    /// How it changes.
    pub change: Change,
    /// How its mode changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeChange>,
    /// What else there is to say about it.
    pub notes: Vec<String>,
    /// The change of its text as a unified diff; empty if the texts are the same, or one is none.
    pub diff: String,
}

/// Compares `tree` with what was read of a folder. The MANIFEST is a file among them, and comes last.
pub fn diff(tree: &FileTree, found: &BTreeMap<String, OnDisk>) -> Vec<FileDiff> {
    let old = found_manifest(found);
    let made = made(tree);
    let modes: BTreeMap<String, Mode> = tree.iter().map(|entry| (entry.tree_path(), entry.mode)).collect();
    let mut paths: Vec<&String> = made.keys().chain(found.keys()).collect();
    paths.sort_by_key(|path| (path.as_str() == MANIFEST, *path));
    paths.dedup();
    let one = |path: &String| {
        let new = made.get(path).map(String::as_str);
        compare(path, new, modes.get(path).copied(), found, &old)
    };
    paths.into_iter().filter_map(one).collect()
}

fn compare(
    path: &str,
    new: Option<&str>,
    mode: Option<Mode>,
    found: &BTreeMap<String, OnDisk>,
    old: &Manifest,
) -> Option<FileDiff> {
    let mut made = FileDiff {
        path: path.to_owned(),
        change: if new.is_some() {
            Change::Changed
        } else {
            Change::Removed
        },
        mode: None,
        notes: Vec::new(),
        diff: String::new(),
    };
    match found.get(path) {
        Some(OnDisk::Folder) if new.is_none() => return None,
        None | Some(OnDisk::Folder) => {
            made.change = Change::Added;
            made.diff = unified(path, None, new);
            let barred = above(path).find(|folder| found.get(*folder).is_some_and(|what| *what != OnDisk::Folder));
            made.notes.extend(barred.map(|folder| format!("{folder} is no folder")));
            if found.contains_key(path) {
                made.notes.push("a folder is in its place".into());
            }
        }
        Some(OnDisk::File { bytes, executable }) => {
            made.mode = mode
                .zip(old.mode(path))
                .map(|(rendered, folder)| ModeChange { folder, rendered })
                .filter(|modes| modes.folder != modes.rendered);
            let same = new.is_some_and(|new| new.as_bytes() == bytes);
            let wanted = mode.is_some_and(|mode| mode.bits() & 0o100 != 0);
            if mode.is_some() && made.mode.is_none() && wanted != *executable {
                let word = if wanted { "not executable" } else { "executable" };
                made.notes.push(format!("is {word} in the folder"));
            }
            if same && made.mode.is_none() && made.notes.is_empty() {
                return None;
            }
            if !same {
                made.notes.extend(about_content(bytes, new));
                made.diff = text(bytes).map_or_else(String::new, |old| unified(path, Some(old), new));
                if old.lists(path) && !old.pins(path, bytes) {
                    made.notes.push("edited since it was rendered".into());
                }
            }
        }
        Some(OnDisk::Large(size)) => made.notes.push(format!("has {size} bytes in the folder")),
        Some(OnDisk::Link) => made.notes.push("is a link in the folder".into()),
        Some(OnDisk::Special) => made.notes.push("is no file in the folder".into()),
    }
    if new.is_none() && !old.lists(path) {
        made.notes.push("nodebake did not write it".into());
    }
    Some(made)
}

/// Bytes as text, if they are.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// What people do to files by accident.
fn about_content(bytes: &[u8], new: Option<&str>) -> Vec<String> {
    let Some(old) = text(bytes) else {
        return vec![format!("is binary in the folder, {} bytes", bytes.len())];
    };
    let mut notes = Vec::new();
    let marker = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    if let Some(at) = old.lines().position(marker) {
        notes.push(format!("has the marks of a merge conflict, line {}", at + 1));
    }
    if new.is_some_and(|new| new == old.replace("\r\n", "\n")) {
        notes.push("only its line ends differ: CRLF in the folder".into());
    }
    notes
}

/// The change as `patch -p1` takes it in the folder.
fn unified(path: &str, old: Option<&str>, new: Option<&str>) -> String {
    let side = |letter: char, text: Option<&str>| text.map_or("/dev/null".into(), |_| format!("{letter}/{path}"));
    let change = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default())
        .unified_diff()
        .header(&side('a', old), &side('b', new))
        .to_string();
    visible(&change)
}

/// Text with its control characters written out: a folder may hold anything, and a terminal obeys them.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\n' | '\t') || !letter.is_control() {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_default());
        }
    }
    shown
}
