//! The tree.

use std::borrow::Cow;

use crate::base::Place;

/// A YAML value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where: for a map or list, the key it belongs to, or its first line where it belongs to none.
    pub place: Place,
    /// What.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text, with whether it was written plain (unquoted, not a block): only a plain scalar can be a number, a boolean
    /// or null.
    Scalar {
        /// The text after unquoting.
        text: String,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order it was written. Keys are unique.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub key_place: Place,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The entry `key` of a map; `None` if this is no map or has no such key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The entries of a map; none if this is no map.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none if this is no list.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether this is an absent value: nothing after the colon, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What to call it in a message.
    pub fn noun(&self) -> Cow<'static, str> {
        match &self.kind {
            _ if self.is_null() => "nothing".into(),
            Kind::Scalar { plain: false, .. } => "text in quotes".into(),
            Kind::Scalar { text, .. } if text.len() > 40 => "text".into(),
            Kind::Scalar { text, .. } => format!("`{text}`").into(),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
        }
    }

    /// `self` laid over `below`: maps are merged key by key, everything else is replaced. Places stay where each value
    /// was written.
    #[must_use]
    pub fn over(self, below: &Node) -> Node {
        let Kind::Map(upper) = self.kind else { return self };
        let Kind::Map(lower) = &below.kind else {
            return Node {
                place: self.place,
                kind: Kind::Map(upper),
            };
        };
        let mut merged = lower.clone();
        for entry in upper {
            match merged.iter_mut().find(|other| other.key == entry.key) {
                Some(other) => {
                    let value = entry.value.over(&other.value);
                    *other = Entry {
                        key: entry.key,
                        key_place: entry.key_place,
                        value,
                    };
                }
                None => merged.push(entry),
            }
        }
        Node {
            place: self.place,
            kind: Kind::Map(merged),
        }
    }
}
