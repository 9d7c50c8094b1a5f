//! The MANIFEST of a rendered folder: it pins what a text diff does not show, and tells later what nodebake wrote.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::base::{AbsPath, Mode, Sha256};
use crate::catalog::{Catalog, Plane};
use crate::tree::{Entry, FileTree};

/// Its name.
pub const MANIFEST: &str = "MANIFEST";

/// How many letters of a template's digest are kept: enough to tell two apart.
const SHORT: usize = 12;

/// The user-data that is baked of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserData {
    /// Its size.
    pub bytes: usize,
    /// Whether it is compressed as a whole.
    pub gzipped: bool,
    /// Its digest.
    pub sha256: Sha256,
}

/// One line for each file: mode, owner, size, digest, path, and for files of a template its name and the beginning of
/// its digest. Sorted by path.
///
/// The template stands on the file's line because there it costs least: the line of a file changes with it anyway, and
/// one digest over all templates would change every MANIFEST with any of them.
pub fn manifest(tree: &FileTree) -> String {
    let mut text = String::from("# mode owner size sha256 path template\n");
    for entry in tree.iter() {
        let template = template_of(entry).map(|name| format!(" {name}")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} root:root {:>6} {} {}{template}",
            entry.mode,
            entry.text.len(),
            entry.sha256(),
            entry.tree_path()
        );
    }
    text
}

/// `kubelet/config@3f2a…`: the template that made a file, wherever it was read from.
fn template_of(entry: &Entry) -> Option<String> {
    let source = &entry.origin.source;
    let (_, name) = source.name.rsplit_once("templates/")?;
    let name = name.strip_suffix(".j2")?;
    let digest = Sha256::of(source.text.as_bytes()).to_string();
    Some(format!("{name}@{}", digest.get(..SHORT)?))
}

/// The program that writes MANIFESTs now: its version and the catalog built into it.
pub fn maker() -> String {
    format!("nodebake {}, catalog {}", env!("CARGO_PKG_VERSION"), Catalog::STAMP)
}

/// A MANIFEST with the program that made it and the user-data that is baked of the same tree: what no file shows, such as
/// further keys of the cloud-config document, shows there.
pub(super) fn stamped(tree: &FileTree, user_data: Option<&UserData>) -> String {
    let mut text = format!("# {}\n{}", maker(), manifest(tree));
    if let Some(UserData { bytes, gzipped, sha256 }) = user_data {
        let kind = if *gzipped { "user-data.gz" } else { "user-data" };
        let _ = writeln!(text, "# {kind}: {bytes} bytes {sha256}");
    }
    text
}

/// A MANIFEST that was read back. People edit and merge such files: lines that are none are counted, not believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    files: BTreeMap<String, Vec<Pin>>,
    /// The first line that is none, counted from 1.
    pub damage: Option<usize>,
    /// The program that wrote it, as [`maker`] says it.
    pub maker: Option<String>,
    /// The user-data that was baked of the same tree.
    pub user_data: Option<UserData>,
}

/// What it says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pin {
    mode: Mode,
    sha256: Sha256,
    template: Option<String>,
    line: usize,
}

impl Manifest {
    /// Reads a MANIFEST.
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        for (at, line) in text.lines().enumerate() {
            if let Some(comment) = line.strip_prefix("# ") {
                read.comment(comment);
            }
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            match parse_line(line, at + 1) {
                Some((path, pin)) => read.files.entry(path).or_default().push(pin),
                None => {
                    read.damage.get_or_insert(at + 1);
                }
            }
        }
        read
    }

    fn comment(&mut self, text: &str) {
        if text.starts_with("nodebake ") {
            self.maker = Some(text.to_owned());
            return;
        }
        for (start, gzipped) in [("user-data: ", false), ("user-data.gz: ", true)] {
            let words = text.strip_prefix(start).and_then(|rest| rest.split_once(" bytes "));
            if let Some((bytes, sha256)) = words
                && let (Ok(bytes), Ok(sha256)) = (bytes.parse(), sha256.parse())
            {
                self.user_data = Some(UserData { bytes, gzipped, sha256 });
            }
        }
    }

    /// Whether it lists a path.
    pub fn lists(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether `bytes` are what it lists at a path.
    pub fn pins(&self, path: &str, bytes: &[u8]) -> bool {
        let pins = self.files.get(path);
        pins.is_some_and(|pins| pins.iter().any(|pin| pin.sha256 == Sha256::of(bytes)))
    }

    fn pin(&self, path: &str) -> Option<&Pin> {
        self.files.get(path)?.first()
    }

    /// The mode of a path.
    pub fn mode(&self, path: &str) -> Option<Mode> {
        self.pin(path).map(|pin| pin.mode)
    }

    /// The template that made a path, with the beginning of its digest.
    pub fn template(&self, path: &str) -> Option<&str> {
        self.pin(path)?.template.as_deref()
    }

    /// The line that lists a path.
    pub fn line(&self, path: &str) -> Option<usize> {
        self.pin(path).map(|pin| pin.line)
    }

    /// The names of the templates that differ from those of `now`, of the files that both list.
    pub fn other_templates(&self, now: &Self) -> Vec<String> {
        let mut names: Vec<String> = now
            .files
            .keys()
            .filter_map(|path| {
                let (was, is) = (self.template(path)?, now.template(path)?);
                (was != is).then(|| is.split('@').next().unwrap_or(is).to_owned())
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Paths lead into a plane and nowhere else, whatever is written there.
fn parse_line(line: &str, at: usize) -> Option<(String, Pin)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [mode, "root:root", _, digest, path, template @ ..] = words.as_slice() else {
        return None;
    };
    let template = match template {
        [] => None,
        [name] => Some((*name).to_owned()),
        _ => return None,
    };
    let (plane, inside) = path.split_at(path.find('/')?);
    Plane::ALL.iter().find(|known| known.word() == plane)?;
    let inside: AbsPath = inside.parse().ok()?;
    let pin = Pin {
        mode: mode.parse().ok()?,
        sha256: digest.parse().ok()?,
        template,
        line: at,
    };
    Some((format!("{plane}{inside}"), pin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_are_not_believed() {
        let digest = Sha256::of(b"x\n");
        let text = format!(
            "# a comment\n0600 root:root      2 {digest} node/etc/x\n<<<<<<< ours\n0644 root:root 2 {digest} node/../x\n0644 root:root 2 {digest} /etc/passwd\n0644 root:root 2 {digest} home/x\n0644 root:root 2 abc node/y\n"
        );
        let read = Manifest::parse(&text);
        assert_eq!(read.damage, Some(3));
        assert_eq!(read.files.keys().collect::<Vec<_>>(), ["node/etc/x"]);
        assert!(read.pins("node/etc/x", b"x\n") && !read.pins("node/etc/x", b"y\n"));
        assert_eq!(read.mode("node/etc/x"), Some(Mode::PRIVATE));
    }
}
