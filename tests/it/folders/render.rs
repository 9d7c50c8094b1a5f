//! What `nodebake render` does with what it finds.

use std::os::unix::fs::symlink;

use super::{diff, node, own, read, render, rendered};
use crate::support::{nodebake, stderr};

#[test]
fn render_takes_away_what_it_made_before_and_nothing_else() {
    let folder = rendered();
    node(&folder, &own("/etc/deep/er/x"));
    render(&folder);
    assert!(folder.path().join("out/node/etc/deep/er/x").exists());
    folder.write("out/node/etc/foreign", "x\n");
    node(&folder, "");
    let said = render(&folder);
    assert!(said.contains("  removed, made no more: node/etc/deep/er/x\n"), "{said}");
    assert!(
        said.contains("  left alone, not nodebake's: node/etc/foreign\n"),
        "{said}"
    );
    assert!(!folder.path().join("out/node/etc/deep").exists());
    assert!(folder.path().join("out/node/etc/foreign").exists());
    // Changed by hand: not taken away.
    node(&folder, &own("/etc/deep/er/x"));
    render(&folder);
    folder.write("out/node/etc/deep/er/x", "mine\n");
    node(&folder, "");
    let said = render(&folder);
    assert!(
        said.contains("  left alone, made no more but changed by hand: node/etc/deep/er/x\n"),
        "{said}"
    );
    assert_eq!(read(&folder, "out/node/etc/deep/er/x"), "mine\n");
}

/// A file where a folder was, and a folder where a file was.
#[test]
fn render_turns_files_into_folders_and_back() {
    let folder = rendered();
    for path in ["/etc/turn", "/etc/turn/a/b", "/etc/turn"] {
        node(&folder, &own(path));
        render(&folder);
        assert_eq!(read(&folder, &format!("out/node{path}")), "x\n");
        assert_eq!(diff(&folder).status.code(), Some(0));
    }
    std::fs::remove_file(folder.path().join("out/node/etc/turn")).unwrap();
    folder.write("out/node/etc/turn/mine", "x\n");
    let output = nodebake(&["render", "node.yaml", "-o", "out"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output)
            .contains("node/etc/turn/mine is in a folder where the file node/etc/turn is to be; nothing is written"),
        "{}",
        stderr(&output)
    );
}

/// A MANIFEST is a file that anybody may have written: it leads render nowhere but into the folder's planes.
#[test]
fn a_manifest_cannot_make_render_remove_what_is_not_its_own() {
    let folder = rendered();
    folder.write("victim", "x\n");
    folder.write("elsewhere/y", "x\n");
    symlink("../../elsewhere", folder.path().join("out/node/link")).unwrap();
    let digest = nodebake::base::Sha256::of(b"x\n");
    let mut evil = read(&folder, "out/MANIFEST");
    for path in ["node/../../victim", "../victim", "node/link/y", "/victim"] {
        evil.push_str(&format!("0644 root:root      2 {digest} {path}\n"));
    }
    folder.write("out/MANIFEST", evil);
    let said = render(&folder);
    assert!(said.contains("its MANIFEST was damaged at line "), "{said}");
    assert!(folder.path().join("victim").exists() && folder.path().join("elsewhere/y").exists());
    assert!(said.contains("left alone, not nodebake's: node/link\n"), "{said}");
}
