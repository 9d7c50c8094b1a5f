//! The MANIFEST of a rendered folder: it pins what a text diff does not show, and tells later what nodebake wrote.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::base::{AbsPath, Mode, Sha256};
use crate::catalog::Plane;
use crate::tree::FileTree;

/// Its name.
pub const MANIFEST: &str = "MANIFEST";

/// One line for each file: mode, owner, size, digest, path. Sorted by path.
pub fn manifest(tree: &FileTree) -> String {
    let mut text = String::from("# mode owner size sha256 path\n");
    for entry in tree.iter() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} root:root {:>6} {} {}",
            entry.mode,
            entry.text.len(),
            entry.sha256(),
            entry.tree_path()
        );
    }
    text
}

/// A MANIFEST that was read back. People edit and merge such files: lines that are none are counted, not believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    files: BTreeMap<String, Vec<(Mode, Sha256)>>,
    /// The first line that is none, counted from 1.
    pub damage: Option<usize>,
}

impl Manifest {
    /// Reads a MANIFEST.
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        for (at, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            match parse_line(line) {
                Some((path, pin)) => read.files.entry(path).or_default().push(pin),
                None => {
                    read.damage.get_or_insert(at + 1);
                }
            }
        }
        read
    }

    /// Whether it lists a path.
    pub fn lists(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether `bytes` are what it lists at a path.
    pub fn pins(&self, path: &str, bytes: &[u8]) -> bool {
        let pins = self.files.get(path);
        pins.is_some_and(|pins| pins.iter().any(|(_, digest)| *digest == Sha256::of(bytes)))
    }

    /// The mode of a path.
    pub fn mode(&self, path: &str) -> Option<Mode> {
        self.files.get(path)?.first().map(|(mode, _)| *mode)
    }
}

/// Paths lead into a plane and nowhere else, whatever is written there.
fn parse_line(line: &str) -> Option<(String, (Mode, Sha256))> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [mode, "root:root", _, digest, path] = words.as_slice() else {
        return None;
    };
    let (plane, inside) = path.split_at(path.find('/')?);
    Plane::ALL.iter().find(|known| known.word() == plane)?;
    let inside: AbsPath = inside.parse().ok()?;
    Some((format!("{plane}{inside}"), (mode.parse().ok()?, digest.parse().ok()?)))
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
