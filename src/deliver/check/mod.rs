//! A bundle is looked at as a whole before anything is written: every member is told of, is what it is told to be, and
//! nothing else is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

mod tables;

use super::bundle::{Bundle, SHORT, done_name, list_name};
use super::tarball::{Tarball, refused};
use crate::bake::bundle::{BundleManifest, FORMAT, MemberName, parse_list};
use crate::base::Sha256;
use tables::{hold, parse_sums};

const MANIFEST: &str = "manifest.json";
/// `sha256sum` of every other member.
const SUMS: &str = "SHA256SUMS";
const SBOM: &str = "sbom.cdx.json";
/// What comes first in an archive, in this order.
const FIRST: [&str; 3] = [MANIFEST, SUMS, "install.sh"];
/// The most that the tables of a bundle may take. A fleet of a thousand nodes with two hundred files each has 60 MB.
const MOST_TABLE: u64 = 128 << 20;

/// A file of an unpacked bundle: its size, and its bytes.
pub type Opened = (u64, Box<dyn Read>);

/// Reads an archive from its first byte to its last.
pub fn check_archive(from: &mut dyn Read) -> io::Result<Bundle> {
    let mut archive = Tarball::new(from);
    let mut checker: Option<Checker> = None;
    let mut manifest = Vec::new();
    let mut last: Option<(usize, MemberName)> = None;
    while let Some((name, size)) = archive.next_member()? {
        let rank = FIRST.iter().position(|first| name.as_str() == *first).unwrap_or(9);
        match (&last, &mut checker) {
            (None, _) => {
                if rank != 0 {
                    return Err(refused(format!("it begins with `{name}`, not with {MANIFEST}")));
                }
                manifest = table(&mut archive, &name, size)?;
            }
            (Some(_), None) => {
                if rank != 1 {
                    return Err(refused(format!("its second file is `{name}`, not {SUMS}")));
                }
                let sums = table(&mut archive, &name, size)?;
                checker = Some(Checker::new(&manifest, &sums)?);
            }
            (Some(before), Some(checker)) => {
                checker.take(&name, size, &mut archive)?;
                if *before >= (rank, name.clone()) {
                    return Err(refused(format!("`{name}` is out of order")));
                }
            }
        }
        last = Some((rank, name));
    }
    checker.ok_or_else(|| refused(format!("it has no {SUMS}")))?.finish()
}

/// Looks at an unpacked bundle. What lies there beside it, such as the archive it came in, is not looked at.
pub fn check_folder(open: &dyn Fn(&str) -> io::Result<Opened>) -> io::Result<Bundle> {
    let read = |name: &str| -> io::Result<Vec<u8>> {
        let (size, mut from) = open(name)?;
        table(&mut from, &name.parse().map_err(refused)?, size)
    };
    let mut checker = Checker::new(&read(MANIFEST)?, &read(SUMS)?)?;
    let names: Vec<MemberName> = checker.sums.keys().cloned().collect();
    for name in names.iter().filter(|name| name.as_str() != MANIFEST) {
        let (size, mut from) = open(name.as_str()).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                refused(format!("`{name}` is missing"))
            } else {
                error
            }
        })?;
        checker.take(name, size, &mut from)?;
    }
    checker.finish()
}

fn table(from: &mut dyn Read, name: &MemberName, size: u64) -> io::Result<Vec<u8>> {
    if size > MOST_TABLE {
        return Err(refused(format!("`{name}` is too large: {size} bytes")));
    }
    let mut bytes = Vec::new();
    from.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct Checker {
    manifest: BundleManifest,
    sums: BTreeMap<MemberName, Sha256>,
    /// Size and digest of every file that the manifest tells of.
    told: BTreeMap<MemberName, (u64, Sha256)>,
    seen: BTreeSet<MemberName>,
    /// Members whose text is needed before anything is written.
    short: BTreeSet<MemberName>,
    texts: BTreeMap<MemberName, String>,
}

impl Checker {
    fn new(manifest: &[u8], sums: &[u8]) -> io::Result<Self> {
        let wrong = |why: String| refused(format!("{MANIFEST}: {why}"));
        let digest = Sha256::of(manifest);
        let manifest: BundleManifest =
            serde_json::from_slice(manifest).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
        if manifest.format != FORMAT {
            let format = manifest.format.escape_default();
            return Err(wrong(format!(
                "its format is `{format}`, this nodebake reads `{FORMAT}`"
            )));
        }
        let mut told = BTreeMap::new();
        let mut names = BTreeSet::new();
        let mut short = BTreeSet::new();
        for node in &manifest.nodes {
            if format!("x/{}/x", node.name).parse::<MemberName>().is_err() || node.name.contains('/') {
                return Err(wrong(format!("`{}` is no name of a node", node.name.escape_default())));
            }
            if !names.insert(&node.name) {
                return Err(wrong(format!("there are two nodes `{}`", node.name)));
            }
            for name in [list_name(&node.name), done_name(&node.name)] {
                short.insert(name.parse().map_err(wrong)?);
            }
            for file in &node.files {
                if SHORT.contains(&(file.plane.as_str(), file.path.as_str())) {
                    short.insert(file.member.parse().map_err(wrong)?);
                }
            }
        }
        let of_nodes = manifest.nodes.iter().map(|node| &node.files);
        for files in of_nodes.chain(manifest.artifacts.iter().map(|artifact| &artifact.files)) {
            for file in files {
                let name: MemberName = file.member.parse().map_err(wrong)?;
                let is: (u64, Sha256) = (file.size, file.sha256.parse().map_err(wrong)?);
                if told.insert(name, is).is_some_and(|other| other != is) {
                    return Err(wrong(format!("it tells two things of `{}`", file.member)));
                }
            }
        }
        let sums = parse_sums(sums)?;
        if sums.get(&MANIFEST.parse().map_err(refused)?) != Some(&digest) {
            return Err(wrong(format!("it is not what {SUMS} tells of it")));
        }
        let fixed = |name: &MemberName| {
            FIRST.contains(&name.as_str())
                || name.as_str() == SBOM
                || names
                    .iter()
                    .any(|node| [list_name(node), done_name(node)].contains(&name.to_string()))
        };
        for (name, sha256) in &sums {
            match told.get(name) {
                Some((_, told)) if told != sha256 => {
                    return Err(refused(format!("{MANIFEST} and {SUMS} tell two things of `{name}`")));
                }
                None if !fixed(name) => {
                    return Err(refused(format!("{MANIFEST} does not tell of `{name}`")));
                }
                _ => {}
            }
        }
        if let Some(name) = told.keys().find(|name| !sums.contains_key(*name)) {
            return Err(refused(format!("{SUMS} does not tell of `{name}`")));
        }
        Ok(Self {
            manifest,
            sums,
            told,
            seen: BTreeSet::new(),
            short,
            texts: BTreeMap::new(),
        })
    }

    /// Holds one member against what is told of it.
    fn take(&mut self, name: &MemberName, size: u64, from: &mut dyn Read) -> io::Result<()> {
        if !self.seen.insert(name.clone()) || [MANIFEST, SUMS].contains(&name.as_str()) {
            return Err(refused(format!("`{name}` is there twice")));
        }
        let Some(sha256) = self.sums.get(name) else {
            let other = self
                .sums
                .keys()
                .find(|other| other.as_str().eq_ignore_ascii_case(name.as_str()));
            return Err(refused(match other {
                Some(other) => format!("`{name}` differs from `{other}` by case only"),
                None => format!("{SUMS} does not tell of `{name}`"),
            }));
        };
        let right = self.told.get(name).map(|(size, _)| *size);
        if right.is_some_and(|right| right != size) || right.is_none() && size > MOST_TABLE {
            let right = right.unwrap_or(MOST_TABLE);
            return Err(refused(format!("`{name}` has {size} bytes instead of {right}")));
        }
        let got = if self.short.contains(name) {
            let bytes = table(from, name, size)?;
            let got = Sha256::of(&bytes);
            let text = String::from_utf8(bytes).map_err(|_| refused(format!("`{name}` is not text")))?;
            self.texts.insert(name.clone(), text);
            got
        } else {
            crate::deliver::digest(&mut from.take(size))?
        };
        if got != *sha256 {
            return Err(refused(format!(
                "`{name}` was changed: its sha256 is {got}, not {sha256}"
            )));
        }
        Ok(())
    }

    fn finish(self) -> io::Result<Bundle> {
        let missing = self
            .sums
            .keys()
            .find(|name| name.as_str() != MANIFEST && !self.seen.contains(*name));
        if let Some(name) = missing {
            return Err(refused(format!("`{name}` is missing")));
        }
        let mut lists = BTreeMap::new();
        for node in &self.manifest.nodes {
            let name = list_name(&node.name);
            let text = self
                .texts
                .get(&name.parse().map_err(refused)?)
                .ok_or_else(|| refused(format!("`{name}` is missing")))?;
            let list = parse_list(text).map_err(|why| refused(format!("{name}: {why}")))?;
            hold(&list, node, &self.manifest).map_err(|why| refused(format!("{name}: {why}")))?;
            for line in &list {
                if self.sums.get(&line.member) != Some(&line.file.sha256) {
                    return Err(refused(format!(
                        "{name}: `{}` is not what {SUMS} tells of it",
                        line.member
                    )));
                }
            }
            lists.insert(node.name.clone(), list);
        }
        Ok(Bundle {
            manifest: self.manifest,
            lists,
            texts: self.texts,
        })
    }
}
