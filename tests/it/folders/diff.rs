//! What `nodebake diff` says of a folder.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;

use super::{diff, node, read, render, rendered};
use crate::support::{TempDir, have, nodebake, root, stderr, stdout};

const FILE: &str = "out/node/etc/nodebake/node.env";

/// The differences, each as `change path`, and the first one's notes.
fn told(folder: &TempDir) -> (Vec<String>, String) {
    let output = nodebake(&["diff", "node.yaml", "out", "--json"], folder.path());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let nodes: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let files = nodes[0]["files"].as_array().unwrap();
    let line = |file: &Value| {
        format!(
            "{} {}",
            file["change"].as_str().unwrap(),
            file["path"].as_str().unwrap()
        )
    };
    let notes: Vec<&str> = files[0]["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect();
    (files.iter().map(line).collect(), notes.join("; "))
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn a_fresh_folder_is_the_same_and_so_is_a_checkout_of_it() {
    let folder = rendered();
    let output = diff(&folder);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(stdout(&output), "");
    assert_eq!(stderr(&output), "out holds what node.yaml renders\n");
    // git keeps the execute bit and no other.
    mode(&folder.path().join("out/node/var/lib/kubelet/kubeconfig"), 0o644);
    folder.write("out/README", "not in a plane: not looked at\n");
    assert_eq!(diff(&folder).status.code(), Some(0));
    let json = nodebake(&["diff", "node.yaml", "out", "--json"], folder.path());
    let nodes: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(
        nodes,
        serde_json::json!([{ "name": "node-17", "change": null, "files": [] }])
    );
}

#[test]
fn a_changed_node_is_shown_as_a_patch_that_applies() {
    let folder = rendered();
    node(&folder, "  sizing: { maxPods: 60 }\n");
    let output = diff(&folder);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("\n-maxPods: 110\n") && text.contains("\n+maxPods: 60\n"),
        "{text}"
    );
    assert!(text.contains("\n--- a/MANIFEST\n+++ b/MANIFEST\n"), "{text}");
    assert!(!text.contains("\x1b["), "{text}");
    assert!(stderr(&output).contains(" 0 added, "), "{}", stderr(&output));
    assert!(
        stderr(&output).ends_with("`nodebake render node.yaml -o out` brings it up to date\n"),
        "{}",
        stderr(&output)
    );
    if have("patch") {
        folder.write("patch", &text);
        let patch = std::process::Command::new("patch")
            .args(["-s", "-p1", "-d", "out", "-i", "../patch"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(patch.status.success(), "{}{}", stdout(&patch), stderr(&patch));
        assert_eq!(diff(&folder).status.code(), Some(0), "{}", stdout(&diff(&folder)));
    }
    render(&folder);
    assert_eq!(diff(&folder).status.code(), Some(0));
}

#[test]
fn what_hands_do_to_a_folder_is_named() {
    let folder = rendered();
    let path = folder.path().join(FILE);
    let good = read(&folder, FILE);
    let changed = "changed node/etc/nodebake/node.env";
    for (content, note) in [
        (format!("{good}X=1\n").into_bytes(), "edited since it was rendered"),
        (
            format!("<<<<<<< ours\n{good}=======\n>>>>>>> theirs\n").into_bytes(),
            "has the marks of a merge conflict, line 1; edited",
        ),
        (b"\0\xff".to_vec(), "is binary in the folder, 2 bytes; edited"),
        (
            good.replace('\n', "\r\n").into_bytes(),
            "only its line ends differ: CRLF in the folder; edited",
        ),
        (vec![b'x'; 2 << 20], "has 2097152 bytes in the folder"),
        (b"\x1b[2Jgone\n".to_vec(), "edited since"),
    ] {
        std::fs::write(&path, content).unwrap();
        let (lines, notes) = told(&folder);
        assert_eq!(lines, [changed]);
        assert!(notes.starts_with(note), "{notes}");
        assert!(!stdout(&diff(&folder)).contains('\x1b'));
    }
    std::fs::write(&path, &good).unwrap();
    mode(&path, 0o755);
    assert_eq!(
        told(&folder),
        (vec![changed.into()], "is executable in the folder".into())
    );
    std::fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(told(&folder), (vec![changed.into()], "is a link in the folder".into()));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(told(&folder).0, ["added node/etc/nodebake/node.env"]);
    std::fs::create_dir(&path).unwrap();
    assert_eq!(told(&folder).1, "a folder is in its place");
}

#[test]
fn files_of_others_and_files_in_the_place_of_folders_are_named() {
    let folder = rendered();
    folder.write("out/node/etc/foreign", "x\n");
    assert_eq!(
        told(&folder),
        (
            vec!["removed node/etc/foreign".into()],
            "nodebake did not write it".into()
        )
    );
    std::fs::remove_dir_all(folder.path().join("out/aws")).unwrap();
    folder.write("out/aws", "x\n");
    let (lines, _) = told(&folder);
    assert!(lines.contains(&"removed aws".into()), "{lines:?}");
    assert!(lines.contains(&"added aws/role-trust-policy.json".into()), "{lines:?}");
    assert!(stdout(&diff(&folder)).contains("(aws is no folder)"));
    let output = nodebake(&["render", "node.yaml", "-o", "out"], folder.path());
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("out: aws is no folder, and aws/"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_manifest_is_a_file_that_can_be_wrong_too() {
    let folder = rendered();
    let good = read(&folder, "out/MANIFEST");
    let line = good.lines().find(|line| line.starts_with("0600 ")).unwrap();
    folder.write("out/MANIFEST", good.replace(line, &line.replace("0600", "0644")));
    let output = diff(&folder);
    assert!(stdout(&output).contains("(mode 0644 to 0600)"), "{}", stdout(&output));
    folder.write("out/MANIFEST", format!("<<<<<<< ours\n{good}"));
    assert_eq!(told(&folder).0, ["changed MANIFEST"]);
    assert!(told(&folder).1.contains("merge conflict"), "{}", told(&folder).1);
    std::fs::remove_file(folder.path().join("out/MANIFEST")).unwrap();
    assert_eq!(told(&folder).0, ["added MANIFEST"]);
}

#[test]
fn a_folder_that_is_none_is_told() {
    let folder = rendered();
    for (dir, code, words) in [
        (
            "nowhere",
            3,
            "nowhere is not there: `nodebake render node.yaml -o nowhere` writes it",
        ),
        ("node.yaml", 3, "reading the folder node.yaml: "),
        (".", 2, ". is no folder that `nodebake render` wrote"),
    ] {
        let output = nodebake(&["diff", "node.yaml", dir], folder.path());
        assert_eq!(output.status.code(), Some(code), "{dir}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    folder.write("node.yaml", "kind: Node\n");
    let output = diff(&folder);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
}

#[test]
fn of_a_fleet_every_node_is_compared() {
    let folder = TempDir::new();
    for name in ["fleet.yaml", "cluster.yaml"] {
        folder.write(name, std::fs::read(root().join("examples/fleet").join(name)).unwrap());
    }
    let run = |args: &[&str]| nodebake(args, folder.path());
    let output = run(&["render", "fleet.yaml", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(run(&["diff", "fleet.yaml", "out"]).status.code(), Some(0));
    let names: Vec<String> = std::fs::read_dir(folder.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    std::fs::rename(
        folder.path().join("out").join(&names[0]),
        folder.path().join("out/other"),
    )
    .unwrap();
    let output = run(&["diff", "fleet.yaml", "out"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "added {}: a node without a folder\nremoved other: a folder without a node\n",
        names[0]
    );
    assert_eq!(stdout(&output), expected);
    let output = run(&["render", "fleet.yaml", "-o", "out"]);
    assert!(
        stderr(&output).contains("out/other is of no node of this fleet: left alone\n"),
        "{}",
        stderr(&output)
    );
}
