//! `Node::over`, by which a Fleet's node is laid over its defaults, and profiles over each other.

use nodebake::base::{Place, Source};
use nodebake::syntax::yaml::{Entry, Kind, Node};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::holds;

/// Few keys, so that they meet.
fn tree() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        (0..3).prop_map(|number| json!(number)),
        Just(json!([1])),
        Just(json!({}))
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        vec((select(&["a", "b", "c", "d"][..]), inner), 0..4).prop_map(|pairs| {
            let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
            Value::Object(pairs.collect::<Map<_, _>>())
        })
    })
    .boxed()
}

fn node(value: &Value, place: &Place) -> Node {
    let kind = match value {
        Value::Object(map) => Kind::Map(
            map.iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    key_place: place.clone(),
                    value: node(value, place),
                })
                .collect(),
        ),
        Value::Array(items) => Kind::List(items.iter().map(|item| node(item, place)).collect()),
        other => Kind::Scalar {
            text: other.to_string(),
            plain: true,
        },
    };
    Node {
        place: place.clone(),
        kind,
    }
}

/// The values without their places and the order of keys.
fn bare(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar { text, .. } => json!(text),
        Kind::List(items) => items.iter().map(bare).collect(),
        Kind::Map(entries) => {
            let mut pairs: Vec<(String, Value)> = entries
                .iter()
                .map(|entry| (entry.key.clone(), bare(&entry.value)))
                .collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        }
    }
}

/// The law in one line: what the upper layer says wins, maps go on inside.
fn meant(upper: &Value, lower: &Value) -> Value {
    let (Value::Object(up), Value::Object(low)) = (upper, lower) else {
        return upper.clone();
    };
    let mut merged = low.clone();
    for (key, value) in up {
        let value = low.get(key).map_or_else(|| value.clone(), |below| meant(value, below));
        merged.insert(key.clone(), value);
    }
    Value::Object(merged)
}

#[test]
fn layers_merge_lawfully() {
    let up_place = Place::new(&Source::new("upper", "u"), 0..1);
    let low_place = Place::new(&Source::new("lower", "l"), 0..1);
    holds("layers", 4000, (tree(), tree()), |(a, b)| {
        let (up, low) = (node(&a, &up_place), node(&b, &low_place));
        let merged = up.clone().over(&low);
        prop_assert_eq!(
            bare(&merged),
            bare(&node(&meant(&a, &b), &up_place)),
            "the upper layer wins"
        );
        prop_assert_eq!(
            bare(&up.clone().over(&up)),
            bare(&up),
            "laid over itself, a layer is itself"
        );
        prop_assert_eq!(bare(&merged.clone().over(&low)), bare(&merged), "twice is once");
        prop_assert_eq!(bare(&up.clone().over(&merged)), bare(&merged), "it is there already");
        // Every key stands once, and its place is where its value was written.
        if let Kind::Map(entries) = &merged.kind {
            for entry in entries {
                prop_assert_eq!(entries.iter().filter(|other| other.key == entry.key).count(), 1);
                let from = if a.get(&entry.key).is_some() {
                    &up_place
                } else {
                    &low_place
                };
                prop_assert_eq!(&entry.key_place, from);
                prop_assert_eq!(&entry.value.place, from);
            }
        }
        Ok(())
    });
}
