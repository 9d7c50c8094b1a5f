//! Large fleets, large files, long differences: bounded, and told.

use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use nodebake::base::Mode;
use nodebake::review::How;
use nodebake::syntax::FileType::{Lines, Yaml};

use super::{edit, fleet, read, run, told, tree};
use crate::support::{TempDir, have, root, stderr, stdout};

/// A comment on GitHub has at most so many characters.
const COMMENT: usize = 65_536;

#[test]
fn a_comment_fits_and_says_what_is_left_out() {
    let folder = fleet();
    let mut files = String::from("    files:\n");
    for number in 0..100 {
        let line = "x".repeat(100);
        writeln!(
            files,
            "      - path: /etc/many/{number}\n        mode: \"0644\"\n        type: lines\n        content: |"
        )
        .unwrap();
        for _ in 0..8 {
            writeln!(files, "          {line} {number}").unwrap();
        }
    }
    edit(
        &folder,
        "fleet.yaml",
        "    kubelet:\n",
        &format!("{files}    kubelet:\n"),
    );
    let markdown = || stdout(&run(&folder, &["diff", "fleet.yaml", "snap", "--format", "markdown"]));
    let text = markdown();
    assert!(text.chars().count() <= COMMENT, "{}", text.chars().count());
    assert!(text.chars().count() > COMMENT / 2, "{}", text.chars().count());
    assert!(
        text.contains("_Not shown, for want of room: "),
        "{}",
        &text[text.len() - 300..]
    );
    assert!(text.contains(" lines of patches._"), "{}", &text[text.len() - 300..]);
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert_eq!(text.matches("```").count() % 2, 0);
    // So many files that not even their names fit.
    let mut many = String::from("    files:\n");
    for number in 0..3000 {
        writeln!(
            many,
            "      - {{ path: /etc/many/{number}, mode: \"0644\", type: lines, content: \"x\\n\" }}"
        )
        .unwrap();
    }
    let yaml = read(&folder, "fleet.yaml").replace(&files, &many);
    folder.write("fleet.yaml", yaml);
    let text = markdown();
    assert!(text.chars().count() <= COMMENT, "{}", text.chars().count());
    assert!(text.contains(" more changes of files"), "{}", &text[text.len() - 300..]);
}

#[test]
fn texts_that_have_nothing_in_common_end_in_time() {
    let lines = |word: &str| (0..60_000).map(|n| format!("{word}{n}\n")).collect::<String>();
    let started = Instant::now();
    let file = told(Lines, "/etc/x", &lines("a"), &lines("b")).unwrap();
    assert_eq!(file.how, How::Text);
    assert!(
        file.diff.contains("\n@@ -1,60000 +1,60000 @@\n"),
        "{}",
        &file.diff[..200]
    );
    assert_eq!(file.diff.lines().count(), 120_003);
    // Where two long texts differ in little, that is told.
    let other = lines("a").replace("a30000\n", "b\n");
    let file = told(Lines, "/etc/x", &lines("a"), &other).unwrap();
    assert!(file.diff.lines().count() < 15, "{}", file.diff);
    let deep = |open: &str, close: &str| format!("a: {}{}\n", open.repeat(5000), close.repeat(5000));
    assert_eq!(told(Yaml, "/etc/x", &deep("[", "]"), "a: 1\n").unwrap().how, How::Text);
    let wide = |value: u32| (0..20_000).map(|n| format!("k{n}: {value}\n")).collect::<String>();
    assert_eq!(told(Yaml, "/etc/x", &wide(1), &wide(2)).unwrap().items.len(), 20_000);
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
}

#[test]
fn a_patch_of_replaced_lines_is_one() {
    use nodebake::base::OnDisk;
    use nodebake::catalog::Catalog;
    use nodebake::review::{Golden, Impacts, diff};
    let lines = |word: &str| (0..9000).map(|n| format!("{word}{n}\n")).collect::<String>();
    let (old, new) = (format!("top\n{}end", lines("a")), format!("top\n{}end\n", lines("b")));
    let (before, after) = (
        tree(Lines, "/x", &old, Mode::PUBLIC),
        tree(Lines, "/x", &new, Mode::PUBLIC),
    );
    let impacts = Impacts::read(&Catalog::embedded()).unwrap();
    let found = Golden::new(&before, None).as_found();
    let patch = diff(&Golden::new(&after, None), "old", &found, &impacts)[0]
        .diff
        .clone();
    if !have("patch") {
        return;
    }
    let folder = TempDir::new();
    let Some(OnDisk::File { bytes, .. }) = found.get("node/x") else {
        panic!()
    };
    folder.write("node/x", bytes);
    folder.write("patch", patch);
    let output = Command::new("patch")
        .args(["-s", "-p1", "-i", "patch"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(read(&folder, "node/x"), new);
}

/// Many nodes, one of them otherwise than the rest. `benches/run` times a thousand.
#[test]
fn many_nodes_fold_to_one_change_with_its_outlier() {
    if !have("git") {
        return;
    }
    let folder = TempDir::new();
    let example = |name: &str| std::fs::read_to_string(root().join("examples/fleet").join(name)).unwrap();
    folder.write("cluster.yaml", example("cluster.yaml"));
    let text = example("fleet.yaml");
    let (head, _) = text.split_once("  nodes:\n").unwrap();
    let mut nodes = String::from("  nodes:\n");
    for number in 0..200 {
        let own = if number == 150 {
            ", sizing: { maxPods: 110 }"
        } else {
            ""
        };
        let address = format!("10.0.{}.{}", 3 + number / 250, 1 + number % 250);
        writeln!(
            nodes,
            "    - {{ name: n{number}, identity: {{ address: {address} }}{own} }}"
        )
        .unwrap();
    }
    folder.write("fleet.yaml", format!("{head}{nodes}"));
    let commit = "git init -q && git add -A && git -c user.name=x -c user.email=x@example.com commit -qm x";
    let output = Command::new("sh")
        .args(["-c", commit])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let head = head.replace("    kubelet:\n", "    sizing: { maxPods: 60 }\n    kubelet:\n");
    folder.write("fleet.yaml", format!("{head}{nodes}"));
    let output = run(&folder, &["diff", "fleet.yaml", "--no-patch", "--against", "git:HEAD"]);
    let text = stdout(&output);
    assert!(
        text.contains("kubelet-config.yaml [kubelet restart] on 199 of 200 nodes, not on n150\n"),
        "{}{}",
        &text[..text.len().min(2000)],
        stderr(&output)
    );
    assert!(text.lines().count() < 40, "{text}");
    assert!(text.contains("\nuser-data "), "{text}");
}
