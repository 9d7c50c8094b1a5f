//! `bake --format tarball` as its user meets it, with a cache of stand-ins for the real artifacts.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and run processes")]

use std::path::Path;
use std::process::{Command, Output};

use nodebake::base::Sha256;

use crate::judges::{refused, run};
use crate::support::{TempDir, have, node_yaml, nodebake, root, stderr, stdout};

/// A folder with a node.yaml, a catalog whose pins are small stand-ins, and a cache that has them.
pub fn project() -> TempDir {
    let folder = TempDir::new();
    folder.write(
        "node.yaml",
        node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", ""),
    );
    folder.write(
        "cluster.yaml",
        std::fs::read(root().join("tests/fixtures/cluster.yaml")).unwrap(),
    );
    stand_ins(&folder);
    folder
}

/// Pins and cache of `folder`: programs that say their name, archives with two of them.
pub fn stand_ins(folder: &TempDir) {
    let real = std::fs::read_to_string(root().join("images/artifacts.csv")).unwrap();
    let mut rows = real.lines();
    let mut csv = format!("{}\n", rows.next().unwrap());
    for row in rows {
        let (about, _) = row.rsplit_once(',').unwrap();
        let component = about.split(',').next().unwrap();
        let program = |name: &str| format!("#!/bin/sh\necho {name} {about}\n");
        let bytes = match component {
            "cni-plugins" => archive(&[("./loopback", program("loopback")), ("./bridge", program("bridge"))]),
            "crictl" => archive(&[("crictl", program("crictl"))]),
            "containerd" => archive(&[("bin/containerd", program("containerd")), ("bin/ctr", program("ctr"))]),
            _ => program(component).into_bytes(),
        };
        let digest = Sha256::of(&bytes);
        folder.write(&format!("cache/sha256/{digest}"), &bytes);
        csv.push_str(&format!("{about},{digest}\n"));
    }
    folder.write("catalog/images/artifacts.csv", csv);
}

fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(packed);
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

pub fn bake(folder: &Path, more: &[&str]) -> Output {
    let common = [
        "bake",
        "node.yaml",
        "--format",
        "tarball",
        "--catalog",
        "catalog",
        "--cache",
        "cache",
    ];
    nodebake(&[&common[..], more].concat(), folder)
}

#[test]
fn a_tarball_is_the_same_everywhere_and_says_its_digest() {
    let folder = project();
    let output = bake(folder.path(), &["-o", "sat.tar.gz"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let first = std::fs::read(folder.path().join("sat.tar.gz")).unwrap();
    let said = stderr(&output);
    assert!(said.contains("sat.tar.gz: 1 node(s), "), "{said}");
    assert!(said.trim_end().ends_with(&Sha256::of(&first).to_string()), "{said}");
    for (zone, mask) in [("Asia/Tokyo", "077"), ("UTC", "000")] {
        let place = folder.path().display();
        let command = format!(
            "umask {mask}; cd /; exec {} bake {place}/node.yaml --format tarball --catalog {place}/catalog --cache {place}/cache",
            env!("CARGO_BIN_EXE_nodebake")
        );
        let output = run(Command::new("sh")
            .args(["-c", &command])
            .env("TZ", zone)
            .env("LC_ALL", "tr_TR.UTF-8"));
        assert!(output.stdout == first, "{}", stderr(&output));
    }
}

#[test]
fn the_name_chooses_zstd() {
    let folder = project();
    let output = bake(folder.path(), &["-o", "sat.tar.zst"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let bytes = std::fs::read(folder.path().join("sat.tar.zst")).unwrap();
    assert_eq!(bytes[..4], [0x28, 0xb5, 0x2f, 0xfd], "zstd's magic number (RFC 8878)");
}

#[test]
fn a_fleet_is_one_tarball() {
    let folder = project();
    let fleet = std::fs::read_to_string(root().join("examples/fleet/fleet.yaml")).unwrap();
    folder.write("node.yaml", fleet);
    folder.write(
        "cluster.yaml",
        std::fs::read(root().join("examples/fleet/cluster.yaml")).unwrap(),
    );
    let output = bake(folder.path(), &["-o", "fleet.tar.gz"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let listed = run(Command::new("tar")
        .args(["-tzf", "fleet.tar.gz"])
        .current_dir(folder.path()));
    assert_eq!(refused(&listed), None);
    let lists = stdout(&listed)
        .lines()
        .filter(|name| name.ends_with("/install.list"))
        .count();
    assert!(lists > 1, "{}", stdout(&listed));
    assert!(
        stderr(&output).contains(&format!("{lists} node(s)")),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_the_cache_has_not_is_told_together_and_nothing_is_written() {
    let folder = project();
    std::fs::remove_dir_all(folder.path().join("cache")).unwrap();
    let output = bake(folder.path(), &["-o", "sat.tar.gz"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let said = stderr(&output);
    for part in [
        "artifacts cannot be taken from the cache",
        "kubelet 1.35",
        "cni-plugins",
        "nodebake fetch",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!folder.path().join("sat.tar.gz").exists());
}

#[test]
fn a_blob_damaged_later_leaves_the_old_tarball() {
    let folder = project();
    folder.write("sat.tar.gz", "the old one");
    // A first bake unpacks the archives; afterwards a blob is damaged without a change of its size.
    assert_eq!(bake(folder.path(), &["-o", "first.tar.gz"]).status.code(), Some(0));
    let blobs = std::fs::read_dir(folder.path().join("cache/sha256")).unwrap();
    for blob in blobs.map(|entry| entry.unwrap().path()) {
        let mut bytes = std::fs::read(&blob).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 0x20;
        std::fs::remove_file(&blob).unwrap();
        std::fs::write(&blob, bytes).unwrap();
    }
    let output = bake(folder.path(), &["-o", "sat.tar.gz"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("are not those with the sha256"),
        "{}",
        stderr(&output)
    );
    assert_eq!(std::fs::read(folder.path().join("sat.tar.gz")).unwrap(), b"the old one");
    let left = std::fs::read_dir(folder.path()).unwrap();
    assert!(
        left.map(|entry| entry.unwrap().file_name())
            .all(|name| !name.to_string_lossy().starts_with('.'))
    );
}

#[test]
fn words_without_effect_are_refused() {
    let folder = project();
    for words in [&["--cache", "cache"][..], &["--sign", "key", "-o", "x"]] {
        let output = nodebake(&[&["bake", "node.yaml"], words].concat(), folder.path());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    let output = bake(folder.path(), &["--sign", "key"]);
    assert_eq!(
        output.status.code(),
        Some(2),
        "a signature needs a file beside it: {}",
        stderr(&output)
    );
}

#[test]
fn minisign_verifies_what_was_signed() {
    if !have("minisign") {
        return;
    }
    let folder = project();
    let made = run(Command::new("minisign")
        .args(["-G", "-W", "-p", "key.pub", "-s", "key.sec"])
        .current_dir(folder.path()));
    assert_eq!(refused(&made), None);
    let output = bake(folder.path(), &["-o", "sat.tar.gz", "--sign", "key.sec"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let verify = || {
        run(Command::new("minisign")
            .args(["-V", "-p", "key.pub", "-m", "sat.tar.gz"])
            .current_dir(folder.path()))
    };
    let verified = verify();
    assert_eq!(refused(&verified), None);
    assert!(stdout(&verified).contains("file:sat.tar.gz"), "{}", stdout(&verified));
    let mut bytes = std::fs::read(folder.path().join("sat.tar.gz")).unwrap();
    bytes[100] ^= 1;
    std::fs::write(folder.path().join("sat.tar.gz"), bytes).unwrap();
    assert!(!verify().status.success(), "a changed byte is seen");
    let output = bake(folder.path(), &["-o", "sat.tar.gz", "--sign", "node.yaml"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("reading the secret key node.yaml"),
        "{}",
        stderr(&output)
    );
}
