//! `nodebake fetch` against a server that misbehaves.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and run processes")]

mod archives;
mod lock;
mod mirrors;
mod server;
mod troubles;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use nodebake::base::Sha256;

use crate::support::{TempDir, node_yaml, root, stderr};
use server::Server;

/// Where the server has what dl.k8s.io has.
const KUBELET: &str = "/dl.k8s.io/release/v1.35.8/bin/linux/amd64/kubelet";

/// A node whose artifacts are small files on a server of our own.
struct Site {
    folder: TempDir,
    server: Server,
    /// What the pins stand for, by path on the server.
    files: BTreeMap<String, Vec<u8>>,
}

/// Bytes that compress to themselves, different for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

impl Site {
    fn new() -> Self {
        Self::with("")
    }

    /// `more` is added to the node's spec.
    fn with(more: &str) -> Self {
        let folder = TempDir::new();
        folder.write(
            "node.yaml",
            node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", more),
        );
        let cluster = std::fs::read(root().join("tests/fixtures/cluster.yaml")).unwrap();
        folder.write("cluster.yaml", cluster);
        // The pins of the catalog, with the digests of our own bytes.
        let pins = std::fs::read_to_string(root().join("images/artifacts.csv")).unwrap();
        let mut files = BTreeMap::new();
        let mut own = String::new();
        for (at, line) in pins.lines().enumerate() {
            match line.rsplit_once(',') {
                Some((pin, _)) if at > 0 => {
                    let (_, url) = pin.rsplit_once(',').unwrap();
                    let mut bytes = noise(at as u64, 20_000);
                    if url.ends_with("gz") {
                        bytes = archives::archive(&[archives::file("bin/program", &bytes)]);
                    }
                    writeln!(own, "{pin},{}", Sha256::of(&bytes)).unwrap();
                    files.insert(url.trim_start_matches("https:/").to_owned(), bytes);
                }
                _ => writeln!(own, "{line}").unwrap(),
            }
        }
        folder.write("catalog/images/artifacts.csv", own);
        let server = Server::new();
        for (path, bytes) in &files {
            server.file(path, bytes);
        }
        assert!(files.contains_key(KUBELET), "the newest kubelet of 1.35 is another");
        Self { folder, server, files }
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
        command
            .args(["fetch", "node.yaml", "--catalog", "catalog", "--cache", "cache"])
            .args(more)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    /// Runs `fetch` with the server as its mirror.
    fn fetch(&self, more: &[&str]) -> Output {
        // A busy machine is no stalled server.
        let patience: &[&str] = if more.contains(&"--stall") {
            &[]
        } else {
            &["--stall", "60"]
        };
        let mirror = ["--mirror", &self.server.url];
        self.command(&[&mirror, patience, more].concat()).output().unwrap()
    }

    #[track_caller]
    fn fetch_well(&self, more: &[&str]) -> String {
        let output = self.fetch(more);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{told}");
        told
    }

    /// Runs `fetch`, which must fail because of the world.
    #[track_caller]
    fn fetch_badly(&self, more: &[&str]) -> String {
        let output = self.fetch(more);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{told}");
        told
    }

    /// Where the cache has the file that is at `path` on the server.
    fn blob(&self, path: &str) -> PathBuf {
        let digest = Sha256::of(&self.files[path]).to_string();
        self.folder.path().join("cache/sha256").join(digest)
    }

    /// Whether the cache has exactly the file that is at `path` on the server.
    fn has(&self, path: &str) -> bool {
        std::fs::read(self.blob(path)).is_ok_and(|bytes| bytes == self.files[path])
    }
}
