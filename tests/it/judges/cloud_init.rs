//! cloud-init accepts the user-data, takes it for what it is, and writes from it what was rendered.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nodebake::bake::{Artifact, STAGE, user_data};
use nodebake::catalog::Plane;
use serde_json::Value;

use super::{Node, PYTHON, brought, nodes, refused, run, tool};
use crate::support::{TempDir, have, stderr, stdout, told};

fn baked(node: &Node) -> Artifact {
    user_data(
        &node.built.plan,
        &node.built.verified,
        &nodebake::bake::Packer::default(),
    )
    .unwrap_or_else(|report| panic!("{}", told(&report)))
}

/// The document as text, which is all that the schema check reads.
fn document(artifact: &Artifact) -> Vec<u8> {
    if !artifact.gzipped {
        return artifact.bytes.clone();
    }
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(artifact.bytes.as_slice()), &mut plain).unwrap();
    plain
}

/// A cloud-init: the installed one, or only the code of another Debian's, run by the installed Python.
struct CloudInit {
    folder: TempDir,
    schema: &'static [&'static str],
}

impl CloudInit {
    fn installed() -> Option<Self> {
        have("cloud-init").then(|| Self {
            folder: TempDir::new(),
            schema: &["schema"],
        })
    }

    fn of(debian: &str, schema: &'static [&'static str]) -> Option<Self> {
        let own = Self::installed()?;
        let code = brought(debian)?.join("usr/lib/python3/dist-packages/cloudinit");
        symlink(code, own.folder.path().join("cloudinit")).unwrap();
        Some(Self { schema, ..own })
    }

    fn python(&self) -> Command {
        let mut python = Command::new(PYTHON);
        python.env("PYTHONPATH", self.folder.path());
        python
    }

    /// What the schema check has against a document.
    fn judge(&self, document: &[u8]) -> Option<String> {
        let path = self.folder.write("user-data", document);
        let mut command = self.python();
        let output = run(command
            .args(["-m", "cloudinit.cmd.main"])
            .args(self.schema)
            .arg("-c")
            .arg(path));
        let said = stdout(&output) + &stderr(&output);
        refused(&output).or_else(|| (!said.contains("Valid ")).then_some(said))
    }

    /// What cloud-init makes of documents, below `folder`.
    fn write(&self, folder: &Path, documents: &[PathBuf]) -> Vec<Value> {
        let mut command = self.python();
        let output = run(command.arg(tool("cloud_init_write.py")).arg(folder).args(documents));
        assert_eq!(refused(&output), None);
        stdout(&output)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn accepts_and_writes_all(&self) {
        let folder = TempDir::new();
        let artifacts: Vec<Artifact> = nodes().iter().map(baked).collect();
        let paths: Vec<PathBuf> = artifacts
            .iter()
            .enumerate()
            .map(|(number, artifact)| folder.write(&format!("user-data-{number}"), &artifact.bytes))
            .collect();
        let made = self.write(folder.path(), &paths);
        assert_eq!(made.len(), nodes().len());
        for (number, (node, made)) in nodes().iter().zip(made).enumerate() {
            assert_eq!(self.judge(&document(&artifacts[number])), None, "{}", node.name);
            assert_eq!(made["types"], serde_json::json!(["text/cloud-config"]), "{}", node.name);
            assert_eq!(made["log"], serde_json::json!([]), "{}", node.name);
            let script = format!("#!/bin/sh\n'bash' '{STAGE}/usr/local/lib/nodebake/first-boot'\n");
            assert_eq!(made["runcmd"], serde_json::json!([script]), "{}", node.name);
            let written = folder.path().join(number.to_string());
            let mut count = 0;
            for entry in node.built.verified.tree().plane(Plane::Node) {
                let path = written.join(format!("{}{}", &STAGE[1..], entry.path));
                let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
                assert_eq!(mode, entry.mode.bits(), "{}: {}", node.name, entry.path);
                assert_eq!(
                    std::fs::read_to_string(&path).unwrap(),
                    entry.text,
                    "{}: {}",
                    node.name,
                    entry.path
                );
                count += 1;
            }
            assert_eq!(files(&written), count, "{}", node.name);
        }
    }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn the_installed_one_writes_what_was_rendered() {
    if let Some(cloud_init) = CloudInit::installed() {
        cloud_init.accepts_and_writes_all();
    }
}

/// 20.4: close to what Ubuntu 20.04 was released with.
#[test]
fn an_older_one_writes_what_was_rendered() {
    if let Some(cloud_init) = CloudInit::of("bullseye", &["devel", "schema"]) {
        cloud_init.accepts_and_writes_all();
    }
}

/// 25.1: newer than what Ubuntu 24.04 was released with.
#[test]
fn a_newer_one_writes_what_was_rendered() {
    if let Some(cloud_init) = CloudInit::of("trixie", &["schema"]) {
        cloud_init.accepts_and_writes_all();
    }
}

#[test]
fn both_ways_of_transport_are_judged() {
    let gzipped = nodes().iter().filter(|node| baked(node).gzipped).count();
    assert!(gzipped > 0 && gzipped < nodes().len());
}

#[test]
fn a_broken_document_is_refused() {
    let Some(cloud_init) = CloudInit::installed() else {
        return;
    };
    let good = String::from_utf8(document(&baked(&nodes()[0]))).unwrap();
    for (from, to, why) in [
        ("permissions: \"0644\"", "permissions: 0644", "is not of type 'string'"),
        ("content:", "contents:", "'contents' was unexpected"),
        ("#cloud-config\n", "#cloud_config\n", "#cloud-config"),
        ("runcmd:\n  - [", "runcmd:\n  - {", "not valid yaml"),
    ] {
        assert!(good.contains(from), "{from}");
        let said = cloud_init.judge(good.replacen(from, to, 1).as_bytes());
        assert!(said.as_ref().is_some_and(|said| said.contains(why)), "{from}: {said:?}");
    }
}

/// The traps that the bake stays clear of are traps.
#[test]
fn what_is_no_cloud_config_is_told() {
    let Some(cloud_init) = CloudInit::installed() else {
        return;
    };
    let folder = TempDir::new();
    let good = document(&baked(&nodes()[0]));
    let mark = [b"\xef\xbb\xbf".as_slice(), &good].concat();
    let jinja = [b"## template: jinja\n".as_slice(), &good].concat();
    let mode = b"#cloud-config\nwrite_files:\n  - {path: /x, permissions: u+x, content: y}\n".to_vec();
    let paths = [
        folder.write("mark", mark),
        folder.write("jinja", jinja),
        folder.write("mode", mode),
    ];
    let made = cloud_init.write(folder.path(), &paths);
    assert_eq!(made[0]["types"], serde_json::json!(["text/x-not-multipart"]));
    assert_eq!(made[1]["types"], serde_json::json!(["text/jinja2"]));
    assert!(
        made[2]["log"][0].as_str().unwrap().contains("Undecodable permissions"),
        "{}",
        made[2]
    );
}
