//! The real programs as judges of what nodebake writes: cloud-init, `PyYAML`, containerd, CNI plugins, netplan, systemd,
//! bash, shellcheck and sysctl read the files of a set of nodes that covers what the templates can do.
//!
//! A tool that is missing skips its tests, with a printed reason, and fails them where CI=true; `.ci/setup` installs
//! them all. Older and newer versions come from other Debian releases, which it unpacks below `$NODEBAKE_TOOLS`.
//! Programs that want the files at their real places run in namespaces of their own (`tests/fixtures/tools/inside.sh`);
//! where the machine grants none, as in many containers, these tests say so and pass.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests reach the disk, processes and the environment, and say what they skip"
)]

mod cloud_init;
mod containerd;
mod netplan_keys;
mod network;
mod scripts;
mod systemd;
mod tables;
mod yaml;

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use nodebake::catalog::Plane;
use nodebake::pipeline::Built;
use nodebake::syntax::systemd::parse;

use crate::support::{TempDir, build, have, node_yaml, root, stderr, stdout, told};

/// Debian's own Python: the one that has its packages.
pub const PYTHON: &str = "/usr/bin/python3";

/// A node of the covering set.
pub struct Node {
    pub name: String,
    pub built: Built,
}

const HOST: &str = "";
const BRIDGE: &str = "  network: { pods: bridge, podCidr: 10.244.7.0/24 }\n";
/// Own artifacts, one of them an archive of images.
const IMAGES: &str = "  artifacts:\n    files:\n      - { name: images, source: \"https://example.com/all.tar\", sha256: 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf, path: /var/lib/images/all.tar, mode: \"0600\", import: true }\n";

/// The program in the script's place.
const AGENT: &str = "  artifacts:\n    files:\n      - { name: agent, source: \"https://example.com/nodebake\", sha256: 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf, path: /opt/nodebake/nodebake, mode: \"0755\" }\n";

/// Both profiles, all images that differ in form, both architectures, machines with many GPUs, one and none.
const COVERING: [(&str, &str, &str, &str, &str); 9] = [
    ("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", HOST, "1.35"),
    (
        "hybrid",
        "lambda-stack-22-04",
        "lambda/gpu_8x_h100_sxm5",
        BRIDGE,
        "1.35",
    ),
    (
        "satellite",
        "lambda-stack-24-04",
        "lambda/gpu_8x_h100_sxm5",
        BRIDGE,
        "1.35",
    ),
    ("satellite", "lambda-stack-24-04", "lambda/gpu_1x_gh200", IMAGES, "1.35"),
    ("satellite", "ubuntu-20-04", "lambda/gpu_1x_a10", BRIDGE, "1.34"),
    ("hybrid", "ubuntu-20-04", "lambda/cpu_4x_general", HOST, "1.34"),
    ("satellite", "ubuntu-22-04", "ec2/g5.xlarge", HOST, "1.35"),
    ("hybrid", "ubuntu-24-04", "lambda/cpu_4x_general", BRIDGE, "1.35"),
    ("satellite", "ubuntu-22-04", "lambda/gpu_1x_a10", AGENT, "1.35"),
];

/// The covering set, built once.
fn nodes() -> &'static [Node] {
    static NODES: OnceLock<Vec<Node>> = OnceLock::new();
    NODES.get_or_init(|| {
        let build_one = |(profile, image, kind, more, minor)| Node {
            name: format!(
                "{profile} {image} {kind} {minor}{}",
                if more == BRIDGE { " bridge" } else { "" }
            ),
            built: built(profile, image, kind, more, minor),
        };
        COVERING.into_iter().map(build_one).collect()
    })
}

fn built(profile: &str, image: &str, kind: &str, more: &str, minor: &str) -> Built {
    let mut yaml = node_yaml(profile, image, kind, more);
    if more == AGENT {
        let agent = "  credentials:\n    agent: agent\n    metrics: /srv/metrics/nodebake.prom\n";
        yaml = yaml.replace("  credentials:\n", agent);
    }
    build(&yaml, minor).unwrap_or_else(|report| panic!("{}", told(&report)))
}

/// The text of a file of the node.
fn text<'b>(built: &'b Built, path: &str) -> Option<&'b str> {
    built
        .verified
        .tree()
        .get(Plane::Node, path)
        .map(|entry| entry.text.as_str())
}

/// A decision about the node.
fn decided<'b>(built: &'b Built, path: &str) -> &'b serde_json::Value {
    built.plan.book.get(path).unwrap().value()
}

/// A file of the test's tools.
pub fn tool(name: &str) -> PathBuf {
    root().join("tests/fixtures/tools").join(name)
}

/// Runs a program that was given everything but a time limit and Python's manners.
pub fn run(command: &mut Command) -> Output {
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What a program said on standard error, if it failed.
pub fn refused(output: &Output) -> Option<String> {
    (!output.status.success()).then(|| format!("{}: {}{}", output.status, stdout(output), stderr(output)))
}

/// The assignments of a file in systemd's syntax: section and key to values.
fn assignments(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in parse(text).unwrap() {
        found
            .entry(format!("[{}]{}", line.section, line.key))
            .or_default()
            .push(line.value);
    }
    found
}

/// Where `.ci/setup` puts what is not installed: a program, or the root folder of another Debian.
pub fn brought(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NODEBAKE_TOOLS").unwrap_or_else(|| "/var/cache/nodebake-tools".into());
    let path = Path::new(&folder).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "CI=true and {} is missing: run .ci/setup",
        path.display()
    );
    println!("skipped: {} is missing, .ci/setup brings it", path.display());
    None
}

/// Whether this machine lets [`Machine`] run. Most containers do not: that is no tool that could be installed.
fn namespaces() -> bool {
    static GRANTED: OnceLock<bool> = OnceLock::new();
    let granted = *GRANTED.get_or_init(|| {
        let machine = Machine::empty();
        have("unshare") && machine.run(&["true"]).status.success()
    });
    if !granted {
        println!("skipped: this machine grants no user namespaces, or no overlay in them");
    }
    granted
}

/// A throw-away machine that has a node's files at their real paths and runs this one's programs, or those of another
/// Debian.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn empty() -> Self {
        let folder = TempDir::new();
        std::fs::create_dir(folder.path().join("tree")).unwrap();
        Self { folder }
    }

    /// With all files of `built`.
    fn of(built: &Built) -> Self {
        let machine = Self::empty();
        for entry in built.verified.tree().plane(Plane::Node) {
            machine.put(entry.path.as_str(), &entry.text, entry.mode.bits());
        }
        machine
    }

    /// Its file at `path`, from outside.
    fn outside(&self, path: &str) -> PathBuf {
        self.folder.path().join(format!("tree{path}"))
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) {
        let place = self.folder.write(&format!("tree{path}"), content);
        std::fs::set_permissions(place, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// A program that does nothing.
    fn stub(&self, path: &str) {
        self.put(path, "#!/bin/sh\n", 0o755);
    }

    /// A copy of a file of this machine, or of a test's tool.
    fn copy(&self, from: &Path, to: &str) {
        self.put(to, std::fs::read(from).unwrap(), 0o755);
    }

    /// A symbolic link.
    fn link(&self, target: &str, path: &str) {
        let place = self.outside(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink(target, place).unwrap();
    }

    /// Edits a file that is there already.
    fn edit(&self, path: &str, change: impl FnOnce(&str) -> String) {
        let place = self.outside(path);
        let before = std::fs::read_to_string(&place).unwrap();
        let after = change(&before);
        assert_ne!(before, after, "nothing changed in {path}");
        std::fs::write(place, after).unwrap();
    }

    /// Takes its programs from another Debian.
    fn userland(self, root: &Path) -> Self {
        symlink(root, self.folder.path().join("userland")).unwrap();
        self
    }

    /// Has a folder of programs come first.
    fn programs(self, folder: &Path) -> Self {
        symlink(folder, self.folder.path().join("bin")).unwrap();
        self
    }

    /// Runs a command there, as its root. Whatever it leaves running ends with it.
    fn run(&self, command: &[&str]) -> Output {
        let mut unshare = Command::new("timeout");
        unshare.args([
            "-k",
            "5",
            "60",
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "--net",
            "--pid",
            "--fork",
        ]);
        unshare
            .args(["--kill-child", "--", "bash"])
            .arg(tool("inside.sh"))
            .arg(self.folder.path())
            .args(command);
        run(&mut unshare)
    }
}
