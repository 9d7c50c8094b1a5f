//! What differs is told, and what does not is not.

use std::collections::BTreeMap;

use nodebake::base::{Mode, OnDisk, Place, Source};
use nodebake::catalog::{Catalog, Plane};
use nodebake::review::{FileDiff, Golden, How, Impacts, MANIFEST, diff};
use nodebake::syntax::FileType;
use nodebake::tree::{Entry, FileTree};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::holds;
use super::strategies::text;
use crate::support::{build, node_yaml};

/// Every byte of every file of a node, changed, added or taken away: at least one change is told in words, and it is of
/// that file.
#[test]
fn no_changed_byte_stays_untold() {
    let built = build(
        &node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", ""),
        "1.35",
    )
    .unwrap();
    let golden = Golden::new(built.verified.tree(), None);
    let impacts = Impacts::read(&Catalog::embedded()).unwrap();
    let paths: Vec<String> = golden.paths().map(str::to_owned).collect();
    let same = golden.as_found();
    assert_eq!(diff(&golden, "x", &same, &impacts), []);
    let how = select(vec!["replace", "insert", "remove", "swap", "double", "cut"]);
    let strategy = (any::<Index>(), any::<Index>(), any::<u8>(), how);
    holds("changed-bytes", 600, strategy, |(file, at, byte, how)| {
        let path = file.get(&paths);
        let mut found = same.clone();
        let Some(OnDisk::File { bytes, .. }) = found.get_mut(path) else {
            return Err(TestCaseError::fail("no file"));
        };
        let before = bytes.clone();
        let at = at.index(bytes.len());
        match how {
            "replace" => bytes[at] = byte,
            "insert" => bytes.insert(at, byte),
            "remove" => drop(bytes.remove(at)),
            "swap" => {
                let other = (at + 1) % bytes.len();
                bytes.swap(at, other);
            }
            "double" => {
                let line: Vec<u8> = bytes[at..].iter().copied().take_while(|byte| *byte != b'\n').collect();
                bytes.splice(at..at, line);
            }
            _ => bytes.truncate(at),
        }
        let differs = *bytes != before;
        let told = diff(&golden, "x", &found, &impacts);
        let own: Vec<&FileDiff> = told.iter().filter(|file| file.path == *path).collect();
        prop_assert_eq!(own.len(), usize::from(differs), "{} {:?}", path, told);
        for file in own {
            prop_assert!(!file.words().is_empty() && file.words().iter().all(|words| !words.is_empty()));
            prop_assert!(file.how != How::Same);
            prop_assert!(path == MANIFEST || file.edited, "{:?}", file);
            if file.how == How::Values {
                prop_assert!(!file.items.is_empty());
            }
        }
        Ok(())
    });
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5i64..5).prop_map(Value::from),
        select(vec!["", "1", "true", "null", "a", "a b", "[a]", "1Gi", "~", "@inf"]).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((select(vec!["name", "a", "b", "c.d", ""]), inner), 0..4).prop_map(|pairs| {
                let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(pairs.collect::<Map<_, _>>())
            }),
        ]
    })
}

fn told(filetype: FileType, old: &str, new: &str) -> Option<FileDiff> {
    let tree = |text: &str| {
        let mut tree = FileTree::default();
        let entry = Entry {
            path: "/x".parse().unwrap(),
            mode: Mode::PUBLIC,
            filetype,
            plane: Plane::Node,
            text: text.to_owned(),
            origin: Place::new(&Source::new("x", "x"), 0..0),
        };
        assert!(tree.insert(entry).is_ok());
        tree
    };
    let (before, after) = (tree(old), tree(new));
    let found: BTreeMap<String, OnDisk> = Golden::new(&before, None).as_found();
    let all = diff(&Golden::new(&after, None), "x", &found, &Impacts::default());
    all.into_iter().find(|file| file.path != MANIFEST)
}

/// Values of documents differ exactly if values are told; the order of maps and the way they are written are not values.
#[test]
fn values_are_told_exactly_if_they_differ() {
    holds("told-values", 400, (value(), value()), |(old, new)| {
        let (old, new) = (json!({ "x": old }), json!({ "x": new }));
        let (flat, pretty) = (old.to_string(), serde_json::to_string_pretty(&new).unwrap());
        for filetype in [FileType::Json, FileType::Yaml] {
            if let Some(file) = told(filetype, &flat, &pretty) {
                // What YAML reads otherwise than JSON is compared by lines.
                if file.how != How::Text {
                    prop_assert_eq!(file.how == How::Values, old != new, "{:?}", file);
                }
            } else {
                prop_assert_eq!(&flat, &pretty);
            }
        }
        let again = told(FileType::Json, &serde_json::to_string_pretty(&old).unwrap(), &flat);
        prop_assert!(again.is_none_or(|file| matches!(file.how, How::Reformatted | How::Text)));
        Ok(())
    });
}
