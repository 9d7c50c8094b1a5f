//! The commands on an image: install, upgrade, conflicts, status, rollback, uninstall.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Output;

use nodebake::bake::bundle::Part;

use super::bundle::{Members, image, members, unpack, write};
use crate::support::{TempDir, nodebake, stderr, stdout};

/// All of a folder: modes, owners, links, contents; not the journal, which tells of the way and not of the end.
pub fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            // Nor the number of who was there last.
            if name.starts_with("var/lib/nodebake/journal") || name == "var/lib/nodebake/lock" {
                continue;
            }
            let about = path.symlink_metadata().unwrap();
            let access = format!("{:o} {}:{}", about.permissions().mode(), about.uid(), about.gid());
            let what = if about.is_symlink() {
                format!("-> {}", path.read_link().unwrap().display())
            } else if about.is_dir() {
                open.push(path);
                access
            } else {
                format!("{access} {}", String::from_utf8_lossy(&std::fs::read(&path).unwrap()))
            };
            found.insert(name, what);
        }
    }
    found
}

#[cfg(target_arch = "aarch64")]
const ENV: &[u8] = b"NB_OS=ubuntu-22.04\nNB_ARCH=arm64\n";
#[cfg(not(target_arch = "aarch64"))]
const ENV: &[u8] = b"NB_OS=ubuntu-22.04\nNB_ARCH=amd64\n";

pub fn first() -> Members {
    members(&[
        (Part::Node, "/etc/a.conf", b"a\n", "0640"),
        (Part::Node, "/etc/nodebake/node.env", ENV, "0644"),
        (Part::Node, "/etc/new/deep/b.conf", b"b\n", "0600"),
        (Part::Node, "/lib/c.conf", b"through a link\n", "0644"),
        (Part::Node, "/opt/cni/bin/tool", &vec![7; 300_000], "0755"),
        (
            Part::Image,
            "/etc/systemd/system/nodebake-first-boot.service",
            b"[Unit]\n",
            "0644",
        ),
        (
            Part::State,
            "/var/lib/nodebake/artifacts.done",
            b"x file /opt y /opt/cni/bin/tool\n",
            "0644",
        ),
    ])
}

pub fn second() -> Members {
    members(&[
        (Part::Node, "/etc/a.conf", b"a, newer\n", "0644"),
        (Part::Node, "/etc/nodebake/node.env", ENV, "0644"),
        (Part::Node, "/lib/c.conf", b"through a link\n", "0644"),
        (Part::Node, "/opt/cni/bin/tool", &vec![8; 200_000], "0755"),
        (
            Part::State,
            "/var/lib/nodebake/artifacts.done",
            b"x file /opt z /opt/cni/bin/tool\n",
            "0644",
        ),
    ])
}

struct Site {
    folder: TempDir,
    root: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = TempDir::new();
        write(&folder, "first.tar.gz", &first());
        write(&folder, "second.tar.gz", &second());
        Self { folder, root: image() }
    }

    fn run(&self, args: &[&str]) -> Output {
        let root = self.root.path().display().to_string();
        nodebake(&[args, &["--root", &root]].concat(), self.folder.path())
    }

    /// Runs a command that must end with `code`; gives what it said.
    fn ends(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    fn tree(&self) -> BTreeMap<String, String> {
        tree(self.root.path())
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.path().join(path)).unwrap()
    }
}

#[test]
fn there_and_back() {
    let site = Site::new();
    let before = site.tree();
    let would = site.ends(0, &["install", "first.tar.gz", "--dry-run"]);
    assert!(would.contains("create   /etc/a.conf (0640, 2 bytes)"), "{would}");
    assert!(would.contains("make     /etc/new/deep/"), "{would}");
    assert_eq!(site.tree(), before);
    site.ends(0, &["install", "first.tar.gz"]);
    let first = site.tree();
    assert!(first["etc/a.conf"].starts_with("100640 "), "{}", first["etc/a.conf"]);
    assert_eq!(site.text("usr/lib/c.conf"), "through a link\n");
    assert_eq!(
        first["etc/systemd/system/multi-user.target.wants/nodebake-first-boot.service"],
        "-> /etc/systemd/system/nodebake-first-boot.service"
    );
    assert!(
        site.ends(0, &["install", "first.tar.gz"])
            .contains("nothing was changed")
    );
    assert_eq!(site.tree(), first);
    assert!(site.ends(0, &["status"]).contains("all as they were installed"));
    let would = site.ends(0, &["install", "second.tar.gz", "--dry-run"]);
    assert!(
        would.contains("-a\n+a, newer\n") && would.contains("remove   /etc/new/deep/b.conf"),
        "{would}"
    );
    site.ends(0, &["install", "second.tar.gz"]);
    assert!(!site.root.path().join("etc/new").exists());
    assert!(
        !site
            .root
            .path()
            .join("var/lib/nodebake/stage/etc/new/deep/b.conf")
            .exists()
    );
    site.ends(0, &["rollback"]);
    assert_eq!(site.tree(), first);
    assert!(site.ends(0, &["rollback"]).contains("nothing to go back to"));
    assert!(site.ends(0, &["uninstall"]).contains("remove   /etc/a.conf"));
    assert_eq!(site.tree(), first);
    site.ends(0, &["uninstall", "--yes"]);
    assert_eq!(site.tree(), before);
    assert!(site.ends(0, &["uninstall", "--yes"]).contains("nothing is installed"));
    assert_eq!(site.tree(), before);
    site.ends(0, &["install", "first.tar.gz"]);
    site.ends(0, &["rollback"]);
    assert_eq!(site.tree(), before);
}

#[test]
fn conflicts_are_told_at_once_and_nothing_is_lost() {
    let site = Site::new();
    site.root.write("etc/a.conf", "foreign\n");
    site.root.write("opt/cni/bin/tool", "foreign tool\n");
    std::fs::create_dir_all(site.root.path().join("usr/lib/c.conf")).unwrap();
    let before = site.tree();
    let said = site.ends(1, &["install", "first.tar.gz"]);
    for path in [
        "/etc/a.conf: a file is there that",
        "/opt/cni/bin/tool: a file",
        "/lib/c.conf: a folder is there",
    ] {
        assert!(said.contains(path), "{said}");
    }
    assert_eq!(site.tree(), before);
    std::fs::remove_dir(site.root.path().join("usr/lib/c.conf")).unwrap();
    let before = site.tree();
    site.ends(0, &["install", "first.tar.gz", "--backup"]);
    assert_eq!(site.text("etc/a.conf"), "a\n");
    assert_eq!(site.text("var/lib/nodebake/backup/etc/a.conf"), "foreign\n");
    // A file of ours that is changed here is no less in the way.
    site.root.write("etc/a.conf", "by hand\n");
    let changed = site.tree();
    assert!(
        site.ends(1, &["status"])
            .contains("/etc/a.conf: its content was changed")
    );
    assert!(
        site.ends(1, &["install", "second.tar.gz"])
            .contains("it was changed here")
    );
    assert!(site.ends(1, &["rollback"]).contains("it was changed here since"));
    assert_eq!(site.tree(), changed);
    site.ends(0, &["install", "second.tar.gz", "--backup"]);
    assert_eq!(site.text("var/lib/nodebake/backup/etc/a.conf.changed"), "by hand\n");
    std::fs::remove_file(site.root.path().join("var/lib/nodebake/backup/etc/a.conf.changed")).unwrap();
    site.ends(0, &["uninstall", "--yes"]);
    assert_eq!(site.tree(), before);
}

#[test]
fn what_was_changed_since_stays_and_is_listed() {
    let site = Site::new();
    site.ends(0, &["install", "first.tar.gz"]);
    site.root.write("etc/a.conf", "by hand\n");
    let said = site.ends(1, &["uninstall", "--yes"]);
    assert!(said.contains("kept /etc/a.conf: changed since"), "{said}");
    assert_eq!(site.text("etc/a.conf"), "by hand\n");
    assert!(!site.root.path().join("var/lib/nodebake").exists());
}

#[test]
fn adopted_files_stay_the_machines_own() {
    let site = Site::new();
    site.root.write("etc/a.conf", "foreign\n");
    site.root.write("opt/cni/bin/tool", "foreign tool\n");
    let before = site.tree();
    let said = site.ends(0, &["install", "first.tar.gz", "--adopt"]);
    assert!(said.contains("kept /etc/a.conf: adopted"), "{said}");
    assert_eq!(site.text("etc/a.conf"), "foreign\n");
    // First boot lays the stage over the machine, and downloads what is not as listed.
    assert_eq!(site.text("var/lib/nodebake/stage/etc/a.conf"), "foreign\n");
    let sha = nodebake::base::Sha256::of(b"foreign tool\n");
    assert_eq!(
        site.text("var/lib/nodebake/artifacts.done"),
        format!("x file /opt {sha} /opt/cni/bin/tool\n")
    );
    let adopted = site.tree();
    assert!(
        site.ends(0, &["install", "first.tar.gz"])
            .contains("nothing was changed")
    );
    assert!(site.ends(0, &["status"]).contains("/etc/a.conf: the machine's own"));
    site.ends(0, &["install", "second.tar.gz"]);
    assert_eq!(site.text("etc/a.conf"), "foreign\n");
    site.ends(0, &["rollback"]);
    assert_eq!(site.tree(), adopted);
    site.ends(0, &["uninstall", "--yes"]);
    assert_eq!(site.tree(), before);
}

#[test]
fn drift_by_mode_and_absence() {
    let site = Site::new();
    site.ends(0, &["install", "first.tar.gz"]);
    let whole = site.tree();
    let path = site.root.path().join("etc/a.conf");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    std::fs::remove_file(site.root.path().join("usr/lib/c.conf")).unwrap();
    let said = site.ends(1, &["status", "--json"]);
    assert!(
        said.contains("its mode is 0666 instead of 0640") && said.contains("it is missing"),
        "{said}"
    );
    site.ends(0, &["install", "first.tar.gz"]);
    assert_eq!(site.tree(), whole);
}

#[test]
fn a_wrong_image_is_refused() {
    let site = Site::new();
    site.root.write("etc/os-release", "ID=debian\nVERSION_ID=12\n");
    site.root.write("usr/bin/sh", "#!");
    site.root.write("etc/cni/net.d/99-x.conflist", "{}");
    let before = site.tree();
    let said = site.ends(1, &["install", "first.tar.gz"]);
    for part in [
        "the system is debian-12, planned: ubuntu-22.04",
        "the architecture is unknown",
        "99-x.conflist",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(site.tree(), before);
}

/// Links of the image lead nowhere but into it.
#[test]
fn links_stay_in_the_root() {
    let site = Site::new();
    let outside = TempDir::new();
    std::fs::create_dir_all(outside.path().join("cni/bin")).unwrap();
    std::os::unix::fs::symlink(outside.path(), site.root.path().join("opt")).unwrap();
    let said = site.ends(1, &["install", "first.tar.gz"]);
    assert!(said.contains("/opt: a link is there, and a folder is needed"), "{said}");
    std::fs::remove_file(site.root.path().join("opt")).unwrap();
    std::os::unix::fs::symlink("../../../../../../../../usr", site.root.path().join("opt")).unwrap();
    site.ends(0, &["install", "first.tar.gz"]);
    assert!(site.root.path().join("usr/cni/bin/tool").exists());
    assert_eq!(std::fs::read_dir(outside.path().join("cni/bin")).unwrap().count(), 0);
}

/// The second of two waits, or says who has it.
#[test]
fn two_at_once() {
    let site = Site::new();
    site.ends(0, &["install", "first.tar.gz"]);
    let state = site.root.path().join("var/lib/nodebake");
    let mut holder = std::process::Command::new("flock")
        .args([state.to_str().unwrap(), "sleep", "3"])
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let said = site.ends(3, &["install", "second.tar.gz"]);
    assert!(said.contains("another installation is active: first boot"), "{said}");
    site.ends(0, &["install", "second.tar.gz", "--wait", "20"]);
    holder.wait().unwrap();
    assert_eq!(site.text("etc/a.conf"), "a, newer\n");
}

#[test]
fn an_unpacked_bundle_installs_too() {
    let site = Site::new();
    unpack(&site.folder.path().join("unpacked"), &first());
    site.folder.write("unpacked/first.tar.gz", "the archive it came in");
    site.ends(0, &["install", "unpacked"]);
    let unpacked = site.tree();
    let other = Site::new();
    other.ends(0, &["install", "first.tar.gz"]);
    assert_eq!(unpacked, other.tree());
    site.folder.write("unpacked/nodes/n/node/etc/a.conf", "b\n");
    assert!(
        site.ends(1, &["install", "unpacked"])
            .contains("was changed: its sha256")
    );
}
