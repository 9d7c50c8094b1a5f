//! Small bundles, whole or damaged on purpose.

use std::io::Write;
use std::path::{Path, PathBuf};

use nodebake::bake::bundle::{
    BundleArtifact, BundleFile, BundleManifest, BundleNode, FORMAT, Line, MemberName, Part, write_list,
};
use nodebake::base::{Member, Sha256};

use crate::support::TempDir;

pub type Members = Vec<(String, Vec<u8>)>;

/// A bundle of one node `n` for this test's own architecture, with these files of the machine.
pub fn members(files: &[(Part, &str, &[u8], &str)]) -> Members {
    let mut payload: Members = Vec::new();
    let (mut list, mut told, mut of_artifact) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |part: Part, path: &str, bytes: &[u8], mode: &str, member: &str| {
        list.push(Line {
            part,
            file: Member {
                path: path.parse().unwrap(),
                mode: mode.parse().unwrap(),
                size: bytes.len() as u64,
                sha256: Sha256::of(bytes),
            },
            member: member.parse::<MemberName>().unwrap(),
        });
    };
    for (part, path, bytes, mode) in files {
        let is_artifact = path.contains("/bin/");
        let member = match part {
            _ if is_artifact => format!("artifacts/a-1{path}"),
            Part::State => format!("nodes/n{}", path.strip_prefix("/var/lib/nodebake").unwrap()),
            _ => format!("nodes/n/{}{path}", part.word()),
        };
        add(*part, path, bytes, mode, &member);
        if *part == Part::Node && !is_artifact {
            add(
                Part::State,
                &format!("/var/lib/nodebake/stage{path}"),
                bytes,
                mode,
                &member,
            );
        }
        if *part != Part::State {
            let file = BundleFile {
                plane: part.word().into(),
                path: (*path).into(),
                mode: (*mode).into(),
                owner: "0:0".into(),
                size: bytes.len() as u64,
                sha256: Sha256::of(bytes).to_string(),
                member: member.clone(),
                origin: "a test".into(),
            };
            if is_artifact { &mut of_artifact } else { &mut told }.push(file);
        }
        payload.push((member, bytes.to_vec()));
    }
    payload.push(("nodes/n/install.list".into(), write_list(&list).into_bytes()));
    let manifest = BundleManifest {
        plugins: Vec::new(),
        format: FORMAT.into(),
        nodebake: "0".into(),
        nodes: vec![BundleNode {
            name: "n".into(),
            node_name: "n".into(),
            cluster: "c".into(),
            kubernetes: "1.35".into(),
            arch: if cfg!(target_arch = "aarch64") {
                "arm64"
            } else {
                "amd64"
            }
            .into(),
            os: "ubuntu-22.04".into(),
            instance_type: "x".into(),
            artifacts: vec!["a-1".into()],
            files: told,
        }],
        artifacts: vec![BundleArtifact {
            name: "a-1".into(),
            component: "a".into(),
            version: "1".into(),
            arch: "amd64".into(),
            url: "https://example.com/a".into(),
            sha256: Sha256::of(b"").to_string(),
            files: of_artifact,
        }],
    };
    payload.sort();
    with_sums(&manifest, payload)
}

/// The manifest and the sums before the payload.
pub fn with_sums(manifest: &BundleManifest, payload: Members) -> Members {
    let mut all = vec![
        ("manifest.json".to_owned(), serde_json::to_vec_pretty(manifest).unwrap()),
        ("SHA256SUMS".to_owned(), Vec::new()),
        (
            "install.sh".to_owned(),
            include_bytes!("../../../src/bake/bundle/install.sh").to_vec(),
        ),
    ];
    all.extend(payload);
    sum(&mut all);
    all
}

/// Writes SHA256SUMS anew.
pub fn sum(all: &mut Members) {
    let text: String = all
        .iter()
        .filter(|(name, _)| name != "SHA256SUMS")
        .map(|(name, bytes)| format!("{}  {name}\n", Sha256::of(bytes)))
        .collect();
    all.iter_mut().find(|(name, _)| name == "SHA256SUMS").unwrap().1 = text.into_bytes();
}

/// One header of a tar archive.
pub fn header(name: &str, size: u64, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[148..156].copy_from_slice(b"        ");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

pub fn tar(members: &Members) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        out.extend(header(name, bytes.len() as u64, b'0'));
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.extend([0; 1024]);
    out
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// The folder of an image, with what an installation looks at, and some files of its own.
pub fn image() -> TempDir {
    let root = TempDir::new();
    root.write("etc/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\n");
    root.write("etc/hosts", "127.0.0.1 localhost\n");
    let machine: u8 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let mut elf = vec![0; 64];
    elf[..4].copy_from_slice(b"\x7fELF");
    elf[18] = machine;
    root.write("usr/bin/sh", elf);
    std::os::unix::fs::symlink("usr/bin", root.path().join("bin")).unwrap();
    // As a merged /usr has it, and absolute: both must stay inside.
    root.write("usr/lib/os-release", "");
    std::os::unix::fs::symlink("/usr/lib", root.path().join("lib")).unwrap();
    std::fs::create_dir_all(root.path().join("var/lib")).unwrap();
    root
}

/// Writes an archive beside the others of `folder`.
pub fn write(folder: &TempDir, name: &str, members: &Members) -> PathBuf {
    folder.write(name, gzip(&tar(members)))
}

/// Unpacks it as tar would.
pub fn unpack(folder: &Path, members: &Members) {
    for (name, bytes) in members {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
