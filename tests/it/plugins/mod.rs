//! Plugins: what they may do, what nodebake makes of those that misbehave, and that nothing of them is left.

#![allow(
    clippy::disallowed_methods,
    reason = "tests reach the disk, processes and the environment"
)]

mod examples;
mod hostile;
mod kinds;
mod protocol;
mod trust;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nodebake::base::Sha256;

use crate::support::{TempDir, node_yaml, root};

/// A folder with a node, whose plugins are `list`, and a lock that trusts all of `plugins`: kind, name, program, and
/// further lines of the lock.
pub struct Site {
    pub folder: TempDir,
    tmp: TempDir,
}

impl Site {
    pub fn new(list: &str, plugins: &[(&str, &str, &str, &[&str])]) -> Self {
        let site = Self {
            folder: TempDir::new(),
            tmp: TempDir::new(),
        };
        let cluster = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
        site.folder.write("cluster.yaml", cluster);
        site.node(list);
        let mut lock = String::from("apiVersion: nodebake/v1\nkind: Plugins\nplugins:\n");
        for (kind, name, program, lines) in plugins {
            site.program(name, program);
            let sha256 = Sha256::of(program.as_bytes());
            lock.push_str(&format!("  - {kind}: {name}\n    sha256: \"{sha256}\"\n"));
            for line in *lines {
                lock.push_str(&format!("    {line}\n"));
            }
        }
        if !plugins.is_empty() {
            site.folder.write("plugins.lock", lock);
        }
        site
    }

    /// Writes node.yaml with these plugins.
    pub fn node(&self, list: &str) {
        let more = format!("  plugins:\n{list}\n");
        let yaml = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", &more);
        self.folder.write("node.yaml", yaml);
    }

    /// Writes a plugin's program.
    pub fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.write(&format!("plugins/{name}"), text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// nodebake, with its temporary files and its cache in folders of its own, and an environment with secrets.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nodebake"));
        command
            .args(args)
            .arg("--allow-root")
            .current_dir(self.path())
            .env("TMPDIR", self.tmp.path())
            .env("NODEBAKE_CACHE", self.path().join("cache"))
            .env("AWS_SECRET_ACCESS_KEY", "never/seen")
            .env("NO_COLOR", "1");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What is left in the folder for temporary files.
    pub fn left(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.tmp.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Processes that still run a program of this site, or work in its folder for temporary files.
    pub fn processes(&self) -> Vec<String> {
        let marks = [self.tmp.path(), self.path()];
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let path = entry.path();
            if !entry
                .file_name()
                .to_string_lossy()
                .bytes()
                .all(|byte| byte.is_ascii_digit())
            {
                continue;
            }
            let link = |name: &str| std::fs::read_link(path.join(name)).unwrap_or_default();
            let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).into_owned();
            let is_ours = marks
                .iter()
                .any(|mark| link("cwd").starts_with(mark) || words.contains(&mark.display().to_string()));
            if is_ours {
                found.push(format!("{} {words}", path.display()));
            }
        }
        found
    }
}

/// A check that says nothing.
pub const QUIET: &str = "#!/bin/sh\nprintf '{\"protocol\":1,\"findings\":[]}'\n";
