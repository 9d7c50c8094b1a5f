//! Whether an image may be installed into. On a running machine its own first boot answers that, which knows more.

use std::collections::BTreeMap;
use std::io;

use super::change::{After, Conflict, Plan, Source};
use super::disk::{Disk, Look};
use super::ledger::Record;
use super::plan::Wanted;
use crate::bake::bundle::BundleNode;

/// What stays free on a disk that was installed to, in bytes.
const SPARE: u64 = 64 << 20;

/// Holds an image against the node it is for. `os_release` is its `/etc/os-release`, `shell` the beginning of its
/// `/bin/sh`, from which its architecture is known.
pub fn in_image(
    disk: &dyn Disk,
    node: &BundleNode,
    wanted: &Wanted,
    os_release: Option<&str>,
    shell: Option<&[u8]>,
) -> io::Result<Vec<Conflict>> {
    let mut found = Vec::new();
    let mut no = |path: &str, what: String, hint: &str| {
        found.push(Conflict {
            path: path.to_owned(),
            what,
            hint: hint.to_owned(),
        });
    };
    let os = os_release.map(system);
    if os.as_deref() != Some(node.os.as_str()) {
        let os = os.unwrap_or_else(|| "unknown".into());
        no(
            "/etc/os-release",
            format!("the system is {os}, planned: {}", node.os),
            "take the image family that node.yaml names",
        );
    }
    let arch = shell.map_or("unknown", architecture);
    if arch != node.arch {
        no(
            "/bin/sh",
            format!("the architecture is {arch}, planned: {}", node.arch),
            "take an image of that architecture",
        );
    }
    if !disk.is_folder("/var/lib")? {
        no(
            "/var/lib",
            "it is not there".into(),
            "give the root folder of a whole system",
        );
    }
    let record = Record::read(disk)?;
    let ours = |path: &str| {
        path.parse().is_ok_and(|path| record.files.contains_key(&path))
            || wanted.files.iter().any(|want| want.path.as_str() == path)
    };
    for name in disk.list("/etc/cni/net.d")? {
        let path = format!("/etc/cni/net.d/{name}");
        let is_config = ["conf", "conflist", "json"]
            .iter()
            .any(|ending| name.rsplit_once('.').is_some_and(|(_, is)| is == *ending));
        if is_config && !ours(&path) {
            no(&path, "a foreign CNI configuration is there".into(), "move it away");
        }
    }
    for path in [
        "/var/lib/kubelet/pki",
        "/var/lib/containerd/io.containerd.metadata.v1.bolt",
    ] {
        let first = !record
            .files
            .keys()
            .any(|path| path.as_str().ends_with("/kubelet.service"));
        if first && disk.look(path)? != Look::Absent {
            no(
                path,
                "state of another node is there".into(),
                "build the image from one that has not run as a node",
            );
        }
    }
    Ok(found)
}

/// The word by which images are named: `ubuntu-22.04`.
fn system(os_release: &str) -> String {
    let value = |key: &str| {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']))
            .unwrap_or_default()
    };
    format!("{}-{}", value("ID"), value("VERSION_ID"))
}

/// The machine of an ELF file: `e_machine` of its header (System V ABI: 62 is `x86-64`, 183 `AArch64`).
fn architecture(program: &[u8]) -> &'static str {
    match program {
        [0x7f, b'E', b'L', b'F', ..] if program.len() >= 20 => match u16::from_le_bytes([program[18], program[19]]) {
            62 => "amd64",
            183 => "arm64",
            _ => "unknown",
        },
        _ => "unknown",
    }
}

/// Which file systems are too small for a plan. `space` tells the device of a path and what is free on it.
pub fn room(plan: &Plan, space: &dyn Fn(&str) -> io::Result<(u64, u64)>) -> io::Result<Vec<Conflict>> {
    let mut needs: BTreeMap<u64, (u64, u64, String)> = BTreeMap::new();
    for change in &plan.changes {
        if let After::File { size, source, .. } = &change.after
            && !matches!(source, Source::Keep(_))
        {
            let (device, free) = space(&change.path)?;
            let need = needs.entry(device).or_insert((0, free, change.path.clone()));
            need.0 += size;
        }
    }
    let short = needs.into_values().filter(|(need, free, _)| need + SPARE > *free);
    Ok(short
        .map(|(need, free, path)| Conflict {
            path,
            what: format!(
                "{} MiB are needed there and {} MiB are free",
                (need + SPARE) >> 20,
                free >> 20
            ),
            hint: "make room".into(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_and_architectures() {
        assert_eq!(
            system("NAME=x\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\n"),
            "ubuntu-22.04"
        );
        let mut elf = vec![0; 20];
        elf[..4].copy_from_slice(b"\x7fELF");
        elf[18] = 183;
        assert_eq!(architecture(&elf), "arm64");
        elf[18] = 62;
        assert_eq!(architecture(&elf), "amd64");
        assert_eq!(architecture(b"#!/bin/sh"), "unknown");
    }
}
