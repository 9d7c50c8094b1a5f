//! Facts of a cluster, and interfaces of nodes, against a stand-in of AWS.

#![allow(
    clippy::disallowed_methods,
    reason = "tests reach the disk, processes and the environment"
)]

mod compare;
mod eni;
mod facts;
mod identity;
mod kills;
mod moto;
mod waiting;
pub mod world;

use base64::Engine as _;
pub use eni::with_node;

use crate::support::root;

/// The CA of the tests' cluster, in PEM.
fn ca() -> String {
    pem("tests/fixtures/cluster.yaml")
}

/// The CA of a cluster.yaml, in PEM.
fn pem(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    let begin = text.find("    -----BEGIN").unwrap();
    text[begin..].lines().map(|line| format!("{}\n", line.trim())).collect()
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Holds a text to the golden of that name.
pub fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/cloud");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
