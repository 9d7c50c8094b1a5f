//! The bundle as bytes: every tool that reads tar finds in it what was baked, and nothing of the machine that baked it.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and run processes")]

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::num::NonZero;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use nodebake::bake::bundle::{Bundle, BundleError, BundledNode, Packing, Part, Payload, parse_list};
use nodebake::base::{Blobs, Member, Sha256};
use nodebake::pipeline::Built;
use nodebake::plan::PlannedArtifact;
use serde_json::Value;

use crate::judges::{refused, run};
use crate::support::{TempDir, build, have, node_yaml, told};

/// Blobs in memory.
#[derive(Default)]
struct Shelf(BTreeMap<Sha256, Vec<u8>>);

impl Blobs for Shelf {
    fn open(&self, digest: &Sha256) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.0.get(digest).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes.clone())))
    }
}

/// Archives bring two files each, named after them.
fn place(artifact: &PlannedArtifact, name: &str) -> String {
    match name {
        "" => artifact.dest.clone(),
        _ => format!("{}/{}{name}", artifact.dest, artifact.component),
    }
}

fn payloads(built: &Built, shelf: &mut Shelf) -> Vec<Arc<Payload>> {
    let mut payloads = Vec::new();
    for artifact in &built.plan.artifacts {
        let names: &[&str] = if artifact.action == "file" {
            &[""]
        } else {
            &["-one", "-two"]
        };
        let mut files = Vec::new();
        for name in names {
            let bytes = format!("{} {name}\n", artifact.label()).repeat(50_000).into_bytes();
            let sha256 = Sha256::of(&bytes);
            files.push(Member {
                path: place(artifact, name).parse().unwrap(),
                mode: "0755".parse().unwrap(),
                size: bytes.len() as u64,
                sha256,
            });
            shelf.0.insert(sha256, bytes);
        }
        payloads.push(Arc::new(Payload {
            artifact: artifact.clone(),
            files,
        }));
    }
    payloads
}

fn node(name: &str, more: &str) -> Built {
    let yaml = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", more);
    let yaml = yaml.replace("name: node-17", &format!("name: {name}"));
    build(&yaml, "1.35").unwrap_or_else(|report| panic!("{}", told(&report)))
}

fn bundle(nodes: &[Built], shelf: &mut Shelf) -> Bundle {
    let payloads: Vec<_> = nodes.iter().map(|built| payloads(built, shelf)).collect();
    let nodes: Vec<BundledNode> = nodes
        .iter()
        .zip(&payloads)
        .map(|(built, payloads)| BundledNode {
            plan: &built.plan,
            verified: &built.verified,
            payloads,
        })
        .collect();
    Bundle::new(&nodes).unwrap_or_else(|report| panic!("{}", told(&report)))
}

fn packed(bundle: &Bundle, shelf: &Shelf, packing: Packing, threads: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let threads = NonZero::new(threads).unwrap();
    bundle.write(shelf, packing, threads, &mut out, &|_| ()).unwrap();
    out
}

fn unpack(folder: &Path, archive: &[u8], name: &str) {
    std::fs::write(folder.join(name), archive).unwrap();
    let output = run(Command::new("tar")
        .args(["--no-same-owner", "-xpf", name])
        .current_dir(folder));
    assert_eq!(refused(&output), None);
    std::fs::remove_file(folder.join(name)).unwrap();
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let mut shelf = Shelf::default();
    let bundle = bundle(&[node("a10-01", "")], &mut shelf);
    for packing in [Packing::Gzip, Packing::Zstd] {
        let first = packed(&bundle, &shelf, packing, 1);
        for threads in [2, 5] {
            assert!(
                packed(&bundle, &shelf, packing, threads) == first,
                "{packing:?}, {threads} threads"
            );
        }
    }
}

#[test]
fn tar_and_sha256sum_take_it() {
    let mut shelf = Shelf::default();
    let long = "x".repeat(120);
    let more = format!(
        "  files:\n    - {{ path: /etc/long/{long}/{long}, mode: \"0640\", type: lines, content: \"y\\n\" }}\n"
    );
    let bundle = bundle(&[node("a10-01", &more)], &mut shelf);
    for (packing, name, tool) in [
        (Packing::Gzip, "b.tar.gz", "gzip"),
        (Packing::Zstd, "b.tar.zst", "zstd"),
    ] {
        if !have("tar") || !have(tool) {
            continue;
        }
        let folder = TempDir::new();
        unpack(folder.path(), &packed(&bundle, &shelf, packing, 2), name);
        let output = run(Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
            .current_dir(folder.path()));
        assert_eq!(refused(&output), None);
        let sums = std::fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap();
        assert_eq!(
            sums.lines().count() + 1,
            bundle.count(),
            "every member but SHA256SUMS itself"
        );
        for entry in bundle.manifest.nodes.iter().flat_map(|node| &node.files) {
            let about = folder.path().join(&entry.member).metadata().unwrap();
            assert_eq!(
                format!("{:04o}", about.permissions().mode() & 0o7777),
                entry.mode,
                "{}",
                entry.member
            );
            assert_eq!((about.mtime(), about.len()), (0, entry.size), "{}", entry.member);
        }
        assert!(
            folder
                .path()
                .join(format!("nodes/a10-01/node/etc/long/{long}/{long}"))
                .is_file()
        );
    }
}

#[test]
fn readers_see_regular_files_of_root_and_the_manifest_first() {
    let mut shelf = Shelf::default();
    let bundle = bundle(&[node("a10-01", "")], &mut shelf);
    let archive = packed(&bundle, &shelf, Packing::Gzip, 2);
    let mut names = Vec::new();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
    for entry in tar.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(header.entry_type(), tar::EntryType::Regular);
        let numbers = (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
        assert_eq!(numbers, (0, 0, 0));
        assert_eq!((header.username(), header.groupname()), (Ok(Some("")), Ok(Some(""))));
        names.push(entry.path().unwrap().display().to_string());
    }
    assert_eq!(names[..3], ["manifest.json", "SHA256SUMS", "install.sh"]);
    let mut sorted = names[3..].to_vec();
    sorted.sort();
    assert_eq!(names[3..], sorted);
}

#[test]
fn the_list_has_every_file_of_the_machine_once() {
    let mut shelf = Shelf::default();
    let built = node("a10-01", "");
    let nodes = [built];
    let bundle = bundle(&nodes, &mut shelf);
    let folder = TempDir::new();
    unpack(folder.path(), &packed(&bundle, &shelf, Packing::Gzip, 2), "b.tar.gz");
    let list = std::fs::read_to_string(folder.path().join("nodes/a10-01/install.list")).unwrap();
    let lines = parse_list(&list).unwrap();
    for line in &lines {
        let bytes = std::fs::read(folder.path().join(line.member.as_str())).unwrap();
        assert_eq!(
            (line.file.size, line.file.sha256),
            (bytes.len() as u64, Sha256::of(&bytes))
        );
    }
    let paths = |part: Part| -> Vec<&str> {
        let of_part = lines.iter().filter(|line| line.part == part);
        of_part.map(|line| line.file.path.as_str()).collect()
    };
    let tree = nodes[0].verified.tree();
    let rendered: Vec<&str> = tree
        .plane(nodebake::catalog::Plane::Node)
        .map(|entry| entry.path.as_str())
        .collect();
    for path in &rendered {
        assert!(paths(Part::Node).contains(path), "{path}");
        assert!(
            paths(Part::State).contains(&format!("/var/lib/nodebake/stage{path}").as_str()),
            "{path}"
        );
    }
    for path in [
        "/usr/local/bin/kubelet",
        "/opt/cni/bin/cni-plugins-one",
        "/opt/cni/bin/cni-plugins-two",
    ] {
        assert!(paths(Part::Node).contains(&path), "{path}");
    }
    // What first boot reads so that it downloads nothing: one line for each file of each pin of its list.
    let done = std::fs::read_to_string(folder.path().join("nodes/a10-01/artifacts.done")).unwrap();
    let pins = tree
        .get(nodebake::catalog::Plane::Node, "/etc/nodebake/artifacts.list")
        .unwrap();
    for pin in pins.text.lines().filter(|line| !line.starts_with('#')) {
        let (key, _url) = pin.rsplit_once(' ').unwrap();
        assert!(done.lines().any(|line| line.starts_with(&format!("{key} "))), "{key}");
    }
}

#[test]
fn nodes_of_a_fleet_share_their_artifacts() {
    let mut shelf = Shelf::default();
    let one = bundle(&[node("a10-01", "")], &mut shelf);
    let nodes: Vec<Built> = (1..=40).map(|at| node(&format!("a10-{at:02}"), "")).collect();
    let all = bundle(&nodes, &mut shelf);
    assert_eq!(all.manifest.nodes.len(), 40);
    assert_eq!(all.manifest.artifacts, one.manifest.artifacts);
    let text = |bundle: &Bundle| bundle.size() - shelf.0.values().map(|blob| blob.len() as u64).sum::<u64>();
    assert!(
        all.size() - text(&all) == one.size() - text(&one),
        "each artifact is in it once"
    );
}

#[test]
fn a_blob_that_is_missing_or_damaged_is_told() {
    let mut shelf = Shelf::default();
    let bundle = bundle(&[node("a10-01", "")], &mut shelf);
    let write = |shelf: &Shelf| {
        let threads = NonZero::new(2).unwrap();
        bundle
            .write(shelf, Packing::Gzip, threads, &mut io::sink(), &|_| ())
            .unwrap_err()
    };
    let digest = *shelf.0.keys().next().unwrap();
    for change in [
        |blob: &mut Vec<u8>| blob[7] ^= 1,
        |blob: &mut Vec<u8>| blob.truncate(9),
        |blob: &mut Vec<u8>| blob.push(0),
    ] {
        let whole = shelf.0[&digest].clone();
        change(shelf.0.get_mut(&digest).unwrap());
        assert!(matches!(write(&shelf), BundleError::Damaged { sha256, .. } if sha256 == digest));
        shelf.0.insert(digest, whole);
    }
    shelf.0.remove(&digest);
    let error = write(&shelf);
    assert!(
        matches!(&error, BundleError::Blob { sha256, .. } if *sha256 == digest),
        "{error}"
    );
    assert!(error.to_string().contains(&digest.to_string()), "{error}");
}

#[test]
fn a_file_at_the_place_of_an_artifact_is_refused() {
    let more =
        "  files:\n    - { path: /opt/cni/bin/cni-plugins-one, mode: \"0755\", type: lines, content: \"x\\n\" }\n";
    let built = node("a10-01", more);
    let mut shelf = Shelf::default();
    let payloads = payloads(&built, &mut shelf);
    let node = BundledNode {
        plan: &built.plan,
        verified: &built.verified,
        payloads: &payloads,
    };
    let refused = told(&Bundle::new(&[node]).unwrap_err());
    assert!(
        refused.contains("bake/bundle") && refused.contains("/opt/cni/bin/cni-plugins-one would be written twice"),
        "{refused}"
    );
    assert!(refused.starts_with("node.yaml:"), "{refused}");
}

#[test]
fn the_sbom_names_every_download_with_its_pin() {
    let mut shelf = Shelf::default();
    let bundle = bundle(&[node("a10-01", "")], &mut shelf);
    let folder = TempDir::new();
    unpack(folder.path(), &packed(&bundle, &shelf, Packing::Gzip, 1), "b.tar.gz");
    let text = std::fs::read_to_string(folder.path().join("sbom.cdx.json")).unwrap();
    let sbom: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (sbom["bomFormat"].as_str(), sbom["specVersion"].as_str()),
        (Some("CycloneDX"), Some("1.6"))
    );
    let components = sbom["components"].as_array().unwrap();
    assert_eq!(components.len(), bundle.manifest.artifacts.len());
    for (component, artifact) in components.iter().zip(&bundle.manifest.artifacts) {
        assert_eq!(component["bom-ref"], artifact.name.as_str());
        let source = &component["externalReferences"][0];
        assert_eq!(source["url"], artifact.url.as_str());
        assert_eq!(source["hashes"][0]["content"], artifact.sha256.as_str());
        assert_eq!(component["components"].as_array().unwrap().len(), artifact.files.len());
    }
    assert!(!text.contains("timestamp"));
}
