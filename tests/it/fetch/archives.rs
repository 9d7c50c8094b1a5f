//! What archives unpack to.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use nodebake::base::{AbsPath, Blobs, Member, Sha256};
use nodebake::edge::cache::{Cache, Held};
use tar::{EntryType, Header};

use super::noise;
use crate::support::TempDir;

/// A member: its name as it is, its type, mode and bytes.
pub type Entry<'e> = (&'e str, EntryType, u32, &'e [u8]);

pub fn file<'e>(name: &'e str, bytes: &'e [u8]) -> Entry<'e> {
    (name, EntryType::Regular, 0o755, bytes)
}

/// A gzip tar with whatever names.
pub fn archive(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, kind, mode, bytes) in entries {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_size(bytes.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    gzip(&tar)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

struct Store {
    folder: TempDir,
    cache: Cache,
}

impl Store {
    fn new() -> Self {
        let folder = TempDir::new();
        let cache = Cache::open(Some(&folder.path().join("cache"))).unwrap();
        Self { folder, cache }
    }

    fn put(&self, bytes: &[u8]) -> Sha256 {
        let digest = Sha256::of(bytes);
        let path = self.folder.write("in", bytes);
        self.cache.take(&digest, &path).unwrap();
        digest
    }

    fn members(&self, bytes: &[u8], action: &str) -> Result<Vec<Member>, String> {
        let digest = self.put(bytes);
        let dest: AbsPath = "/opt/x".parse().unwrap();
        self.cache
            .members(&digest, action, &dest)
            .map_err(|error| error.to_string())
    }
}

fn listed(members: &[Member]) -> Vec<String> {
    let line = |member: &Member| format!("{} {} {}", member.mode, member.size, member.path);
    members.iter().map(line).collect()
}

#[test]
fn members_are_what_the_machine_would_unpack() {
    let store = Store::new();
    let bytes = archive(&[
        ("./", EntryType::Directory, 0o755, b""),
        ("bin/", EntryType::Directory, 0o755, b""),
        ("bin/b", EntryType::Regular, 0o4777, b"bb"),
        ("bin/a", EntryType::Regular, 0o600, b"a"),
        ("./bin/deep/c", EntryType::Regular, 0o644, b""),
        ("README", EntryType::Regular, 0o644, b"read"),
    ]);
    let all = store.members(&bytes, "untar0").unwrap();
    assert_eq!(
        listed(&all),
        [
            "0644 4 /opt/x/README",
            "0600 1 /opt/x/bin/a",
            "0755 2 /opt/x/bin/b",
            "0644 0 /opt/x/bin/deep/c"
        ]
    );
    for member in &all {
        let mut content = Vec::new();
        store
            .cache
            .open(&member.sha256)
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        assert_eq!(Sha256::of(&content), member.sha256);
        assert_eq!(content.len() as u64, member.size);
    }
    // The same as tar does on the machine, whose umask is 022.
    for (action, strip) in [("untar0", "0"), ("untar1", "1")] {
        let out = store.folder.path().join(action);
        std::fs::create_dir(&out).unwrap();
        let script = "umask 022; tar -xzf \"$1\" -C \"$2\" --no-same-owner --no-same-permissions --strip-components=\"$3\" && cd \"$2\" && find . -type f -printf '%04m %s /opt/x/%P\\n' | sort -k3";
        let tarball = store.folder.write("in", &bytes);
        let output = Command::new("sh")
            .args(["-c", script, "sh"])
            .args([tarball.as_path(), out.as_path(), Path::new(strip)])
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tar: Vec<String> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        assert_eq!(listed(&store.members(&bytes, action).unwrap()), tar, "{action}");
    }
}

#[test]
fn a_file_is_its_own_member() {
    let store = Store::new();
    for (action, mode) in [("file", "0755"), ("file0640", "0640")] {
        let members = store.members(b"program", action).unwrap();
        assert_eq!(listed(&members), [format!("{mode} 7 /opt/x")]);
        assert_eq!(members[0].sha256, Sha256::of(b"program"));
    }
    for action in ["file9", "untar2", ""] {
        assert!(store.members(b"program", action).is_err(), "{action}");
    }
}

#[test]
fn hostile_archives_are_refused() {
    let store = Store::new();
    let whole = archive(&[file("a", &noise(1, 100_000))]);
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a way out", archive(&[file("x/../../etc/passwd", b"x")]), "leads out"),
        ("an absolute path", archive(&[file("/etc/passwd", b"x")]), "absolute"),
        ("a link", archive(&[("l", EntryType::Symlink, 0o777, b"")]), "is a link"),
        (
            "a hard link",
            archive(&[("l", EntryType::Link, 0o777, b"")]),
            "is a link",
        ),
        (
            "a device",
            archive(&[("d", EntryType::Char, 0o666, b"")]),
            "no plain file",
        ),
        (
            "a pipe",
            archive(&[("p", EntryType::Fifo, 0o666, b"")]),
            "no plain file",
        ),
        (
            "a file twice",
            archive(&[file("a", b"1"), file("./a", b"2")]),
            "is there twice",
        ),
        ("a blank", archive(&[file("a b", b"1")]), "printable"),
        ("a line end", archive(&[file("a\nb", b"1")]), "printable"),
        ("no gzip", b"program".to_vec(), "no whole gzip tar"),
        ("nothing", Vec::new(), "no whole gzip tar"),
        ("no tar", gzip(&noise(3, 4_000)), "no whole gzip tar"),
        ("cut off", whole[..whole.len() / 2].to_vec(), "no whole gzip tar"),
    ];
    for (what, bytes, says) in table {
        let told = store.members(&bytes, "untar0").expect_err(what);
        assert!(told.contains(says), "{what}: {told}");
        assert!(!store.folder.path().join("cache/index").exists(), "{what}");
    }
    // More than an archive may have, by its header alone.
    let mut header = Header::new_ustar();
    header.set_path("big").unwrap();
    header.set_size(40 << 30);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    let told = store.members(&gzip(header.as_bytes()), "untar0").unwrap_err();
    assert!(told.contains("more than"), "{told}");
    let left = std::fs::read_dir(store.folder.path().join("cache/sha256")).unwrap();
    let left: Vec<String> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(left.iter().all(|name| !name.starts_with("unpacking")), "{left:?}");
}

#[test]
fn a_damaged_cache_is_told_or_made_again() {
    let store = Store::new();
    let bytes = archive(&[file("bin/a", b"a program"), file("bin/b", b"another")]);
    let digest = Sha256::of(&bytes);
    let members = store.members(&bytes, "untar1").unwrap();
    let dest: AbsPath = "/opt/x".parse().unwrap();
    let again = || store.cache.members(&digest, "untar1", &dest);
    let index = store.folder.path().join(format!("cache/index/{digest}.untar1"));
    let text = std::fs::read_to_string(&index).unwrap();
    // The index alone is enough.
    let archive = store.folder.path().join(format!("cache/sha256/{digest}"));
    let aside = store.folder.path().join("aside");
    std::fs::rename(&archive, &aside).unwrap();
    assert_eq!(again().unwrap(), members);
    let other = Sha256::of(b"other").to_string();
    for damage in [
        String::new(),
        text.replace(" a\n", " c\n"),
        text.replace(&members[0].sha256.to_string(), &other),
        text.lines().take(2).collect(),
    ] {
        // Without the archive there is nothing to make it from.
        std::fs::write(&index, &damage).unwrap();
        let told = again().unwrap_err().to_string();
        assert!(told.contains("run `nodebake fetch`"), "{told}");
        std::fs::rename(&aside, &archive).unwrap();
        assert_eq!(again().unwrap(), members);
        assert_eq!(std::fs::read_to_string(&index).unwrap(), text);
        std::fs::rename(&archive, &aside).unwrap();
    }
    // A member that is gone is unpacked again; an archive that is damaged is told.
    std::fs::rename(&aside, &archive).unwrap();
    store.cache.remove(&members[0].sha256).unwrap();
    assert!(
        store
            .cache
            .open(&members[0].sha256)
            .err()
            .unwrap()
            .to_string()
            .contains("run `nodebake fetch`")
    );
    assert_eq!(again().unwrap(), members);
    assert_eq!(store.cache.look(&members[0].sha256).unwrap(), Held::Whole(9));
    assert!(!store.cache.mend(&digest).unwrap());
    // Bytes of the same size are seen by who hashes them, and `fetch` does.
    let member = store.folder.path().join(format!("cache/sha256/{}", members[0].sha256));
    std::fs::remove_file(&member).unwrap();
    std::fs::write(&member, "a PROGRAM").unwrap();
    assert!(store.cache.mend(&digest).unwrap());
    assert_eq!(again().unwrap(), members);
    assert_eq!(store.cache.look(&members[0].sha256).unwrap(), Held::Whole(9));
    store.cache.remove(&members[0].sha256).unwrap();
    let mut broken = bytes.clone();
    *broken.last_mut().unwrap() ^= 1;
    std::fs::remove_file(&archive).unwrap();
    std::fs::write(&archive, &broken).unwrap();
    let told = again().unwrap_err().to_string();
    assert!(
        told.contains("damaged") && told.contains("run `nodebake fetch`"),
        "{told}"
    );
    assert_eq!(store.cache.look(&digest).unwrap(), Held::Damaged(Sha256::of(&broken)));
}
