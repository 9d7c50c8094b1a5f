//! Rendered folders: `nodebake diff`, and what `nodebake render` does with a folder that holds something.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk")]

mod diff;
mod render;

use std::process::Output;

use crate::support::{TempDir, node_yaml, nodebake, root, stderr};

/// A folder with a node, rendered to `out`.
fn rendered() -> TempDir {
    let folder = TempDir::new();
    node(&folder, "");
    folder.write(
        "cluster.yaml",
        std::fs::read(root().join("tests/fixtures/cluster.yaml")).unwrap(),
    );
    render(&folder);
    folder
}

fn node(folder: &TempDir, more: &str) {
    let yaml = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", more);
    folder.write("node.yaml", yaml);
}

fn own(path: &str) -> String {
    format!("  files:\n    - {{ path: {path}, mode: \"0644\", type: lines, content: \"x\\n\" }}\n")
}

fn render(folder: &TempDir) -> String {
    let output = nodebake(&["render", "node.yaml", "-o", "out"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stderr(&output)
}

fn diff(folder: &TempDir) -> Output {
    nodebake(&["diff", "node.yaml", "out"], folder.path())
}

fn read(folder: &TempDir, path: &str) -> String {
    std::fs::read_to_string(folder.path().join(path)).unwrap()
}
