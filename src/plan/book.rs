//! The book of decisions: every value a template can see, with the layers that spoke for it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::Origin;

/// One value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What each layer said, weakest first; the last one was taken.
    pub layers: Vec<(Origin, Value)>,
}

impl Decision {
    /// The value that was taken.
    pub fn value(&self) -> &Value {
        self.layers.last().map_or(&Value::Null, |(_, value)| value)
    }

    /// Who decided it.
    pub fn origin(&self) -> Option<&Origin> {
        self.layers.last().map(|(origin, _)| origin)
    }
}

/// All decisions by their path, such as `sizing.maxPods`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    decisions: BTreeMap<String, Decision>,
}

impl Book {
    /// Records `value` for `path`.
    pub fn set<T: Serialize>(&mut self, path: &str, value: T, origin: Origin) -> T {
        let layers = vec![(origin, to_json(&value))];
        self.decisions.insert(path.to_owned(), Decision { layers });
        value
    }

    /// Records what the layers say of `path`, weakest first, and takes the last word. `base` always speaks.
    pub fn choose<T: Serialize>(
        &mut self,
        path: &str,
        base: (T, Origin),
        above: impl IntoIterator<Item = Option<(T, Origin)>>,
    ) -> (T, Origin) {
        let mut layers = vec![(base.1.clone(), to_json(&base.0))];
        let mut taken = base;
        for (value, origin) in above.into_iter().flatten() {
            layers.push((origin.clone(), to_json(&value)));
            taken = (value, origin);
        }
        self.decisions.insert(path.to_owned(), Decision { layers });
        taken
    }

    /// The decision at `path`.
    pub fn get(&self, path: &str) -> Option<&Decision> {
        self.decisions.get(path)
    }

    /// All decisions at `path` or below, in order of their paths.
    pub fn below<'b>(&'b self, path: &'b str) -> impl Iterator<Item = (&'b str, &'b Decision)> {
        self.decisions
            .iter()
            .filter(move |(key, _)| {
                path.is_empty()
                    || key
                        .strip_prefix(path)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
            .map(|(key, decision)| (key.as_str(), decision))
    }

    /// The decisions as one nested value: the only thing a template sees.
    pub fn to_context(&self) -> Value {
        let mut root = Map::new();
        for (path, decision) in &self.decisions {
            let mut map = &mut root;
            let mut parts = path.split('.').peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_none() {
                    map.insert(part.to_owned(), decision.value().clone());
                    break;
                }
                let next = map.entry(part.to_owned()).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(inner) = next else { break };
                map = inner;
            }
        }
        Value::Object(root)
    }
}

/// Plan values are plain data: numbers, text, lists and maps with text keys, which always have a JSON form.
fn to_json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_strongest_layer_wins_and_the_others_are_remembered() {
        let mut book = Book::default();
        let rule = |text: &str| Origin::Default(text.into());
        let (taken, _) = book.choose("a.b", (1, rule("x")), [None, Some((2, rule("y")))]);
        assert_eq!(taken, 2);
        book.set("a.c", "text", rule("z"));
        assert_eq!(book.to_context(), json!({"a": {"b": 2, "c": "text"}}));
        assert_eq!(book.get("a.b").unwrap().layers.len(), 2);
        assert_eq!(book.below("a").count(), 2);
        assert_eq!(book.below("a.b").count(), 1);
        assert_eq!(book.below("a.").count(), 0);
    }
}
