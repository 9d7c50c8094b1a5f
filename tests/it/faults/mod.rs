//! Faults at every change an installation makes: kill, loss of power, a full disk. After each, `install` leads to
//! exactly the new tree and `rollback` to exactly the old one.

#![allow(clippy::print_stdout, reason = "how much was tried is of interest")]

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use model::{Fault, Model};
use nodebake::bake::bundle::MemberName;
use nodebake::base::Sha256;
use nodebake::deliver::{
    self, After, Left, Nothing, Options, Progress, Source, Supply, Want, Wanted, execute, forget, left, tidy, undo,
};

const OPTIONS: Options = Options {
    backup: false,
    adopt: false,
    owner: Some((0, 0)),
};

/// A bundle in memory: path, text, mode.
#[derive(Clone)]
struct Bundle(Vec<(&'static str, &'static str, u32)>);

fn member(path: &str) -> MemberName {
    format!("nodes/n/node{path}").parse().unwrap()
}

impl Bundle {
    fn wanted(&self) -> Wanted {
        let want = |(path, text, mode): &(&'static str, &'static str, u32)| Want {
            path: path.parse().unwrap(),
            after: match text.strip_prefix("->") {
                Some(target) => After::Link(target.to_owned()),
                None => After::File {
                    sha256: Sha256::of(text.as_bytes()),
                    mode: *mode,
                    size: text.len() as u64,
                    source: Source::Member(member(path)),
                },
            },
        };
        let is_state = |path: &str| path.starts_with("/var/lib/nodebake/");
        Wanted {
            files: self.0.iter().filter(|file| !is_state(file.0)).map(want).collect(),
            state: self.0.iter().filter(|file| is_state(file.0)).map(want).collect(),
            artifacts_done: None,
        }
    }
}

impl Supply for Bundle {
    fn supply(
        &mut self,
        wanted: &BTreeSet<MemberName>,
        take: &mut dyn FnMut(&MemberName, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        for (path, text, _) in &self.0 {
            let name = member(path);
            if wanted.contains(&name) {
                take(&name, &mut text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// What the program does for `install`, without its words.
fn install(disk: &Model, bundle: &Bundle, options: Options) -> io::Result<bool> {
    recover(disk)?;
    tidy(disk)?;
    let plan = deliver::install(disk, &bundle.wanted(), options)?.map_err(|conflicts| {
        io::Error::other(conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    if plan.is_empty() {
        return Ok(false);
    }
    execute(disk, &plan, &mut bundle.clone(), options.owner)?;
    Ok(true)
}

/// Brings back what was before a transaction that did not end.
fn recover(disk: &Model) -> io::Result<()> {
    match left(disk)? {
        Left::Begun(journal, Progress::Done) if journal.task == deliver::Task::Uninstall => forget(disk),
        Left::Begun(_, Progress::Done) | Left::Nothing | Left::Prepared => Ok(()),
        Left::Begun(journal, _) => undo(disk, &journal, OPTIONS.owner, false),
    }
}

fn rollback(disk: &Model) -> io::Result<()> {
    match left(disk)? {
        Left::Begun(journal, Progress::Done) if journal.task == deliver::Task::Uninstall => forget(disk)?,
        Left::Begun(journal, _) => undo(disk, &journal, OPTIONS.owner, false)?,
        Left::Nothing | Left::Prepared => {}
    }
    tidy(disk)
}

fn uninstall(disk: &Model) -> io::Result<()> {
    recover(disk)?;
    tidy(disk)?;
    let plan = deliver::uninstall(disk, OPTIONS)?;
    if plan.is_empty() {
        return Ok(());
    }
    execute(disk, &plan, &mut Nothing, OPTIONS.owner)?;
    forget(disk)
}

fn base() -> Model {
    Model::new(&[
        ("/var/lib", "/", 0o755),
        ("/etc/hosts", "127.0.0.1 localhost\n", 0o644),
        ("/etc/containerd/config.toml", "foreign\n", 0o640),
        ("/usr/bin/runc", "foreign runc\n", 0o755),
        ("/etc/cni/link", "->/etc/hosts", 0),
    ])
}

fn first() -> Bundle {
    let stage = [
        ("/var/lib/nodebake/stage/etc/kubelet.json", "{}\n", 0o644),
        ("/var/lib/nodebake/stage/etc/old.conf", "old\n", 0o600),
        ("/var/lib/nodebake/artifacts.done", "x\n", 0o644),
    ];
    let mut files = vec![
        ("/etc/kubelet.json", "{}\n", 0o644),
        ("/etc/old.conf", "old\n", 0o600),
        ("/etc/old.d/deep/x", "deep\n", 0o600),
        ("/opt/cni/bin/bridge", "a longer program, in several writes\n", 0o755),
        (
            "/etc/systemd/system/wants/n.service",
            "->/etc/systemd/system/n.service",
            0,
        ),
    ];
    files.extend(stage);
    Bundle(files)
}

/// Over foreign files, so with `--backup`.
fn over_foreign() -> Bundle {
    let mut bundle = first();
    bundle.0.push(("/etc/containerd/config.toml", "ours\n", 0o644));
    bundle.0.push(("/usr/bin/runc", "our runc\n", 0o755));
    bundle.0.push(("/etc/cni/link", "a file now\n", 0o644));
    bundle
}

fn second() -> Bundle {
    Bundle(vec![
        ("/etc/kubelet.json", "{\"a\":1}\n", 0o644),
        ("/opt/cni/bin/bridge", "a longer program, in several writes\n", 0o755),
        ("/opt/cni/bin/loopback", "another\n", 0o755),
        ("/etc/containerd/config.toml", "ours, newer\n", 0o644),
        ("/var/lib/nodebake/stage/etc/kubelet.json", "{\"a\":1}\n", 0o644),
        ("/var/lib/nodebake/artifacts.done", "y\n", 0o644),
    ])
}

type Tree = BTreeMap<String, String>;

/// The tree without the journal, which tells of the way and not of the end.
fn tree(disk: &Model) -> Tree {
    let mut tree = disk.tree();
    tree.retain(|path, _| !path.starts_with("/var/lib/nodebake/journal"));
    assert!(
        !tree.keys().any(|path| path.contains(".nodebake-new")),
        "a temporary file stays: {tree:#?}"
    );
    tree
}

fn same(got: &Tree, want: &Tree, what: &str) {
    if got != want {
        let lines = |tree: &Tree| -> BTreeSet<String> { tree.iter().map(|(k, v)| format!("{k} {v}")).collect() };
        let (got, want) = (lines(got), lines(want));
        panic!(
            "{what}\n too much: {:#?}\n missing: {:#?}",
            got.difference(&want).collect::<Vec<_>>(),
            want.difference(&got).collect::<Vec<_>>()
        );
    }
}

const BACKUP: Options = Options {
    backup: true,
    ..OPTIONS
};

/// What is done to a machine.
type Deed = Box<dyn Fn(&Model) -> io::Result<()>>;

/// Everything that is done to a machine, on the machine it is done to.
fn scenes() -> Vec<(&'static str, Model, Deed)> {
    let installed = base();
    install(&installed, &over_foreign(), BACKUP).unwrap();
    let upgraded = installed.after();
    upgraded.put("/etc/kubelet.json", "{\"by\":\"hand\"}\n", 0o600);
    let in_image = base();
    in_image.put("/var/lib/nodebake/first-boot.done", "node=x\n", 0o644);
    vec![
        (
            "fresh install",
            base(),
            Box::new(|disk| install(disk, &first(), OPTIONS).map(drop)),
        ),
        (
            "install with backup",
            base(),
            Box::new(|disk| install(disk, &over_foreign(), BACKUP).map(drop)),
        ),
        (
            "install after first boot",
            in_image,
            Box::new(|disk| install(disk, &first(), OPTIONS).map(drop)),
        ),
        (
            "upgrade",
            installed.after(),
            Box::new(|disk| install(disk, &second(), OPTIONS).map(drop)),
        ),
        (
            "upgrade over changes",
            upgraded,
            Box::new(|disk| install(disk, &second(), BACKUP).map(drop)),
        ),
        ("uninstall", installed.after(), Box::new(uninstall)),
        ("rollback", installed.after(), Box::new(rollback)),
    ]
}

/// At every change: the fault, then once more the same to the end, and once a rollback.
fn every_fault(fault: Fault) {
    let mut count = 0;
    for (name, before, run) in scenes() {
        let old = tree(&before);
        let whole = before.after();
        run(&whole).unwrap();
        let (new, changes) = (tree(&whole), whole.count.get());
        assert!(changes > 20, "{name}: {changes}");
        for at in 0..changes {
            let what = format!("{name}, {fault:?} at change {at} of {changes}");
            let broken = before.after();
            broken.fail_at(at, fault);
            let ended = run(&broken);
            assert!(broken.is_dead() || fault == Fault::Full, "{what}: not reached");
            let again = broken.after();
            run(&again).unwrap_or_else(|error| panic!("{what}, then again: {error}"));
            same(&tree(&again), &new, &format!("{what}, then again"));
            count += 1;
            let back = broken.after();
            if back.tree() == before.tree() {
                // Nothing had begun, so a rollback is one of what was before.
                continue;
            }
            rollback(&back).unwrap_or_else(|error| panic!("{what}, then rollback: {error}"));
            let got = tree(&back);
            // Ended, or an uninstall whose last file was gone: it leads to the end.
            let was_done = name == "rollback" || ended.is_ok() || (name == "uninstall" && got == new);
            if !was_done {
                same(&got, &old, &format!("{what}, then rollback"));
            } else if name == "rollback" || name == "uninstall" {
                same(&got, &new, &format!("{what}, then rollback"));
            }
            count += 1;
        }
    }
    println!("{fault:?}: {count} recoveries, 0 lost, 0 mixed");
}

#[test]
fn killed_at_every_change() {
    every_fault(Fault::Kill);
}

#[test]
fn power_lost_at_every_change() {
    every_fault(Fault::PowerLosesAll);
    every_fault(Fault::PowerLosesBytes);
}

/// What fails by itself takes itself back; a rollback finds nothing left to do.
#[test]
fn full_at_every_change() {
    every_fault(Fault::Full);
    let before = base();
    let whole = before.after();
    install(&whole, &first(), OPTIONS).unwrap();
    for at in 0..whole.count.get() {
        let full = before.after();
        full.fail_at(at, Fault::Full);
        if install(&full, &first(), OPTIONS).is_err() {
            same(&tree(&full.after()), &tree(&before), &format!("full at change {at}"));
        }
    }
}

/// Killed, and killed again while it recovers.
#[test]
fn killed_again_while_recovering() {
    let mut count = 0;
    for (name, before, run) in scenes() {
        let old = tree(&before);
        let whole = before.after();
        run(&whole).unwrap();
        let (new, changes) = (tree(&whole), whole.count.get());
        for at in (0..changes).step_by(5) {
            let broken = before.after();
            broken.fail_at(at, Fault::Kill);
            let _ = run(&broken);
            if broken.after().tree() == before.tree() {
                continue;
            }
            for way in [&*run, &rollback] {
                let once = broken.after();
                let _ = way(&once);
                for again in (0..once.count.get()).step_by(7) {
                    let twice = broken.after();
                    twice.fail_at(again, Fault::Kill);
                    let _ = way(&twice);
                    let what = format!("{name}, killed at {at}, then at {again}");
                    let forward = twice.after();
                    run(&forward).unwrap_or_else(|error| panic!("{what}: {error}"));
                    same(&tree(&forward), &new, &what);
                    count += 1;
                    let back = twice.after();
                    if back.tree() == before.tree() {
                        continue;
                    }
                    rollback(&back).unwrap_or_else(|error| panic!("{what}: {error}"));
                    let got = tree(&back);
                    assert!(got == old || got == new, "{what}: mixed");
                    count += 1;
                }
            }
        }
    }
    println!("{count} recoveries after two kills, 0 lost, 0 mixed");
}

#[test]
fn a_second_run_changes_nothing() {
    for (name, before, run) in scenes() {
        if name.contains("install") && name != "uninstall" || name.starts_with("upgrade") {
            run(&before).unwrap();
            let tree = before.tree();
            before.count.set(0);
            run(&before).unwrap();
            assert_eq!(before.tree(), tree, "{name}");
            assert_eq!(before.count.get(), 0, "{name}");
        }
    }
}

/// Installed and taken back: nothing is left of it.
#[test]
fn uninstall_leaves_what_was_there() {
    let disk = base();
    let before = disk.tree();
    install(&disk, &over_foreign(), BACKUP).unwrap();
    install(&disk, &second(), OPTIONS).unwrap();
    uninstall(&disk).unwrap();
    assert_eq!(disk.tree(), before);
}
