//! YAML that was read when this program was built. The build script reads every file of the catalog with the reader of
//! `syntax::yaml` and writes down its tree; here the tree is made of what it wrote, many times faster than of the text.
//!
//! A tree is a row of 32-bit numbers, its nodes in the order of the file: where the node begins and ends, then
//! `count << 2 | kind`. A scalar (kind 0 plain, 1 quoted) is followed by where its `count` bytes stand. A list (2) and a
//! map (3) are followed by how many numbers belong to what is in them, and by that: a list's items, or a map's entries:
//! where the key stands, its length, where its place begins and ends, the value. Text stands in the file itself or,
//! beyond its end, in `extra`: what was escaped, folded or indented.

use std::sync::Arc;

use crate::base::{Place, Source};
use crate::syntax::yaml::{Entry, Kind, Node};

/// One file of the built-in catalog.
#[derive(Debug)]
pub(super) struct Stored {
    /// Its path in the catalog.
    pub(super) name: &'static str,
    /// Its text.
    pub(super) text: &'static str,
    /// Its tree, little endian; empty for what is not YAML.
    pub(super) tree: &'static [u8],
    /// Texts of the tree that do not stand in the file as they are.
    pub(super) extra: &'static str,
}

impl Stored {
    /// The whole tree. `None` if there is none.
    pub(super) fn tree(&self, source: &Arc<Source>) -> Option<Node> {
        self.cursor(source).node()
    }

    /// The first map that begins at one of these bytes of the file.
    pub(super) fn map_in(&self, source: &Arc<Source>, bytes: &std::ops::Range<usize>) -> Option<Node> {
        let mut cursor = self.cursor(source);
        let at = cursor.seek(bytes)?;
        Cursor { at, ..cursor }.node()
    }

    fn cursor<'s>(&'s self, source: &'s Arc<Source>) -> Cursor<'s> {
        Cursor {
            stored: self,
            source,
            at: 0,
        }
    }
}

struct Cursor<'s> {
    stored: &'s Stored,
    source: &'s Arc<Source>,
    at: usize,
}

impl Cursor<'_> {
    fn number(&mut self) -> Option<usize> {
        let bytes = self.stored.tree.get(self.at..self.at + 4)?;
        self.at += 4;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }

    fn place(&mut self) -> Option<Place> {
        let start = self.number()?;
        Some(Place::new(self.source, start..self.number()?))
    }

    fn text(&self, at: usize, len: usize) -> Option<String> {
        let text = match at.checked_sub(self.stored.text.len()) {
            Some(beyond) => self.stored.extra.get(beyond..beyond + len)?,
            None => self.stored.text.get(at..at + len)?,
        };
        Some(text.to_owned())
    }

    fn node(&mut self) -> Option<Node> {
        let place = self.place()?;
        let head = self.number()?;
        let (count, kind) = (head >> 2, head & 3);
        let kind = match kind {
            2 => {
                self.number()?;
                let mut items = Vec::with_capacity(count);
                for _ in 0..count {
                    items.push(self.node()?);
                }
                Kind::List(items)
            }
            3 => {
                self.number()?;
                let mut entries = Vec::with_capacity(count);
                for _ in 0..count {
                    entries.push(self.entry()?);
                }
                Kind::Map(entries)
            }
            style => {
                let at = self.number()?;
                Kind::Scalar {
                    text: self.text(at, count)?,
                    plain: style == 0,
                }
            }
        };
        Some(Node { place, kind })
    }

    fn entry(&mut self) -> Option<Entry> {
        let (at, len) = (self.number()?, self.number()?);
        Some(Entry {
            key: self.text(at, len)?,
            key_place: self.place()?,
            value: self.node()?,
        })
    }

    /// Where the numbers of the map begin that begins at one of `bytes`; reads on to behind this node without it.
    fn seek(&mut self, bytes: &std::ops::Range<usize>) -> Option<usize> {
        let at = self.at;
        let start = self.number()?;
        self.at += 4;
        let head = self.number()?;
        let (count, kind) = (head >> 2, head & 3);
        if kind == 3 && bytes.contains(&start) {
            return Some(at);
        }
        // For a scalar, where it stands.
        self.number()?;
        // What stands before each of what is in it.
        let key = match kind {
            2 => 0,
            3 => 16,
            _ => return None,
        };
        for left in (0..count).rev() {
            self.at += key;
            let child = self.at;
            self.pass()?;
            // Nodes stand in the order of the file: if the next one does not begin behind what is looked for, it is not
            // in this one.
            let next = self.at + key;
            let is_further = left > 0 && Cursor { at: next, ..*self }.number()? <= bytes.start;
            if !is_further {
                self.at = child;
                if let Some(found) = self.seek(bytes) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Goes on to behind this node.
    fn pass(&mut self) -> Option<()> {
        self.at += 8;
        let kind = self.number()? & 3;
        let count = self.number()?;
        if kind >= 2 {
            self.at += 4 * count;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::catalog::files::EMBEDDED;
    use crate::syntax::yaml;

    #[test]
    fn stored_trees_are_what_a_reader_makes_of_the_files() {
        let catalog = Catalog::embedded();
        let mut trees = 0;
        for stored in EMBEDDED {
            let source = catalog.file(stored.name).unwrap();
            let text = match stored.name.rsplit('.').next() {
                Some("yaml") => stored.text,
                Some("j2") => &stored.text[..=stored.text.find("\n---\n").unwrap()],
                _ => continue,
            };
            let read = yaml::parse(&Source::new(stored.name, text)).unwrap();
            let shape = |node: &Node| format!("{node:?}");
            let tree = stored.tree(source).unwrap();
            // Places tell file, line and column; the bytes are compared too.
            assert_eq!(shape(&tree), shape(&read), "{}", stored.name);
            assert_eq!(spans(&tree), spans(&read), "{}", stored.name);
            trees += 1;
        }
        assert!(trees > 50, "{trees}");
    }

    #[test]
    fn a_map_is_found_by_where_it_begins() {
        let catalog = Catalog::embedded();
        let mut found = 0;
        for stored in EMBEDDED
            .iter()
            .filter(|stored| stored.name.rsplit('.').next() == Some("yaml"))
        {
            let source = catalog.file(stored.name).unwrap();
            let mut known = None;
            each_map(&stored.tree(source).unwrap(), &mut |map| {
                let start = map.place.start;
                // The outermost of those that begin at one place.
                if known.replace(start) != Some(start) {
                    let same = stored.map_in(source, &(start..start + 1)).unwrap();
                    assert_eq!(spans(&same), spans(map));
                    found += 1;
                }
            });
            assert!(stored.map_in(source, &(stored.text.len()..usize::MAX)).is_none());
        }
        assert!(found > 300, "{found}");
    }

    fn each_map(node: &Node, told: &mut impl FnMut(&Node)) {
        if matches!(node.kind, Kind::Map(_)) {
            told(node);
        }
        node.items().iter().for_each(|item| each_map(item, told));
        node.entries().iter().for_each(|entry| each_map(&entry.value, told));
    }

    fn spans(node: &Node) -> Vec<(usize, usize)> {
        let mut found = vec![(node.place.start, node.place.end)];
        found.extend(node.items().iter().flat_map(spans));
        for entry in node.entries() {
            found.push((entry.key_place.start, entry.key_place.end));
            found.extend(spans(&entry.value));
        }
        found
    }
}
