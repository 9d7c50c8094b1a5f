//! What the tables of a bundle say, and whether they say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{MANIFEST, SUMS};
use crate::bake::bundle::{BundleFile, BundleManifest, BundleNode, Line, MemberName, Part, STATE};
use crate::base::Sha256;
use crate::deliver::bundle::done_name;
use crate::deliver::parent;
use crate::deliver::tarball::refused;

const DONE: &str = "/var/lib/nodebake/artifacts.done";

/// The digests of [`SUMS`].
pub(super) fn parse_sums(bytes: &[u8]) -> io::Result<BTreeMap<MemberName, Sha256>> {
    let wrong = |at: usize, why: &str| refused(format!("{SUMS}, line {}: {why}", at + 1));
    let text = std::str::from_utf8(bytes).map_err(|_| refused(format!("{SUMS} is not text")))?;
    let mut sums = BTreeMap::new();
    let mut folded: BTreeMap<String, String> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let (sha256, name) = line
            .split_once("  ")
            .ok_or_else(|| wrong(at, "it is not a digest, two blanks and a name"))?;
        let name: MemberName = name.parse().map_err(|why: String| wrong(at, &why))?;
        let sha256 = sha256.parse().map_err(|why: String| wrong(at, &why))?;
        if name.as_str() == SUMS {
            return Err(wrong(at, "it tells of itself"));
        }
        if let Some(other) = folded.insert(name.as_str().to_ascii_lowercase(), name.to_string()) {
            let why = if other == name.as_str() {
                format!("`{name}` comes twice")
            } else {
                format!("`{name}` differs from `{other}` by case only")
            };
            return Err(wrong(at, &why));
        }
        sums.insert(name, sha256);
    }
    Ok(sums)
}

/// Holds a list against the manifest, and its paths against each other.
pub(super) fn hold(list: &[Line], node: &BundleNode, manifest: &BundleManifest) -> Result<(), String> {
    let shown = |part: &str, sha256: &str, mode: &str, size: u64, member: &str, path: &str| {
        format!("{part} {path} ({member}, {size} bytes, {mode}, {sha256})")
    };
    let told = |file: &BundleFile, part: &str, above: &str| {
        let path = format!("{above}{}", file.path);
        shown(part, &file.sha256, &file.mode, file.size, &file.member, &path)
    };
    let mut expected = BTreeSet::new();
    for file in &node.files {
        if [Part::Node, Part::Image].iter().any(|part| part.word() == file.plane) {
            expected.insert(told(file, &file.plane, ""));
        }
        // First boot compares the machine with a copy.
        if file.plane == Part::Node.word() {
            expected.insert(told(file, Part::State.word(), &format!("{STATE}/stage")));
        }
    }
    for name in &node.artifacts {
        let artifact = manifest.artifacts.iter().find(|artifact| artifact.name == *name);
        let artifact = artifact.ok_or_else(|| format!("{MANIFEST} has no artifact `{name}`"))?;
        expected.extend(artifact.files.iter().map(|file| told(file, Part::Node.word(), "")));
    }
    let mut listed = BTreeSet::new();
    for Line { part, file, member } in list {
        let path = file.path.as_str();
        if *part == Part::State && path == DONE && member.as_str() == done_name(&node.name) {
            continue;
        }
        if *part == Part::State && !file.path.is_below(&format!("{STATE}/stage")) {
            return Err(format!("`{path}` is not for a bundle to write"));
        }
        let (sha256, mode) = (file.sha256.to_string(), file.mode.to_string());
        listed.insert(shown(part.word(), &sha256, &mode, file.size, member.as_str(), path));
    }
    if let Some(line) = listed.symmetric_difference(&expected).next() {
        return Err(format!("it and {MANIFEST} differ: {line}"));
    }
    let paths: BTreeSet<&str> = list.iter().map(|line| line.file.path.as_str()).collect();
    for line in list {
        let path = line.file.path.as_str();
        let mut above = parent(path);
        while above != "/" {
            if paths.contains(above) {
                return Err(format!("`{above}` is a file and the folder of `{path}`"));
            }
            above = parent(above);
        }
    }
    Ok(())
}
