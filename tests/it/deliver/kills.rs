//! The real programs, killed for real: the binary at each of its system calls that change the disk (strace sends the
//! signal), `install.sh` before and in the middle of each command that does. After each kill either program brings the
//! image to exactly the new state, and either to exactly the old one. `NODEBAKE_ALL_KILLS=1` kills at each of them, which
//! takes four minutes, instead of at every fifth.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use super::bundle::{Members, image, members, unpack, write};
use super::image::tree;
use super::shell::{Tree, assert_same};
use crate::support::{TempDir, have, nodebake, stderr};
use nodebake::bake::bundle::Part;

fn first() -> Members {
    members(&[
        (Part::Node, "/etc/a.conf", b"a\n", "0640"),
        (Part::Node, "/etc/gone/b.conf", b"b\n", "0600"),
    ])
}

fn second() -> Members {
    members(&[
        (Part::Node, "/etc/a.conf", b"a, newer\n", "0644"),
        (Part::Node, "/opt/cni/bin/tool", &[8; 9000], "0755"),
        (Part::Image, "/etc/systemd/system/x.service", b"[Unit]\n", "0644"),
    ])
}

/// What is done, to what, and where it leads.
struct Scene {
    name: &'static str,
    args: &'static [&'static str],
    before: TempDir,
    old: Tree,
    new: Tree,
}

/// Bundles, archived and unpacked.
fn kit() -> TempDir {
    let kit = TempDir::new();
    for (name, members) in [("first", first()), ("second", second())] {
        write(&kit, &format!("{name}.tar.gz"), &members);
        unpack(&kit.path().join(name), &members);
    }
    kit
}

fn copy(from: &Path) -> TempDir {
    let to = TempDir::new();
    let status = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", from.display()))
        .arg(to.path())
        .status();
    assert!(status.unwrap().success());
    to
}

fn binary(kit: &TempDir, args: &[&str], root: &Path) -> Output {
    nodebake(&[args, &["--root", &root.display().to_string()]].concat(), kit.path())
}

fn must(kit: &TempDir, args: &[&str], root: &Path, what: &str) {
    let output = binary(kit, args, root);
    assert!(output.status.success(), "{what}, then {args:?}: {}", stderr(&output));
}

fn scenes(kit: &TempDir, all: bool) -> Vec<Scene> {
    let installed = image();
    installed.write("opt/cni/bin/tool", "foreign\n");
    must(kit, &["install", "first"], installed.path(), "to begin");
    let mut scenes: Vec<(&str, TempDir, &[&str])> = vec![
        ("fresh", image(), &["install", "second"]),
        ("upgrade", copy(installed.path()), &["install", "second", "--backup"]),
    ];
    if all {
        scenes.push(("rollback", copy(installed.path()), &["rollback"]));
        scenes.push(("uninstall", copy(installed.path()), &["uninstall", "--yes"]));
    }
    let finish = |(name, before, args): (&'static str, TempDir, &'static [&'static str])| {
        let whole = copy(before.path());
        must(kit, args, whole.path(), name);
        Scene {
            name,
            args,
            old: tree(before.path()),
            new: tree(whole.path()),
            before,
        }
    };
    scenes.into_iter().map(finish).collect()
}

/// Both ways out of a broken image.
fn recovers(kit: &TempDir, scene: &Scene, broken: &Path, what: &str) {
    let forward = copy(broken);
    must(kit, scene.args, forward.path(), what);
    assert_same(&tree(forward.path()), &scene.new, &format!("{what}, then again"));
    if tree_with_journal(broken) == tree_with_journal(scene.before.path()) {
        // Nothing had begun.
        return;
    }
    must(kit, &["rollback"], broken, what);
    let got = tree(broken);
    let ended = got == scene.new && ["rollback", "uninstall"].contains(&scene.name);
    if !ended {
        assert_same(&got, &scene.old, &format!("{what}, then rollback"));
    }
}

fn tree_with_journal(root: &Path) -> (Tree, bool, Option<String>) {
    let state = root.join("var/lib/nodebake");
    (
        tree(root),
        state.join("journal.new").exists(),
        std::fs::read_to_string(state.join("journal/state")).ok(),
    )
}

/// How many possible kills are one that is tried.
fn every() -> usize {
    if std::env::var_os("NODEBAKE_ALL_KILLS").is_some() {
        1
    } else {
        5
    }
}

/// Whether strace may trace here.
fn traces() -> bool {
    if !have("strace") {
        return false;
    }
    let works = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status()
        .unwrap()
        .success();
    assert!(
        works || std::env::var("CI").as_deref() != Ok("true"),
        "CI=true and strace may not trace"
    );
    if !works {
        println!("skipped: strace may not trace here");
    }
    works
}

const CALLS: [&str; 12] = [
    "write",
    "fchmod",
    "fchown",
    "linkat",
    "renameat",
    "renameat2",
    "unlinkat",
    "mkdirat",
    "symlinkat",
    "fsync",
    "flock",
    "close",
];

#[test]
fn the_binary_killed_at_each_call_that_changes_the_disk() {
    if !traces() {
        return;
    }
    let kit = kit();
    let mut kills = 0;
    for scene in scenes(&kit, true) {
        for call in CALLS {
            // Closing changes nothing by itself, but happens everywhere else.
            let step = if call == "close" { 41 } else { 1 } * every();
            for at in (1..).step_by(step) {
                let broken = copy(scene.before.path());
                let output = Command::new("strace")
                    .args(["-f", "-qq", "-o", "/dev/null", "-e"])
                    .arg(format!("inject={call}:signal=KILL:when={at}"))
                    .arg(env!("CARGO_BIN_EXE_nodebake"))
                    .args(scene.args)
                    .arg("--root")
                    .arg(broken.path())
                    .current_dir(kit.path())
                    .output()
                    .unwrap();
                if output.status.success() {
                    break;
                }
                let what = format!("{}, killed at {call} {at}", scene.name);
                assert_eq!(output.status.code(), None, "{what}: {}", stderr(&output));
                recovers(&kit, &scene, broken.path(), &what);
                kills += 1;
            }
        }
    }
    assert!(kills > 200 / every(), "{kills}");
    println!("{kills} kills of the binary, 0 lost, 0 mixed");
}

/// Commands of the script that change the disk. Each is counted; at one of them the whole script is killed, before it
/// or, of a copy, when half of it is written.
const STUB: &str = r#"#!/bin/sh
n=${0##*/}
c=$(($(cat "$COUNT" 2>/dev/null) + 1))
echo $c >"$COUNT"
PATH=${PATH#*:}
if [ "${KILL_AT:-}" = $c ]; then
	if [ "$n" = cp ] && [ "$HALF" ]; then
		cp "$@"
		for to in "$@"; do :; done
		truncate -s "$(($(stat -c %s "$to") / 2))" "$to"
	fi
	kill -9 0
fi
exec "$n" "$@"
"#;

#[test]
fn the_script_killed_at_each_command_that_changes_the_disk() {
    if !have("dash") || !have("setsid") {
        return;
    }
    let kit = kit();
    let stubs = TempDir::new();
    for name in ["mkdir", "rmdir", "mv", "cp", "ln", "rm", "chmod", "chown", "sync"] {
        let path = stubs.write(name, STUB);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut kills = 0;
    for scene in scenes(&kit, false) {
        for half in ["", "1"] {
            for at in (1..).step_by(every()) {
                let broken = copy(scene.before.path());
                let count = TempDir::new();
                let script = kit.path().join(scene.args[1]).join("install.sh");
                let output = Command::new("setsid")
                    .args(["--wait", "dash"])
                    .arg(script)
                    .args(&scene.args[2..])
                    .arg("--root")
                    .arg(broken.path())
                    .env(
                        "PATH",
                        format!("{}:{}", stubs.path().display(), std::env::var("PATH").unwrap()),
                    )
                    .env("COUNT", count.path().join("n"))
                    .env("TMPDIR", count.path())
                    .env("KILL_AT", at.to_string())
                    .env("HALF", half)
                    .output()
                    .unwrap();
                if output.status.success() {
                    break;
                }
                let what = format!("{} by install.sh, killed at command {at} {half}", scene.name);
                assert_ne!(output.status.code(), Some(3), "{what}: {}", stderr(&output));
                recovers(&kit, &scene, broken.path(), &what);
                kills += 1;
            }
        }
    }
    assert!(kills > 150 / every(), "{kills}");
    println!("{kills} kills of install.sh, 0 lost, 0 mixed");
}
