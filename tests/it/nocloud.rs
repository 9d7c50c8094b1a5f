//! The seed image: the same bytes everywhere, and every tool that reads FAT, cloud-init's own code among them, finds in
//! it what was baked.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk and run processes")]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use nodebake::bake::seed_image;
use nodebake::base::Sha256;
use serde_json::Value;

use crate::judges::{PYTHON, brought, refused, run, tool};
use crate::support::{TempDir, build, have, node_yaml, nodebake, root, stderr, stdout, told};

const EXAMPLE: &str = "examples/satellite/node.yaml";

/// The seed image of the example, as `seed.img` in `folder`.
fn seed(folder: &Path) -> Vec<u8> {
    let node = root().join(EXAMPLE).display().to_string();
    let output = nodebake(&["bake", &node, "--format", "nocloud", "-o", "seed.img"], folder);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("seed.img: NoCloud 131.1 kB, no limit, sha256 "),
        "{}",
        stderr(&output)
    );
    std::fs::read(folder.join("seed.img")).unwrap()
}

fn call(folder: &Path, command: &[&str]) -> Output {
    run(Command::new(command[0]).args(&command[1..]).current_dir(folder))
}

/// A file of the image, by mtools.
fn file(folder: &Path, name: &str) -> String {
    let output = call(folder, &["mtype", "-i", "seed.img", &format!("::{name}")]);
    assert_eq!(refused(&output), None);
    stdout(&output)
}

#[test]
fn same_bytes_everywhere() {
    let folder = TempDir::new();
    let first = seed(folder.path());
    let node = root().join(EXAMPLE).display().to_string();
    for (zone, mask, place) in [
        ("Asia/Tokyo", "077", "/"),
        ("America/New_York", "000", "/tmp"),
        ("UTC", "022", "/"),
    ] {
        let command = format!(
            "umask {mask}; cd {place}; exec {} bake {node} --format nocloud",
            env!("CARGO_BIN_EXE_nodebake")
        );
        let output = run(Command::new("sh")
            .args(["-c", &command])
            .env("TZ", zone)
            .env("LC_ALL", "tr_TR.UTF-8"));
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(output.stdout == first, "{zone} {mask} {place}");
    }
}

/// A drift of the writer is seen here; a change of the example changes it too.
#[test]
fn the_digest_is_pinned() {
    let folder = TempDir::new();
    let image = seed(folder.path());
    let pinned = format!("{} bytes\nsha256 {}\n", image.len(), Sha256::of(&image));
    insta::with_settings!({
        snapshot_path => root().join("snapshots/nocloud"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => EXAMPLE,
    }, { insta::assert_snapshot!("satellite", pinned) });
}

#[test]
fn a_fleet_gets_an_image_a_node() {
    let folder = TempDir::new();
    let fleet = root().join("examples/fleet/fleet.yaml").display().to_string();
    let output = nodebake(&["bake", &fleet, "--format", "nocloud", "-o", "out"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let names: Vec<String> = std::fs::read_dir(folder.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        names.len() > 1 && names.iter().all(|name| name.contains(".img")),
        "{names:?}"
    );
}

/// A cloud's limit is no matter of a disk.
#[test]
fn the_image_has_no_limit() {
    // Bytes that do not compress, more than EC2 takes.
    let mut noise = String::new();
    let mut digest = Sha256::of(b"noise");
    for _ in 0..500 {
        digest = Sha256::of(digest.to_string().as_bytes());
        noise.push_str(&format!("# {digest}\n"));
    }
    let text: String = noise.lines().map(|line| format!("        {line}\n")).collect();
    let more = format!(
        "  files:\n    - path: /etc/sysctl.d/91-noise.conf\n      mode: \"0644\"\n      type: sysctl\n      content: |\n{text}"
    );
    let yaml = node_yaml("satellite", "ubuntu-22-04", "ec2/g5.xlarge", &more);
    let built = build(&yaml, "1.35").unwrap_or_else(|report| panic!("{}", told(&report)));
    let refused =
        nodebake::bake::user_data(&built.plan, &built.verified, &nodebake::bake::Packer::default()).unwrap_err();
    assert!(told(&refused).contains("bake/budget"), "{}", told(&refused));
    let seed = seed_image(&built.plan, &built.verified).unwrap_or_else(|report| panic!("{}", told(&report)));
    assert!(seed.budget.fits() && !seed.budget.is_tight() && seed.budget.max.is_none());
}

#[test]
fn fsck_finds_nothing() {
    if !have("fsck.fat") {
        return;
    }
    let folder = TempDir::new();
    seed(folder.path());
    let output = call(folder.path(), &["/usr/sbin/fsck.fat", "-n", "-v", "seed.img"]);
    assert_eq!(refused(&output), None);
    assert!(stdout(&output).contains("seed.img: 3 files, "), "{}", stdout(&output));
    // It does find what is wrong.
    let mut image = std::fs::read(folder.path().join("seed.img")).unwrap();
    image[512 + 3..512 + 6].fill(0);
    folder.write("seed.img", image);
    let output = call(folder.path(), &["/usr/sbin/fsck.fat", "-n", "-v", "seed.img"]);
    assert!(!output.status.success(), "{}", stdout(&output));
}

#[test]
fn blkid_knows_the_volume() {
    if !have("blkid") {
        return;
    }
    let folder = TempDir::new();
    let image = seed(folder.path());
    let output = call(folder.path(), &["/usr/sbin/blkid", "-p", "-o", "export", "seed.img"]);
    for line in ["LABEL=CIDATA", "LABEL_FATBOOT=CIDATA", "TYPE=vfat"] {
        assert!(
            stdout(&output).lines().any(|found| found == line),
            "{line}: {}",
            stdout(&output)
        );
    }
    assert!(image.len().is_multiple_of(64 << 10));
}

#[test]
fn mtools_read_what_was_baked() {
    if !have("mtype") || !have("mdir") {
        return;
    }
    let folder = TempDir::new();
    seed(folder.path());
    let listed = stdout(&call(folder.path(), &["mdir", "-b", "-i", "seed.img", "::"]));
    assert_eq!(listed, "::/meta-data\n::/user-data\n");
    let user_data = file(folder.path(), "user-data");
    assert!(user_data.starts_with("#cloud-config\n") && !user_data.contains("gz+b64"));
    let digest = Sha256::of(user_data.as_bytes()).to_string();
    assert_eq!(
        file(folder.path(), "meta-data"),
        format!(
            "instance-id: nodebake-{}\nlocal-hostname: gh62-satellite-node-01\n",
            &digest[..32]
        )
    );
}

/// What cloud-init's own `NoCloud` takes from the image. `debian` is another Debian's cloud-init, if not the installed.
fn taken(folder: &Path, debian: Option<&str>) -> Option<Value> {
    if !(have("cloud-init") && have("mcopy") && have("blkid")) {
        return None;
    }
    let work = TempDir::new();
    if let Some(debian) = debian {
        let code = brought(debian)?.join("usr/lib/python3/dist-packages/cloudinit");
        symlink(code, work.path().join("cloudinit")).unwrap();
    }
    let output = run(Command::new(PYTHON)
        .env("PYTHONPATH", work.path())
        .arg(tool("nocloud_read.py"))
        .arg(work.path())
        .arg(folder.join("seed.img")));
    assert_eq!(refused(&output), None);
    Some(serde_json::from_str(&stdout(&output)).unwrap())
}

fn cloud_init_takes_it(debian: Option<&str>) {
    let folder = TempDir::new();
    seed(folder.path());
    let Some(taken) = taken(folder.path(), debian) else {
        return;
    };
    let user_data = file(folder.path(), "user-data");
    assert_eq!(taken["found"], true);
    assert_eq!(taken["user"], user_data.as_str());
    assert_eq!(taken["metadata"]["local-hostname"], "gh62-satellite-node-01");
    let digest = Sha256::of(user_data.as_bytes()).to_string();
    assert_eq!(taken["instance"], format!("nodebake-{}", &digest[..32]));
    // None of ours: the image's own way to an address stays.
    assert_eq!(taken["network"], Value::Null);
}

#[test]
fn cloud_init_takes_what_was_baked() {
    cloud_init_takes_it(None);
}

#[test]
fn an_older_cloud_init_takes_what_was_baked() {
    cloud_init_takes_it(Some("bullseye"));
}

#[test]
fn a_newer_cloud_init_takes_what_was_baked() {
    cloud_init_takes_it(Some("trixie"));
}

#[test]
fn cloud_init_accepts_the_user_data() {
    if !(have("cloud-init") && have("mtype")) {
        return;
    }
    let folder = TempDir::new();
    seed(folder.path());
    folder.write("user-data", file(folder.path(), "user-data"));
    let output = call(folder.path(), &["cloud-init", "schema", "-c", "user-data"]);
    assert_eq!(refused(&output), None);
    assert!(stdout(&output).contains("Valid "), "{}", stdout(&output));
}

/// The README's way to let somebody log in; and a volume of another label is left alone.
#[test]
fn the_image_can_be_added_to() {
    if !(have("mcopy") && have("mlabel")) {
        return;
    }
    let folder = TempDir::new();
    seed(folder.path());
    let own = "#cloud-config\nssh_authorized_keys: [ssh-ed25519 AAAA me]\n";
    folder.write("vendor-data", own);
    let output = call(folder.path(), &["mcopy", "-i", "seed.img", "vendor-data", "::"]);
    assert_eq!(refused(&output), None);
    if let Some(taken) = taken(folder.path(), None) {
        assert_eq!(taken["vendor"], own);
        let output = call(folder.path(), &["mlabel", "-i", "seed.img", "::OTHER"]);
        assert_eq!(refused(&output), None);
        assert_eq!(self::taken(folder.path(), None).unwrap()["found"], false);
    }
}
