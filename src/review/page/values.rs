//! The plan of a node: each value, where it comes from, what it overruled.

use serde::Serialize;
use serde_json::Value;

use super::text::{Paths, shown};
use crate::plan::{Decision, Plan};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct ValueView {
    /// Its path, such as `sizing.maxPods`.
    pub(super) path: String,
    /// What was taken.
    pub(super) value: String,
    /// Who decided it.
    pub(super) origin: String,
    /// What it overruled, strongest first.
    overrules: Vec<String>,
}

/// All values of a plan, in order of their paths.
pub(super) fn values(plan: &Plan, paths: &Paths) -> Vec<ValueView> {
    plan.book
        .below("")
        .map(|(path, decision)| view(path, decision, paths))
        .collect()
}

fn view(path: &str, decision: &Decision, paths: &Paths) -> ValueView {
    let mut layers = decision.layers.iter().rev();
    let said = |(origin, value): &(crate::base::Origin, Value)| (described(origin, paths), words(value));
    let (origin, value) = layers.next().map(said).unwrap_or_default();
    ValueView {
        path: path.to_owned(),
        value,
        origin,
        overrules: layers
            .map(said)
            .map(|(origin, value)| format!("{value} ({origin})"))
            .collect(),
    }
}

/// An origin, without the folders of this run.
fn described(origin: &crate::base::Origin, paths: &Paths) -> String {
    match origin.place() {
        Some(place) => paths.place(place),
        None => paths.sentence(&origin.to_string()),
    }
}

/// A value on one line, or a few.
fn words(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text.contains('\n') => {
            let first = text.lines().next().unwrap_or_default();
            format!("{first} \u{2026} ({} lines)", text.lines().count())
        }
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => String::new(),
        Value::Object(map) if map.is_empty() => String::new(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    };
    shown(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_short_words() {
        for (value, text) in [
            (json!("a\nb\n"), "a \u{2026} (2 lines)"),
            (json!(["a", 1, {"b": "c"}]), "a\n1\n{\"b\":\"c\"}"),
            (json!({}), ""),
            (json!(true), "true"),
        ] {
            assert_eq!(words(&value), text);
        }
    }
}
