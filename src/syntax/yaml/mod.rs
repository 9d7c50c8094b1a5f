//! YAML as people write it: a tree in which every node knows its place, and readers that report every mistake.
//!
//! Anchors, aliases, tags and several documents in one file are refused: they hide what a reviewer should see, and a few
//! lines of them can grow into gigabytes.

mod emit;
mod json;
mod node;
mod parse;
mod read;

pub use emit::{block_scalar, is_block_safe, scalar};
pub use json::{from_json, to_json};
pub use node::{Entry, Kind, Node};
pub use parse::parse;
pub use read::{Fields, Reader};
