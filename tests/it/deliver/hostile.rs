//! Bundles that are not what they should be: each is refused with its own message, and the root is not touched.

#![allow(clippy::too_many_lines, reason = "a table")]

use std::io::Write;

use nodebake::bake::bundle::{BundleManifest, Part};

use super::bundle::{Members, gzip, header, image, members, sum, tar, with_sums};
use super::image::tree;
use crate::support::{TempDir, nodebake, stderr};

fn good() -> Members {
    members(&[
        (Part::Node, "/etc/a.conf", b"a\n", "0644"),
        (Part::Node, "/usr/bin/tool", &[7; 3000], "0755"),
        (Part::State, "/var/lib/nodebake/artifacts.done", b"", "0644"),
    ])
}

/// The archive with one more header and body at its end.
fn and(name: &str, kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut archive = tar(&good());
    archive.truncate(archive.len() - 1024);
    archive.extend(header(name, bytes.len() as u64, kind));
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    gzip(&archive)
}

fn changed(change: impl Fn(&mut Members)) -> Vec<u8> {
    let mut members = good();
    change(&mut members);
    gzip(&tar(&members))
}

/// With another manifest, and everything else as it then has to be.
fn other_manifest(change: impl Fn(&mut BundleManifest)) -> Vec<u8> {
    let members = good();
    let mut manifest: BundleManifest = serde_json::from_slice(&members[0].1).unwrap();
    change(&mut manifest);
    gzip(&tar(&with_sums(&manifest, members[3..].to_vec())))
}

fn at(members: &Members, name: &str) -> usize {
    members.iter().position(|(is, _)| is.ends_with(name)).unwrap()
}

/// With another list of a node, and everything else as it then has to be.
fn other_list(change: impl Fn(&str) -> String) -> Vec<u8> {
    changed(|members| {
        let list = at(members, "install.list");
        members[list].1 = change(&String::from_utf8(members[list].1.clone()).unwrap()).into_bytes();
        sum(members);
    })
}

fn cases() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let whole = gzip(&tar(&good()));
    let with = |tail: &[u8]| [whole.as_slice(), tail].concat();
    let long = (8_u64 << 30) - 1;
    vec![
        ("..", and("../etc/passwd", b'0', b"x"), "`../etc/passwd` is no name"),
        (".. inside", and("nodes/../../x", b'0', b"x"), "is no name"),
        ("absolute", and("/etc/passwd", b'0', b"x"), "`/etc/passwd` is no name"),
        ("link", and("nodes/n/l", b'2', b""), "a symbolic link"),
        ("hard link", and("nodes/n/l", b'1', b""), "a hard link"),
        ("character device", and("nodes/n/d", b'3', b""), "a device"),
        ("block device", and("nodes/n/d", b'4', b""), "a device"),
        ("pipe", and("nodes/n/p", b'6', b""), "a pipe"),
        ("folder", and("nodes/n/z/", b'5', b""), "a folder"),
        ("long name", and("././@PaxHeader", b'x', b"x"), "a header extension"),
        ("duplicate", and("nodes/n/install.list", b'0', b"x"), "is there twice"),
        ("duplicate manifest", and("manifest.json", b'0', b"x"), "is there twice"),
        ("case", and("nodes/N/install.list", b'0', b"x"), "by case only"),
        ("extra", and("zzz", b'0', b"x"), "does not tell of `zzz`"),
        (
            "extra with a sum",
            changed(|all| {
                all.push(("zzz".into(), vec![1]));
                sum(all);
            }),
            "manifest.json does not tell of `zzz`",
        ),
        (
            "case in the sums",
            changed(|all| {
                all.push(("nodes/n/INSTALL.list".into(), vec![1]));
                sum(all);
            }),
            "by case only",
        ),
        (
            "one byte",
            changed(|all| {
                let tool = at(all, "tool");
                all[tool].1[1000] ^= 1;
            }),
            "was changed: its sha256 is",
        ),
        (
            "a byte of the manifest",
            changed(|all| all[0].1.push(b' ')),
            "not what SHA256SUMS tells",
        ),
        (
            "missing",
            changed(|all| {
                let tool = at(all, "tool");
                all.remove(tool);
            }),
            "tool` is missing",
        ),
        (
            "reordered",
            changed(|all| {
                let last = all.len() - 1;
                all.swap(last, last - 1);
            }),
            "is out of order",
        ),
        (
            "manifest second",
            changed(|all| all.swap(0, 1)),
            "begins with `SHA256SUMS`",
        ),
        ("sums third", changed(|all| all.swap(1, 2)), "its second file is"),
        (
            "longer than told",
            changed(|all| {
                let tool = at(all, "tool");
                all[tool].1.push(0);
            }),
            "has 3001 bytes instead of 3000",
        ),
        (
            "oversized",
            {
                let mut archive = header("manifest.json", long, b'0').to_vec();
                archive.extend([0; 4096]);
                gzip(&archive)
            },
            "is too large",
        ),
        ("bomb", bomb(), "bytes instead of"),
        ("zeros without end", with_zeros(), "something after the end"),
        ("cut short", whole[..whole.len() / 2].to_vec(), "cut short"),
        ("without its last bytes", whole[..whole.len() - 3].to_vec(), "cut short"),
        ("empty archive", gzip(&[0; 1024]), "it has no SHA256SUMS"),
        ("nothing", Vec::new(), "neither .tar.gz nor .tar.zst"),
        ("garbage behind", with(b"garbage"), "something after the end"),
        ("another archive behind", with(&whole), "something after the end"),
        (
            "a wrong check sum of gzip",
            {
                let mut bytes = whole.clone();
                let end = bytes.len() - 8;
                bytes[end] ^= 1;
                bytes
            },
            "damaged",
        ),
        ("no archive", gzip(b"hello"), "cut short"),
        ("old tar", gzip(&[1; 2048]), "a header of the archive is damaged"),
        (
            "another format",
            other_manifest(|all| all.format = "nodebake/bundle/v9".into()),
            "its format is",
        ),
        (
            "no JSON",
            changed(|all| {
                all[0].1 = b"{".to_vec();
                sum(all);
            }),
            "manifest.json: it cannot be read",
        ),
        (
            "wrong size",
            other_manifest(|all| all.artifacts[0].files[0].size = 1),
            "has 3000 bytes instead of 1",
        ),
        (
            "wrong digest",
            other_manifest(|all| all.nodes[0].files[0].sha256 = all.artifacts[0].files[0].sha256.clone()),
            "tell two things of",
        ),
        (
            "wrong mode",
            other_manifest(|all| all.nodes[0].files[0].mode = "4755".into()),
            "manifest.json differ",
        ),
        (
            "a node's name",
            other_manifest(|all| all.nodes[0].name = "../n".into()),
            "is no name of a node",
        ),
        (
            "a member outside",
            other_manifest(|all| all.nodes[0].files[0].member = "../../etc/passwd".into()),
            "is no name of a file",
        ),
        (
            "a path outside",
            other_list(|list| list.replace("\t/etc/a", "\t/etc/../a")),
            "is not a clean absolute path",
        ),
        (
            "the ledger",
            other_list(|list| list.replace("\t/var/lib/nodebake/stage/etc/a", "\t/var/lib/nodebake/ledger")),
            "is not for a bundle to write",
        ),
        (
            "a folder that is a file",
            folder_and_file(),
            "is a file and the folder of",
        ),
    ]
}

fn bomb() -> Vec<u8> {
    let name = "artifacts/a-1/usr/bin/tool";
    let mut members = good();
    members
        .retain(|(is, _)| is.as_str() < name || ["manifest.json", "SHA256SUMS", "install.sh"].contains(&is.as_str()));
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let whole = tar(&members);
    out.write_all(&whole[..whole.len() - 1024]).unwrap();
    out.write_all(&header(name, (8 << 30) - 1, b'0')).unwrap();
    for _ in 0..64 {
        out.write_all(&vec![0; 1 << 20]).unwrap();
    }
    out.finish().unwrap()
}

fn with_zeros() -> Vec<u8> {
    let mut archive = tar(&good());
    archive.resize(archive.len() + (64 << 20), 0);
    gzip(&archive)
}

fn folder_and_file() -> Vec<u8> {
    gzip(&tar(&members(&[
        (Part::Node, "/etc/x", b"x", "0644"),
        (Part::Node, "/etc/x/y", b"x", "0644"),
    ])))
}

#[test]
fn each_is_refused_by_name_and_nothing_is_written() {
    let folder = TempDir::new();
    let root = image();
    let before = tree(root.path());
    let at = root.path().display().to_string();
    let whole = folder.write("whole.tar.gz", gzip(&tar(&good())));
    for (name, bytes, message) in cases() {
        let path = folder.write("bad.tar.gz", bytes).display().to_string();
        let output = nodebake(&["install", &path, "--root", &at], folder.path());
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {told}");
        assert!(told.contains(message), "{name}: {told}");
        assert_eq!(tree(root.path()), before, "{name}");
    }
    let output = nodebake(&["install", &whole.display().to_string(), "--root", &at], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    println!("{} hostile bundles refused", cases().len());
}

/// The same holds for the other compression.
#[test]
fn zstd_is_read_as_strictly() {
    let folder = TempDir::new();
    let root = image();
    let before = tree(root.path());
    let at = root.path().display().to_string();
    let whole = zstd::encode_all(tar(&good()).as_slice(), 3).unwrap();
    for (bytes, message) in [
        (whole[..whole.len() / 2].to_vec(), "cut short"),
        ([whole.as_slice(), b"garbage"].concat(), "something after the end"),
        ([whole.as_slice(), whole.as_slice()].concat(), "something after the end"),
    ] {
        let path = folder.write("bad.tar.zst", bytes).display().to_string();
        let output = nodebake(&["install", &path, "--root", &at], folder.path());
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{message}: {}", stderr(&output));
        assert_eq!(tree(root.path()), before);
    }
    let path = folder.write("whole.tar.zst", whole).display().to_string();
    let output = nodebake(&["install", &path, "--root", &at], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
