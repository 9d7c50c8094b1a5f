//! Values of documents, whatever they are written in: maps, lists and scalars that know their line.

use std::collections::BTreeMap;

use super::{Compared, Item, What, lines};

/// A value and the line it stands on, counted from 1.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// What it is to a reader, with its type: the text `1` is not the number `1`.
    Scalar(String),
    List(Vec<Value>),
    /// In the order of the file.
    Map(Vec<(String, Value)>),
}

/// Keys that name an item of a list, best first.
const NAMES: [&str; 6] = ["name", "key", "path", "Sid", "id", "type"];

impl Value {
    /// On one line: the same text for the same value.
    pub(super) fn shown(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match &self.kind {
            Kind::Scalar(text) => out.push_str(text),
            Kind::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    item.write(out);
                }
                out.push(']');
            }
            Kind::Map(entries) => {
                // By key: the order of a map has no meaning.
                let mut sorted: Vec<&(String, Value)> = entries.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                out.push('{');
                for (at, (key, value)) in sorted.into_iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    out.push_str(&quoted(key));
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    fn told(&self) -> (String, usize) {
        (self.shown(), self.line)
    }

    /// What names it among its like.
    fn name(&self, key: &str) -> Option<&str> {
        let Kind::Map(entries) = &self.kind else { return None };
        let (_, value) = entries.iter().find(|(other, _)| other == key)?;
        match &value.kind {
            Kind::Scalar(text) => Some(text.trim_matches('"')),
            _ => None,
        }
    }
}

/// Adds what differs between two values at `path`.
pub(super) fn compare(path: &str, old: &Value, new: &Value, out: &mut Compared) {
    match (&old.kind, &new.kind) {
        (Kind::Map(was), Kind::Map(is)) => maps(path, was, is, out),
        (Kind::List(was), Kind::List(is)) => lists(path, (old, was), (new, is), out),
        _ if old.shown() == new.shown() => {}
        _ => out.items.push(Item::new(What::Changed, path, old.told(), new.told())),
    }
}

fn maps(path: &str, old: &[(String, Value)], new: &[(String, Value)], out: &mut Compared) {
    let (was_at, is_at) = (
        positions(old.iter().map(|(key, _)| key)),
        positions(new.iter().map(|(key, _)| key)),
    );
    let mut last = None;
    for (key, was) in old {
        let at = join(path, key);
        match is_at.get(key.as_str()) {
            None => out.items.push(Item::new(What::Removed, &at, was.told(), None)),
            Some(&found) => {
                out.reordered |= last.is_some_and(|last| found < last);
                last = Some(found);
                compare(&at, was, &new[found].1, out);
            }
        }
    }
    for (key, is) in new {
        if !was_at.contains_key(key.as_str()) {
            out.items
                .push(Item::new(What::Added, &join(path, key), None, is.told()));
        }
    }
}

fn positions<'n>(names: impl Iterator<Item = &'n String>) -> BTreeMap<&'n str, usize> {
    names.enumerate().map(|(at, name)| (name.as_str(), at)).collect()
}

fn lists(path: &str, old: (&Value, &[Value]), new: (&Value, &[Value]), out: &mut Compared) {
    let ((old, was), (new, is)) = (old, new);
    let shown = |side: &[Value]| side.iter().map(Value::shown).collect::<Vec<_>>();
    let (old_texts, new_texts) = (shown(was), shown(is));
    if old_texts == new_texts {
        // Maps in it may stand in another order.
        for (was, is) in was.iter().zip(is) {
            compare(path, was, is, out);
        }
        return;
    }
    if let Some(key) = NAMES.iter().find(|key| names(was, is, key)) {
        return named(path, key, (old, was), (new, is), out);
    }
    let mut sorted = (old_texts.clone(), new_texts.clone());
    sorted.0.sort();
    sorted.1.sort();
    if sorted.0 == sorted.1 {
        out.items.push(Item::new(What::Moved, path, old.told(), new.told()));
        return;
    }
    let scalar = |value: &Value| matches!(value.kind, Kind::Scalar(_));
    if was.len() == is.len() && !was.iter().chain(is).all(scalar) {
        for (at, (was, is)) in was.iter().zip(is).enumerate() {
            compare(&format!("{path}[{at}]"), was, is, out);
        }
        return;
    }
    for (removed, added) in lines::hunks(&old_texts, &new_texts) {
        for at in removed {
            out.items.push(Item::new(What::Removed, path, was[at].told(), None));
        }
        for at in added {
            out.items.push(Item::new(What::Added, path, None, is[at].told()));
        }
    }
}

/// Whether every item of both lists has a name of its own under `key`.
fn names(old: &[Value], new: &[Value], key: &str) -> bool {
    [old, new].iter().all(|side| {
        let mut all: Vec<&str> = Vec::new();
        for value in *side {
            match value.name(key) {
                Some(name) => all.push(name),
                None => return false,
            }
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        all.len() == count
    })
}

/// Items are compared by their names. That the common ones stand in another order is told too: in a list it matters.
fn named(path: &str, key: &str, old: (&Value, &[Value]), new: (&Value, &[Value]), out: &mut Compared) {
    let ((old, was), (new, is)) = (old, new);
    let name = |value: &Value| value.name(key).unwrap_or_default().to_owned();
    let old_names: Vec<String> = was.iter().map(name).collect();
    let new_names: Vec<String> = is.iter().map(name).collect();
    let (was_at, is_at) = (positions(old_names.iter()), positions(new_names.iter()));
    let common = |side: &[String], other: &BTreeMap<&str, usize>| -> Vec<String> {
        let both = side.iter().filter(|name| other.contains_key(name.as_str()));
        both.cloned().collect()
    };
    for (name, was) in old_names.iter().zip(was) {
        let at = format!("{path}[{name}]");
        match is_at.get(name.as_str()) {
            Some(&found) => compare(&at, was, &is[found], out),
            None => out.items.push(Item::new(What::Removed, &at, was.told(), None)),
        }
    }
    for (name, is) in new_names.iter().zip(is) {
        if !was_at.contains_key(name.as_str()) {
            let at = format!("{path}[{name}]");
            out.items.push(Item::new(What::Added, &at, None, is.told()));
        }
    }
    let (before, after) = (common(&old_names, &is_at), common(&new_names, &was_at));
    if before != after {
        let told = |names: &[String], value: &Value| (format!("[{}]", names.join(", ")), value.line);
        out.items
            .push(Item::new(What::Moved, path, told(&before, old), told(&after, new)));
    }
}

/// `a.b`, or `a[x.y]` for keys that are no plain words.
fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match (path.is_empty(), plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key}]"),
    }
}

/// Text as it is told apart from all that is no text: in quotes where a reader could take it for something else.
pub(super) fn quoted(text: &str) -> String {
    let looks_like_a_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '*'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        )
        && !text.contains([',', '[', ']', '{', '}', '"', '\n']);
    let has_a_unit = text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'%')
        && text.ends_with(|c: char| c == '%' || c.is_ascii_alphabetic())
        && !text.starts_with("0x")
        && !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'e' | b'E'));
    if looks_like_a_word || has_a_unit {
        text.to_owned()
    } else {
        serde_json::Value::String(text.to_owned()).to_string()
    }
}
