//! The order of the floors: a floor imports lower ones only. Reads the sources; `use crate::{a, b}` would hide an import
//! from it, so that form is refused.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk")]

use std::path::Path;

use crate::support::root;

/// Every room with its floor. Rooms of one floor do not import each other, except along `BESIDE`.
const FLOORS: [(&str, u8); 17] = [
    ("base", 0),
    ("syntax", 0),
    ("spec", 1),
    ("catalog", 1),
    ("facts", 1),
    ("plan", 2),
    ("tree", 3),
    ("render", 3),
    ("verify", 4),
    ("plugin", 5),
    ("bake", 5),
    ("review", 5),
    ("pipeline", 6),
    ("deliver", 6),
    ("cloud", 6),
    ("edge", 7),
    ("cli", 8),
];

/// Imports within a floor.
const BESIDE: [(&str, &str); 2] = [("syntax", "base"), ("render", "tree")];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn may_import(room: &str, other: &str) -> bool {
    match (floor(room), floor(other)) {
        (Some(_), Some(_)) if room == other => true,
        // The edge knows the vocabulary and nothing of the pipeline; only the command line names the edge. It also knows
        // `deliver`, `plugin` and `cloud`, because they say in traits what they need of disks, programs and networks, and
        // the edge is where those are.
        (Some(7), Some(floor)) => floor == 0 || matches!(other, "cloud" | "deliver" | "plugin"),
        (Some(own), Some(7)) => own == 8,
        (Some(own), Some(floor)) => floor < own || BESIDE.contains(&(room, other)),
        _ => false,
    }
}

fn wrong_imports(file: &str, room: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if line.contains("crate::{") {
            wrong.push(format!("{file}:{}: write one `use crate::room::…` a line", at + 1));
        }
        for rest in line.split("crate::").skip(1) {
            let other: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if floor(&other).is_some() && !may_import(room, &other) {
                wrong.push(format!("{file}:{}: {room} uses {other}", at + 1));
            }
        }
    }
    wrong
}

fn walk(folder: &Path, room: &str, wrong: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, room, wrong);
        } else {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            wrong.extend(wrong_imports(&name, room, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn floors_import_downwards() {
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            assert!(floor(&room).is_some(), "src/{room} has no floor: add it to this test");
            walk(&path, &room, &mut wrong);
        } else if !["lib", "main"].contains(&room.as_str()) {
            let name = format!("src/{room}.rs");
            wrong.extend(wrong_imports(&name, &room, &std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_import_is_seen() {
    assert_eq!(
        wrong_imports("f", "base", "use crate::plan::Plan;\n"),
        ["f:1: base uses plan"]
    );
    assert_eq!(
        wrong_imports("f", "spec", "\nlet x = crate::catalog::y();\n"),
        ["f:2: spec uses catalog"]
    );
    assert_eq!(
        wrong_imports("f", "verify", "use crate::edge::fs;\n"),
        ["f:1: verify uses edge"]
    );
    assert_eq!(
        wrong_imports("f", "edge", "use crate::plan::Plan;\n"),
        ["f:1: edge uses plan"]
    );
    assert!(wrong_imports("f", "edge", "use crate::deliver::Disk;\n").is_empty());
    assert!(wrong_imports("f", "edge", "use crate::plugin::Host;\n").is_empty());
    assert_eq!(
        wrong_imports("f", "plugin", "use crate::edge::plugin;\n"),
        ["f:1: plugin uses edge"]
    );
    assert_eq!(
        wrong_imports("f", "deliver", "use crate::edge::disk;\n"),
        ["f:1: deliver uses edge"]
    );
    assert_eq!(wrong_imports("f", "cli", "use crate::{base, plan};\n").len(), 1);
    assert!(wrong_imports("f", "plan", "use crate::base::Cidr; // crate::bake\n").len() == 1);
    assert!(wrong_imports("f", "bake", "use crate::plan::Plan;\n").is_empty());
}
