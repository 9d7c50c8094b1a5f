//! A bundle is looked at as a whole before anything is written: every member is told of, is what it is told to be, and
//! nothing else is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use super::change::{After, Source};
use super::plan::{Want, Wanted};
use super::status::LIST;
use super::tarball::{Tarball, refused};
use crate::bake::bundle::{BundleFile, BundleManifest, BundleNode, FORMAT, Line, MemberName, Part, STATE, parse_list};
use crate::base::{AbsPath, Mode, Sha256};

const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";
const SBOM: &str = "sbom.cdx.json";
/// What comes first in an archive, in this order.
const FIRST: [&str; 3] = [MANIFEST, SUMS, "install.sh"];
/// The most that the tables of a bundle may take. A fleet of a thousand nodes with two hundred files each has 60 MB.
const MOST_TABLE: u64 = 128 << 20;
const DONE: &str = "/var/lib/nodebake/artifacts.done";
const ENV: (&str, &str) = ("node", "/etc/nodebake/node.env");
const SCRIPT: (&str, &str) = ("node", "/usr/local/lib/nodebake/first-boot");
/// Plane and path of texts that are needed before anything is written.
const SHORT: [(&str, &str); 2] = [ENV, SCRIPT];
/// Where systemd's own units lie that the machine's owner adds.
const UNITS: &str = "/etc/systemd/system";

/// A file of an unpacked bundle: its size, and its bytes.
pub type Opened = (u64, Box<dyn Read>);

/// A bundle that was found whole.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// What it says of itself.
    pub manifest: BundleManifest,
    /// What is to be installed, by node.
    lists: BTreeMap<String, Vec<Line>>,
    /// Short texts that are needed before anything is written.
    texts: BTreeMap<MemberName, String>,
}

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
            super::disk::digest(&mut from.take(size))?
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

fn list_name(node: &str) -> String {
    format!("nodes/{node}/install.list")
}

fn done_name(node: &str) -> String {
    format!("nodes/{node}/artifacts.done")
}

fn parse_sums(bytes: &[u8]) -> io::Result<BTreeMap<MemberName, Sha256>> {
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
fn hold(list: &[Line], node: &BundleNode, manifest: &BundleManifest) -> Result<(), String> {
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
        let mut above = super::disk::parent(path);
        while above != "/" {
            if paths.contains(above) {
                return Err(format!("`{above}` is a file and the folder of `{path}`"));
            }
            above = super::disk::parent(above);
        }
    }
    Ok(())
}

impl Bundle {
    /// The node called `name`, or the only one there is.
    pub fn node(&self, name: Option<&str>) -> Result<&BundleNode, String> {
        let names: Vec<&str> = self.manifest.nodes.iter().map(|node| node.name.as_str()).collect();
        match (name, self.manifest.nodes.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(format!(
                "the bundle has {} nodes, choose one with --node: {}",
                names.len(),
                names.join(", ")
            )),
            (Some(name), nodes) => nodes
                .iter()
                .find(|node| node.name == name)
                .ok_or_else(|| format!("the bundle has no node `{name}`, it has {}", names.join(", "))),
        }
    }

    /// What a node's files are to be; with `image`, also what starts first boot in an image.
    pub fn wanted(&self, node: &str, image: bool) -> Result<Wanted, String> {
        let mut wanted = Wanted {
            files: Vec::new(),
            state: Vec::new(),
            artifacts_done: self.text(&done_name(node)).map(str::to_owned),
        };
        // What was installed is kept beside the ledger: the modes are in it.
        let list = list_name(node);
        if let Some(text) = self.text(&list) {
            wanted.state.push(Want {
                path: LIST.parse()?,
                after: After::File {
                    sha256: Sha256::of(text.as_bytes()),
                    mode: 0o644,
                    size: text.len() as u64,
                    source: Source::Text(text.to_owned()),
                },
            });
        }
        for line in self.lists.get(node).map(Vec::as_slice).unwrap_or_default() {
            let Line { part, file, member } = line;
            let mode: Mode = file.mode;
            let want = Want {
                path: file.path.clone(),
                after: After::File {
                    sha256: file.sha256,
                    mode: mode.bits(),
                    size: file.size,
                    source: Source::Member(member.clone()),
                },
            };
            match part {
                Part::State => wanted.state.push(want),
                Part::Node => wanted.files.push(want),
                Part::Image if image => {
                    wanted.files.push(want);
                    wanted.files.extend(enabled(&file.path)?);
                }
                Part::Image => {}
            }
        }
        Ok(wanted)
    }

    /// The settings that first boot of a node reads.
    pub fn env(&self, node: &str) -> Option<&str> {
        self.of(node, ENV)
    }

    /// The script that is first boot of a node.
    pub fn first_boot(&self, node: &str) -> Option<&str> {
        self.of(node, SCRIPT)
    }

    /// A short text of a node. Nodes share what they have in common, so its name in the bundle is not told by its path.
    fn of(&self, node: &str, (plane, path): (&str, &str)) -> Option<&str> {
        let node = self.manifest.nodes.iter().find(|known| known.name == node)?;
        let file = node
            .files
            .iter()
            .find(|file| file.plane == plane && file.path == path)?;
        self.text(&file.member)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let name: MemberName = name.parse().ok()?;
        self.texts.get(&name).map(String::as_str)
    }
}

/// The link that has systemd start a unit of an image when the image boots; what `systemctl enable` would make.
fn enabled(unit: &AbsPath) -> Result<Option<Want>, String> {
    let is_unit = super::disk::parent(unit.as_str()) == UNITS && unit.as_str().ends_with(".service");
    if !is_unit {
        return Ok(None);
    }
    Ok(Some(Want {
        path: format!("{UNITS}/multi-user.target.wants/{}", unit.file_name()).parse()?,
        after: After::Link(unit.to_string()),
    }))
}

/// The second reading of an archive: hands out its files.
#[derive(Debug)]
pub struct Unpack<R>(pub R);

impl<R: Read> super::Supply for Unpack<R> {
    fn supply(
        &mut self,
        wanted: &BTreeSet<MemberName>,
        take: &mut dyn FnMut(&MemberName, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut archive = Tarball::new(&mut self.0);
        let mut left = wanted.len();
        // What comes after the last one that is wanted was looked at before.
        while left > 0 {
            let Some((name, _)) = archive.next_member()? else {
                break;
            };
            if wanted.contains(&name) {
                take(&name, &mut archive)?;
                left -= 1;
            }
        }
        Ok(())
    }
}
