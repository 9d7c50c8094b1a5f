//! What a rendered folder and a fresh render have not in common.
//!
//! A folder that was committed and checked out again has lost its modes but for the execute bit, and the umask has cut
//! the rest. So modes are compared as the MANIFEST has them, and of the files on the disk that one bit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::change::{How, Item, meaning, unified_body};
use super::golden::Golden;
use super::impact::{Impact, Impacts};
use super::leftovers::{above, found_manifest};
use super::manifest::{MANIFEST, Manifest};
use crate::base::{Mode, OnDisk, Place, Source, masked, secrets};
use crate::tree::Entry;

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
#[serde(rename_all = "camelCase")]
pub struct FileDiff {
    /// Its path in the folder.
    pub path: String,
    /// How it changes.
    pub change: Change,
    /// In which way its content differs.
    pub how: How,
    /// Who reads it, in a word, such as `kubelet`; its own name where nobody is known.
    pub subject: String,
    /// What a machine needs to take all of it.
    pub impact: Impact,
    /// How its mode changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeChange>,
    /// The values that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// The template that makes it, or the user's own line of node.yaml.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What else there is to say about it.
    pub notes: Vec<String>,
    /// The line, counted from 1, that has a mark of a merge conflict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<usize>,
    /// Whether somebody edited it since it was rendered.
    #[serde(skip_serializing_if = "is_false")]
    pub edited: bool,
    /// Whether nodebake never wrote it.
    #[serde(skip_serializing_if = "is_false")]
    pub foreign: bool,
    /// Whether the folder's file holds a secret, at this line counted from 1. Texts here have it starred out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<usize>,
    /// The first line of the user's own that decided something in it, for files that are new.
    #[serde(skip)]
    pub place: Option<Place>,
    /// The folder's text, for findings that point into it.
    #[serde(skip)]
    pub source: Option<Arc<Source>>,
    /// The change of its text as a unified diff; empty if the texts are the same, or one is none.
    pub diff: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(is: &bool) -> bool {
    !is
}

impl ModeChange {
    /// Whether somebody may do with the file now what he could not.
    pub fn widens(&self) -> bool {
        self.rendered.bits() & !self.folder.bits() != 0
    }
}

impl FileDiff {
    fn new(path: &str, change: Change) -> Self {
        Self {
            path: path.to_owned(),
            change,
            how: How::Same,
            subject: path.rsplit('/').next().unwrap_or(path).to_owned(),
            impact: Impact::Nothing,
            mode: None,
            items: Vec::new(),
            origin: None,
            notes: Vec::new(),
            conflict: None,
            edited: false,
            foreign: false,
            secret: None,
            place: None,
            source: None,
            diff: String::new(),
        }
    }

    /// What changed in it, a line each, in words; never empty.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = match (self.change, self.how) {
            (Change::Added, _) => vec!["added".into()],
            (Change::Removed, _) => vec!["removed".into()],
            (_, How::Values) => self.items.iter().map(Item::words).collect(),
            (_, How::Comments) => vec!["only comments or blank lines".into()],
            (_, How::Reformatted) => vec!["reformatted: the same values".into()],
            (_, How::Reordered) => vec!["reordered: the same values".into()],
            (_, How::Text) if self.path == MANIFEST => vec!["what it says of files, program or user-data".into()],
            (_, How::Text) => vec![self.counted()],
            (_, How::Opaque) => vec!["changed".into()],
            (_, How::Same) => Vec::new(),
        };
        if let Some(mode) = self.mode {
            let wider = if mode.widens() { ": wider" } else { "" };
            words.push(format!("mode {} → {}{wider}", mode.folder, mode.rendered));
        }
        if words.is_empty() {
            words.push("its mode on the disk".into());
        }
        words
    }

    fn counted(&self) -> String {
        let lines = |mark: char| self.diff.lines().skip(2).filter(|line| line.starts_with(mark)).count();
        match (lines('+'), lines('-')) {
            (0, 0) => "text".into(),
            (more, fewer) => format!("text: +{more} -{fewer} lines"),
        }
    }
}

/// Compares a rendered node with what was read of the folder `folder`, which is a name. The MANIFEST is a file among
/// them, and comes last.
pub fn diff(golden: &Golden<'_>, folder: &str, found: &BTreeMap<String, OnDisk>, impacts: &Impacts) -> Vec<FileDiff> {
    let old = found_manifest(found);
    let mut paths: Vec<&str> = golden.paths().chain(found.keys().map(String::as_str)).collect();
    paths.sort_unstable_by_key(|path| (*path == MANIFEST, *path));
    paths.dedup();
    let mut all: Vec<FileDiff> = paths
        .into_iter()
        .filter_map(|path| compare((folder, path), golden, found, &old))
        .collect();
    for file in &mut all {
        judge(file, impacts);
    }
    all
}

/// What each change needs, and the file with them.
fn judge(file: &mut FileDiff, impacts: &Impacts) {
    let whole = impacts.of(&file.path, "");
    if let Some(subject) = whole.subject {
        subject.clone_into(&mut file.subject);
    }
    for item in &mut file.items {
        item.impact = impacts.of(&file.path, &item.at).impact;
    }
    file.impact = match file.how {
        How::Same | How::Comments | How::Reformatted | How::Reordered if file.change == Change::Changed => {
            Impact::Nothing
        }
        How::Values => file.items.iter().map(|item| item.impact).max().unwrap_or(whole.impact),
        _ => whole.impact,
    };
}

fn compare(
    (folder, path): (&str, &str),
    golden: &Golden<'_>,
    found: &BTreeMap<String, OnDisk>,
    old: &Manifest,
) -> Option<FileDiff> {
    let new = golden.text(path);
    let entry = golden.entry(path);
    let mode = entry.map(|entry| entry.mode);
    let change = if new.is_some() {
        Change::Changed
    } else {
        Change::Removed
    };
    let mut made = FileDiff::new(path, change);
    match found.get(path) {
        Some(OnDisk::Folder) if new.is_none() => return None,
        None | Some(OnDisk::Folder) => {
            made.change = Change::Added;
            made.how = How::Text;
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
                content(&mut made, bytes, new, entry);
                let name = format!("{folder}/{path}");
                made.source = text(bytes).map(|text| Source::new(name, masked(text)));
                if old.lists(path) && !old.pins(path, bytes) {
                    made.edited = true;
                    made.notes.push("edited since it was rendered".into());
                }
            }
        }
        Some(OnDisk::Large(size)) => opaque(&mut made, format!("has {size} bytes in the folder")),
        Some(OnDisk::Link) => opaque(&mut made, "is a link in the folder".into()),
        Some(OnDisk::Special) => opaque(&mut made, "is no file in the folder".into()),
    }
    if new.is_none() && !old.lists(path) {
        made.foreign = true;
        made.notes.push("nodebake did not write it".into());
    }
    Some(made)
}

fn opaque(file: &mut FileDiff, note: String) {
    file.how = How::Opaque;
    file.notes.push(note);
}

/// How the bytes of the folder's file became those of the rendered one.
fn content(file: &mut FileDiff, bytes: &[u8], new: Option<&str>, entry: Option<&Entry>) {
    let Some(old) = text(bytes) else {
        opaque(file, format!("is binary in the folder, {} bytes", bytes.len()));
        return;
    };
    about_content(file, old, new);
    if let Some(first) = secrets(old).first() {
        file.secret = Some(old[..first.range.start].matches('\n').count() + 1);
        file.notes.push(format!("holds {} in the folder", first.what));
    }
    let (old, new) = (masked(old), new.map(masked));
    file.how = How::Text;
    if let (Some(entry), Some(new)) = (entry, &new)
        && file.conflict.is_none()
        && old != *new
    {
        let meaning = meaning(entry.filetype, &file.path, &old, new);
        file.how = meaning.how;
        file.items = meaning.items;
    }
    file.diff = unified(&file.path, Some(&old), new.as_deref());
}

/// Bytes as text, if they are.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// What people do to files by accident.
fn about_content(file: &mut FileDiff, old: &str, new: Option<&str>) {
    let marker = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    if let Some(at) = old.lines().position(marker) {
        file.conflict = Some(at + 1);
        file.notes
            .push(format!("has the marks of a merge conflict, line {}", at + 1));
    }
    if new.is_some_and(|new| new == old.replace("\r\n", "\n")) {
        file.notes.push("only its line ends differ: CRLF in the folder".into());
    }
}

/// The change as `patch -p1` takes it in the folder.
fn unified(path: &str, old: Option<&str>, new: Option<&str>) -> String {
    let side = |letter: char, text: Option<&str>| text.map_or("/dev/null".into(), |_| format!("{letter}/{path}"));
    let (from, to) = (side('a', old), side('b', new));
    visible(&unified_body(
        (&from, &to),
        old.unwrap_or_default(),
        new.unwrap_or_default(),
    ))
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
