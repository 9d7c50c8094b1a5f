//! Floor 5: what people review. The plain tree, and a manifest that pins what a text diff does not show: modes, owners,
//! sizes, final newlines.

use std::fmt::Write;

use crate::tree::FileTree;

/// One line for each file: mode, owner, size, digest, path. Sorted by path.
pub fn manifest(tree: &FileTree) -> String {
    let mut text = String::from("# mode owner size sha256 path\n");
    for entry in tree.iter() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} root:root {:>6} {} {}",
            entry.mode,
            entry.text.len(),
            entry.sha256(),
            entry.tree_path()
        );
    }
    text
}
