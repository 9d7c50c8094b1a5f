//! `install.sh` and `nodebake install` do the same: each step by either one gives the same tree and record, and either
//! continues or takes back what the other left.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::bundle::{image, unpack};
use super::image::{first, second, tree};
use crate::support::{TempDir, have, nodebake, stderr};

/// Who installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Binary,
    Dash,
    Busybox,
}

const ALL: [Who; 3] = [Who::Binary, Who::Dash, Who::Busybox];

/// Bundles, unpacked.
struct Kit(TempDir);

impl Kit {
    fn new() -> Self {
        let folder = TempDir::new();
        unpack(&folder.path().join("first"), &first());
        unpack(&folder.path().join("second"), &second());
        // Nothing but busybox is found there.
        let tools = folder.path().join("busybox");
        std::fs::create_dir(&tools).unwrap();
        if have("busybox") {
            let list = Command::new("busybox").arg("--list").output().unwrap();
            for name in String::from_utf8(list.stdout).unwrap().lines() {
                let _ = std::os::unix::fs::symlink("/usr/bin/busybox", tools.join(name));
            }
        }
        Self(folder)
    }

    /// Runs one of `install BUNDLE …`, `rollback …` by `who`; gives its exit code and what it said.
    fn run(&self, who: Who, args: &[&str], root: &Path) -> (Option<i32>, String) {
        let root = root.display().to_string();
        let output = match who {
            Who::Binary => nodebake(&[args, &["--root", &root]].concat(), self.0.path()),
            Who::Dash | Who::Busybox => {
                let (bundle, rest): (&str, Vec<&str>) = match args {
                    ["install", bundle, rest @ ..] => (bundle, rest.to_vec()),
                    ["rollback", rest @ ..] => ("first", [&["--rollback"], rest].concat()),
                    other => panic!("{other:?}"),
                };
                let script = self.0.path().join(bundle).join("install.sh");
                let mut command = if who == Who::Dash {
                    Command::new("dash")
                } else {
                    let tools: PathBuf = self.0.path().join("busybox");
                    let mut command = Command::new(tools.join("sh"));
                    command.env("PATH", tools);
                    command
                };
                command.arg(script).args(rest).args(["--root", &root]).output().unwrap()
            }
        };
        (output.status.code(), stderr(&output))
    }
}

type Step<'a> = (&'a [&'a str], i32);

/// Steps that are taken one after the other, with a change by hand before some.
const STORIES: [&[Step<'static>]; 5] = [
    &[
        (&["install", "first"], 0),
        (&["install", "first"], 0),
        (&["install", "second"], 0),
        (&["rollback"], 0),
        (&["rollback"], 0),
    ],
    &[(&["install", "first"], 0), (&["rollback"], 0)],
    &[
        (&["touch", "etc/a.conf"], 0),
        (&["touch", "opt/cni/bin/tool"], 0),
        (&["install", "first"], 1),
        (&["install", "first", "--backup"], 0),
        (&["touch", "etc/a.conf"], 0),
        (&["install", "second"], 1),
        (&["rollback"], 1),
        (&["install", "second", "--backup"], 0),
        (&["rollback"], 0),
    ],
    &[
        (&["touch", "etc/a.conf"], 0),
        (&["touch", "opt/cni/bin/tool"], 0),
        (&["install", "first", "--adopt"], 0),
        (&["install", "first"], 0),
        (&["install", "second"], 0),
        (&["rollback"], 0),
    ],
    &[
        (&["touch", "etc/a.conf"], 0),
        (&["install", "first", "--backup"], 0),
        (&["touch", "etc/new/deep/b.conf"], 0),
        (&["install", "second"], 0),
        (&["install", "first", "--backup"], 0),
        (&["touch", "etc/a.conf"], 0),
        (&["rollback", "--backup"], 0),
    ],
];

#[test]
fn both_do_the_same() {
    if !have("busybox") || !have("dash") {
        return;
    }
    let kit = Kit::new();
    for (number, story) in STORIES.iter().enumerate() {
        let roots: Vec<TempDir> = ALL.iter().map(|_| image()).collect();
        // One after the other by all of them in turn.
        let mixed = image();
        for (at, (args, code)) in story.iter().enumerate() {
            if let ["touch", path] = args {
                for root in roots.iter().chain([&mixed]) {
                    root.write(path, format!("by hand {at}\n"));
                }
                continue;
            }
            let what = format!("story {number}, step {at}: {args:?}");
            for (who, root) in ALL.iter().zip(&roots) {
                let (ended, said) = kit.run(*who, args, root.path());
                assert_eq!(ended, Some(*code), "{what} by {who:?}: {said}");
                assert_same(
                    &tree(root.path()),
                    &tree(roots[0].path()),
                    &format!("{what} by {who:?}: {said}"),
                );
            }
            let (ended, said) = kit.run(ALL[(at + 1) % 3], args, mixed.path());
            assert_eq!(ended, Some(*code), "{what}, mixed: {said}");
            assert_same(
                &tree(mixed.path()),
                &tree(roots[0].path()),
                &format!("{what}, mixed: {said}"),
            );
        }
    }
}

pub type Tree = std::collections::BTreeMap<String, String>;

pub fn assert_same(got: &Tree, want: &Tree, what: &str) {
    let lines = |tree: &Tree| -> std::collections::BTreeSet<String> {
        tree.iter()
            .map(|(path, is)| format!("{path} {}", is.chars().take(900).collect::<String>()))
            .collect()
    };
    let (has, wanted) = (lines(got), lines(want));
    assert!(
        got == want,
        "{what}\n too much: {:#?}\n missing: {:#?}",
        has.difference(&wanted).collect::<Vec<_>>(),
        wanted.difference(&has).collect::<Vec<_>>()
    );
}

/// What is damaged is refused, and nothing is written.
#[test]
fn the_script_refuses_damaged_bundles() {
    if !have("dash") {
        return;
    }
    let root = image();
    let before = tree(root.path());
    for (name, from, to, message) in [
        ("nodes/n/node/etc/a.conf", "a", "b", "it was changed"),
        (
            "nodes/n/install.list",
            "/etc/a.conf",
            "/etc/../a.conf",
            "not a clean path",
        ),
        ("nodes/n/install.list", "/lib/c.conf", "/etc/a.conf", "twice"),
        ("nodes/n/install.list", "state\t", "node\t", "not where it goes"),
        (
            "nodes/n/install.list",
            "nodes/n/node/etc/a.conf",
            "../x",
            "not what SHA256SUMS tells",
        ),
        (
            "nodes/n/install.list",
            "/var/lib/nodebake/stage/etc/a.conf",
            "/var/lib/nodebake/ledger",
            "not for a bundle to write",
        ),
    ] {
        let is_list = name == "nodes/n/install.list";
        let kit = Kit::new();
        let path = kit.0.path().join("first").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed =
            text.replacen(&format!("\t{from}"), &format!("\t{to}"), 9)
                .replacen(from, to, usize::from(!is_list));
        let changed = if changed == text {
            text.replace(from, to)
        } else {
            changed
        };
        std::fs::write(&path, &changed).unwrap();
        if is_list {
            let sums = kit.0.path().join("first/SHA256SUMS");
            let of = |text: &str| nodebake::base::Sha256::of(text.as_bytes()).to_string();
            let all = std::fs::read_to_string(&sums).unwrap();
            std::fs::write(&sums, all.replace(&of(&text), &of(&changed))).unwrap();
        }
        let (ended, said) = kit.run(Who::Dash, &["install", "first"], root.path());
        assert_eq!(ended, Some(1), "{name}: {said}");
        assert!(said.contains(message), "{name}, {message}: {said}");
        assert_same(&tree(root.path()), &before, name);
    }
}

#[test]
fn the_script_is_clean() {
    let script = crate::support::root().join("src/bake/bundle/install.sh");
    if have("shellcheck") {
        let output = Command::new("shellcheck")
            .args(["-s", "sh"])
            .arg(&script)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", crate::support::stdout(&output));
    }
}
