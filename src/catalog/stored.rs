//! YAML that was read when this program was built. The build script reads every file of the catalog with the reader of
//! `syntax::yaml` and writes down its tree; here the tree is made of what it wrote, many times faster than of the text.
//!
//! A tree is a row of 32-bit numbers, its nodes in the order of the file: where the node begins and ends, then
//! `count << 2 | kind`. A scalar (kind 0 plain, 1 quoted) is followed by where its `count` bytes stand. A list (2) and a
//! map (3) are followed by how many numbers belong to what is in them, and by that: a list's items, or a map's entries:
//! where the key stands, its length, where its place begins and ends, the value. Text stands in the file itself or,
//! beyond its end, in `extra`: what was escaped, folded or indented.
//!
//! Of a table of plain rows the numbers are where each row begins.

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
    /// Its tree, or where its rows begin, little endian; empty for what is neither YAML nor a table.
    pub(super) tree: &'static [u8],
    /// Texts of the tree that do not stand in the file as they are.
    pub(super) extra: &'static str,
}

impl Stored {
    /// The whole tree. `None` if there is none.
    pub(super) fn tree(&self, source: &Arc<Source>) -> Option<Node> {
        self.cursor(source).node()
    }

    /// What the map that is the whole file says at `key`. Nothing else is read.
    pub(super) fn value(&self, source: &Arc<Source>, key: &str) -> Option<Node> {
        let mut cursor = self.cursor(source);
        cursor.find(key)?;
        cursor.node()
    }

    /// Of the list at `list` of that map the first map that says `name` at `id`. Nothing else is read.
    pub(super) fn row(&self, source: &Arc<Source>, list: &str, id: &str, name: &str) -> Option<Node> {
        let mut cursor = self.cursor(source);
        cursor.find(list)?;
        let (count, kind) = cursor.head()?;
        if kind != 2 {
            return None;
        }
        for _ in 0..count {
            let mut item = Cursor { ..cursor };
            if item.find(id).is_some() && item.scalar() == Some(name) {
                return cursor.node();
            }
            cursor.pass()?;
        }
        None
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

    fn text(&self, at: usize, len: usize) -> Option<&'static str> {
        match at.checked_sub(self.stored.text.len()) {
            Some(beyond) => self.stored.extra.get(beyond..beyond + len),
            None => self.stored.text.get(at..at + len),
        }
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
                    text: self.text(at, count)?.to_owned(),
                    plain: style == 0,
                }
            }
        };
        Some(Node { place, kind })
    }

    fn entry(&mut self) -> Option<Entry> {
        let (at, len) = (self.number()?, self.number()?);
        Some(Entry {
            key: self.text(at, len)?.to_owned(),
            key_place: self.place()?,
            value: self.node()?,
        })
    }

    /// Goes into a list or a map: how much is in it, and which of the two it is.
    fn head(&mut self) -> Option<(usize, usize)> {
        self.at += 8;
        let head = self.number()?;
        self.at += 4;
        Some((head >> 2, head & 3))
    }

    /// Goes to the value that this map has at `key`.
    fn find(&mut self, key: &str) -> Option<()> {
        let (count, kind) = self.head()?;
        if kind != 3 {
            return None;
        }
        for _ in 0..count {
            let (at, len) = (self.number()?, self.number()?);
            self.at += 8;
            if len == key.len() && self.text(at, len) == Some(key) {
                return Some(());
            }
            self.pass()?;
        }
        None
    }

    /// The text of this scalar.
    fn scalar(&mut self) -> Option<&'static str> {
        self.at += 8;
        let head = self.number()?;
        let at = self.number()?;
        (head & 3 < 2).then(|| self.text(at, head >> 2)).flatten()
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
    fn values_and_rows_are_found_without_the_rest() {
        let catalog = Catalog::embedded();
        let (mut values, mut rows) = (0, 0);
        for stored in EMBEDDED
            .iter()
            .filter(|stored| stored.name.rsplit('.').next() == Some("yaml"))
        {
            let source = catalog.file(stored.name).unwrap();
            let tree = stored.tree(source).unwrap();
            assert!(stored.value(source, "no such key").is_none());
            for entry in tree.entries() {
                let value = stored.value(source, &entry.key).unwrap();
                assert_eq!(spans(&value), spans(&entry.value), "{}", stored.name);
                values += 1;
                for item in entry.value.items() {
                    for id in item.entries() {
                        let Some(name) = id.value.text() else { continue };
                        let same = |other: &&Node| other.get(&id.key).and_then(Node::text) == Some(name);
                        let first = entry.value.items().iter().find(same).unwrap();
                        let row = stored.row(source, &entry.key, &id.key, name).unwrap();
                        assert_eq!(spans(&row), spans(first), "{}", stored.name);
                        rows += 1;
                    }
                }
                assert!(stored.row(source, &entry.key, "name", "no such name").is_none());
            }
        }
        assert!(values > 100 && rows > 1000, "{values} {rows}");
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
