//! Bundles as `bake` makes them.

use std::process::Command;

use super::bundle::image;
use super::image::tree;
use super::shell::assert_same;
use crate::offline;
use crate::support::{TempDir, have, nodebake, stderr};

fn install(folder: &TempDir, bundle: &str, root: &TempDir, more: &[&str]) -> (Option<i32>, String) {
    let root = root.path().display().to_string();
    let output = nodebake(&[&["install", bundle, "--root", &root], more].concat(), folder.path());
    (output.status.code(), stderr(&output))
}

#[test]
fn what_is_baked_installs_the_same_in_every_way() {
    let folder = offline::project();
    let mut roots = Vec::new();
    for name in ["sat.tar.gz", "sat.tar.zst"] {
        let output = offline::bake(folder.path(), &["-o", name]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let root = image();
        let (code, said) = install(&folder, name, &root, &[]);
        assert_eq!(code, Some(0), "{name}: {said}");
        let (code, said) = install(&folder, name, &root, &[]);
        assert!(code == Some(0) && said.contains("nothing was changed"), "{said}");
        roots.push((name, root));
    }
    let status = Command::new("tar")
        .args(["-xzf", "sat.tar.gz"])
        .current_dir(folder.path())
        .status();
    assert!(status.unwrap().success());
    let root = image();
    let output = Command::new("sh")
        .args(["install.sh", "--root"])
        .arg(root.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "install.sh: {}", stderr(&output));
    roots.push(("install.sh", root));
    let root = image();
    let (code, said) = install(&folder, ".", &root, &[]);
    assert_eq!(code, Some(0), "the folder: {said}");
    roots.push(("the folder", root));
    let wanted = tree(roots[0].1.path());
    for path in [
        "opt/cni/bin/bridge",
        "usr/local/lib/nodebake/first-boot",
        "etc/systemd/system/nodebake-first-boot.service",
        "etc/systemd/system/multi-user.target.wants/nodebake-first-boot.service",
        "var/lib/nodebake/stage/etc/nodebake/node.env",
        "var/lib/nodebake/artifacts.done",
        "var/lib/nodebake/ledger",
    ] {
        assert!(wanted.contains_key(path), "{path}");
    }
    for (name, root) in &roots[1..] {
        assert_same(&tree(root.path()), &wanted, name);
    }
}

#[test]
fn a_signature_is_demanded_and_checked() {
    if !have("minisign") {
        return;
    }
    let folder = offline::project();
    let made = Command::new("minisign")
        .args(["-G", "-W", "-p", "key.pub", "-s", "key.sec"])
        .current_dir(folder.path())
        .output();
    assert!(made.unwrap().status.success());
    let output = offline::bake(folder.path(), &["-o", "sat.tar.gz", "--sign", "key.sec"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let root = image();
    let before = tree(root.path());
    let key = std::fs::read_to_string(folder.path().join("key.pub")).unwrap();
    let key = key.lines().last().unwrap();
    let other = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    for (key, says) in [
        (other, "is not of this bundle and key"),
        ("nothing", "the public key nothing"),
    ] {
        let (code, said) = install(&folder, "sat.tar.gz", &root, &["--verify-key", key]);
        assert!(code == Some(1) && said.contains(says), "{code:?} {said}");
    }
    let whole = std::fs::read(folder.path().join("sat.tar.gz")).unwrap();
    folder.write("sat.tar.gz", [&whole[..], b"x"].concat());
    let (code, said) = install(&folder, "sat.tar.gz", &root, &["--verify-key", "key.pub"]);
    assert!(
        code == Some(1) && said.contains("is not of this bundle and key"),
        "{said}"
    );
    folder.write("sat.tar.gz", whole);
    let signature = std::fs::read(folder.path().join("sat.tar.gz.minisig")).unwrap();
    std::fs::remove_file(folder.path().join("sat.tar.gz.minisig")).unwrap();
    let (code, said) = install(&folder, "sat.tar.gz", &root, &["--verify-key", key]);
    assert!(code == Some(1) && said.contains("a signature is demanded"), "{said}");
    assert_eq!(tree(root.path()), before);
    folder.write("sat.tar.gz.minisig", signature);
    for key in [key, "key.pub"] {
        let (code, said) = install(&folder, "sat.tar.gz", &root, &["--verify-key", key]);
        assert_eq!(code, Some(0), "{said}");
    }
}

/// A file system that goes with it.
struct Mounted<'t>(&'t TempDir);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// A target that cannot be written to, and one that fills up, are as they were afterwards.
#[test]
fn read_only_and_full_targets_stay_as_they_were() {
    let mounts = |root: &TempDir, options: &str| {
        Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(root.path())
            .status()
            .is_ok_and(|status| status.success())
    };
    let point = TempDir::new();
    if !mounts(&point, "size=2m") {
        println!("skipped: no file system may be mounted here");
        return;
    }
    let mounted = Mounted(&point);
    let system = image();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", system.path().display()))
        .arg(point.path())
        .status();
    assert!(copied.unwrap().success());
    let folder = TempDir::new();
    super::bundle::write(&folder, "first.tar.gz", &super::image::first());
    let before = tree(point.path());
    let (code, said) = install(&folder, "first.tar.gz", &point, &[]);
    assert!(code == Some(1) && said.contains("MiB are needed there"), "{said}");
    assert_eq!(tree(point.path()), before);
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(point.path())
        .status();
    assert!(remounted.unwrap().success());
    let (code, said) = install(&folder, "first.tar.gz", &point, &[]);
    assert!(code == Some(3) && said.contains("Read-only"), "{code:?} {said}");
    assert_eq!(tree(point.path()), before);
    drop(mounted);
}
