//! What goes into a bundle, and under which names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::list::{Line, MemberName, Part, STATE, write_list};
use super::manifest::{BundleArtifact, BundleFile, BundleManifest, BundleNode, BundlePlugin, FORMAT};
use super::sbom;
use crate::base::{AbsPath, Finding, Member, Mode, Place, Report, Severity, Sha256};
use crate::catalog::Plane;
use crate::plan::{Plan, PlannedArtifact};
use crate::tree::Entry;
use crate::verify::Verified;

/// One download with its files, as the machine will have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The download.
    pub artifact: PlannedArtifact,
    /// Its files. An archive's members, or the download itself.
    pub files: Vec<Member>,
}

impl Payload {
    /// Its folder below `artifacts/`.
    pub fn name(&self) -> String {
        let arch = self.artifact.arch.as_str();
        format!("{}-{}-{arch}", self.artifact.component, self.version())
    }

    /// Its version, or of the user's own files, which have none, what tells one from another: the begin of its digest.
    pub(super) fn version(&self) -> String {
        match &self.artifact.version {
            Some(version) => version.to_string(),
            None => self.artifact.sha256.to_string()[..12].to_owned(),
        }
    }
}

/// One node with what it downloads.
#[derive(Debug, Clone, Copy)]
pub struct BundledNode<'b> {
    /// The decisions.
    pub plan: &'b Plan,
    /// The files.
    pub verified: &'b Verified,
    /// The downloads; nodes of one architecture share them.
    pub payloads: &'b [Arc<Payload>],
}

/// One member of the archive.
#[derive(Debug, Clone)]
pub(super) struct BundleMember {
    pub(super) file: Member,
    pub(super) body: Body,
}

/// Where a member's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Here.
    Text(Arc<str>),
    /// With whoever has the blobs.
    Blob,
}

/// Everything in a bundle, in the order of the archive.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// What `manifest.json` says.
    pub manifest: BundleManifest,
    pub(super) members: Vec<(MemberName, BundleMember)>,
}

/// The members that come first, in this order.
const FIRST: [&str; 3] = ["manifest.json", "SHA256SUMS", "install.sh"];

const INSTALLER: &str = include_str!("install.sh");

impl Bundle {
    /// The bundle of `nodes`. Refuses two files at one place.
    pub fn new(nodes: &[BundledNode<'_>]) -> Result<Self, Report> {
        Self::with_plugins(nodes, Vec::new())
    }

    /// As [`Self::new`], with the plugins that took part, in order.
    pub fn with_plugins(nodes: &[BundledNode<'_>], plugins: Vec<BundlePlugin>) -> Result<Self, Report> {
        if let Some(other) = nodes.iter().find(|node| node.plan.node.is_none()) {
            let message = "a proxy stands in a VPC and is launched with user-data: there is no bundle of one";
            let finding = Finding::error("bake/proxy-bundle", message, &other.plan.spec.profile.place);
            return Err(finding
                .hint("bake it without --format, or launch it by `nodebake proxy launch`")
                .into());
        }
        let mut shelf = Shelf::default();
        let mut artifacts = BTreeMap::new();
        let mut listed = Vec::new();
        for node in nodes {
            for payload in node.payloads {
                artifacts.entry(payload.name()).or_insert_with(|| Arc::clone(payload));
            }
            listed.push(shelf.node(node));
        }
        let mut described = Vec::new();
        for (name, payload) in &artifacts {
            described.push(shelf.artifact(name, payload));
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        let manifest = BundleManifest {
            format: FORMAT.into(),
            nodebake: env!("CARGO_PKG_VERSION").into(),
            nodes: listed,
            artifacts: described,
            plugins,
        };
        shelf.text("install.sh", "0755", INSTALLER.into());
        let json = serde_json::to_string_pretty(&manifest).ok();
        for (name, text) in [
            ("sbom.cdx.json", sbom::sbom(artifacts.values())),
            ("manifest.json", json),
        ] {
            match text {
                Some(text) => drop(shelf.text(name, "0644", text)),
                None => shelf.refuse(format!("{name} cannot be written, which is a defect of nodebake")),
            }
        }
        shelf.finish(manifest)
    }

    /// Bytes of all members together.
    pub fn size(&self) -> u64 {
        self.members.iter().map(|(_, member)| member.file.size).sum()
    }

    /// How many members it has.
    pub fn count(&self) -> usize {
        self.members.len()
    }
}

/// Members while they are collected. Names are unique: a second file under a name must be the same file.
#[derive(Default)]
struct Shelf {
    members: BTreeMap<MemberName, BundleMember>,
    report: Report,
}

impl Shelf {
    fn put(&mut self, name: &str, mode: Mode, size: u64, sha256: Sha256, body: Body) -> Option<MemberName> {
        let parsed = name
            .parse::<MemberName>()
            .and_then(|member| Ok((member, format!("/{name}").parse::<AbsPath>()?)));
        let (member, path) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => {
                self.refuse(why);
                return None;
            }
        };
        let file = Member {
            path,
            mode,
            size,
            sha256,
        };
        let same = self.members.get(&member).is_none_or(|taken| taken.file == file);
        if !same {
            self.refuse(format!("two different files would be called `{name}`"));
            return None;
        }
        self.members.insert(member.clone(), BundleMember { file, body });
        Some(member)
    }

    fn refuse(&mut self, message: String) {
        self.report.push(Finding::new(Severity::Error, "bake/bundle", message));
    }

    fn text(&mut self, name: &str, mode: &str, text: String) -> Option<(MemberName, Member)> {
        let mode = mode.parse().unwrap_or(Mode::PUBLIC);
        let (size, sha256) = (text.len() as u64, Sha256::of(text.as_bytes()));
        let member = self.put(name, mode, size, sha256, Body::Text(text.into()))?;
        let file = self.members.get(&member)?.file.clone();
        Some((member, file))
    }

    fn node(&mut self, node: &BundledNode<'_>) -> BundleNode {
        let name = node.plan.spec.name.value.as_str();
        let mut lines = Vec::new();
        let mut files = Vec::new();
        for entry in node.verified.tree().iter() {
            let Some((member, file)) = self.text(
                &format!("nodes/{name}/{}", entry.tree_path()),
                &entry.mode.to_string(),
                entry.text.clone(),
            ) else {
                continue;
            };
            let file = Member {
                path: entry.path.clone(),
                ..file
            };
            files.push(described(&file, &member, entry.plane.word(), origin(entry)));
            match entry.plane {
                Plane::Node => {
                    lines.extend(staged(&file, &member));
                    lines.push(Line {
                        part: Part::Node,
                        file,
                        member,
                    });
                }
                Plane::Image => lines.push(Line {
                    part: Part::Image,
                    file,
                    member,
                }),
                Plane::Cluster | Plane::Aws => {}
            }
        }
        lines.extend(node.payloads.iter().flat_map(|payload| payload_lines(payload)));
        self.one_place(node, &lines);
        if let Some((member, file)) = self.text(
            &format!("nodes/{name}/artifacts.done"),
            "0644",
            artifacts_done(node.payloads),
        ) {
            lines.extend(state("/artifacts.done", &file, &member));
        }
        self.text(&format!("nodes/{name}/install.list"), "0644", write_list(&lines));
        let value = |path: &str| {
            let value = node.plan.book.get(path).and_then(|value| value.value().as_str());
            value.unwrap_or_default().to_owned()
        };
        let mut artifacts: Vec<String> = node.payloads.iter().map(|payload| payload.name()).collect();
        artifacts.sort();
        BundleNode {
            name: name.to_owned(),
            node_name: value("identity.nodeName"),
            cluster: value("cluster.name"),
            kubernetes: node
                .plan
                .node
                .as_ref()
                .map(|node| node.kubelet_version.to_string())
                .unwrap_or_default(),
            arch: node.plan.instance_type.arch.as_str().to_owned(),
            os: value("firstBoot.os"),
            instance_type: node.plan.spec.instance_type.value.clone(),
            artifacts,
            files,
        }
    }

    /// A file of the user's own at the place of an artifact's would make the one overwrite the other.
    fn one_place(&mut self, node: &BundledNode<'_>, lines: &[Line]) {
        let mut places: BTreeMap<&AbsPath, &Line> = BTreeMap::new();
        for line in lines {
            if let Some(taken) = places.insert(&line.file.path, line) {
                let message = format!(
                    "{} would be written twice: as `{}` and as `{}`",
                    line.file.path, taken.member, line.member
                );
                let entry = node.verified.tree().get(Plane::Node, line.file.path.as_str());
                let place = entry.map_or_else(|| node.plan.spec.image.place.clone(), |entry| entry.origin.clone());
                self.report.push(
                    Finding::error("bake/bundle", message, &place)
                        .hint("an artifact brings this file: give yours another path"),
                );
            }
        }
    }

    fn artifact(&mut self, name: &str, payload: &Payload) -> BundleArtifact {
        let artifact = &payload.artifact;
        let mut files = Vec::new();
        for line in payload_lines(payload) {
            let file = &line.file;
            self.put(line.member.as_str(), file.mode, file.size, file.sha256, Body::Blob);
            files.push(described(file, &line.member, "node", format!("artifact {name}")));
        }
        BundleArtifact {
            name: name.to_owned(),
            component: artifact.component.clone(),
            version: payload.version(),
            arch: artifact.arch.as_str().to_owned(),
            url: artifact.url.clone(),
            sha256: artifact.sha256.to_string(),
            files,
        }
    }

    /// What a reader needs first comes first: it can judge every other member as it passes by.
    fn finish(mut self, manifest: BundleManifest) -> Result<Bundle, Report> {
        let sums: String = self
            .members
            .iter()
            .map(|(name, member)| format!("{}  {name}\n", member.file.sha256))
            .collect();
        self.text("SHA256SUMS", "0644", sums);
        if self.report.has_errors() {
            return Err(self.report);
        }
        let mut members: Vec<_> = self.members.into_iter().collect();
        members.sort_by_key(|(name, _)| {
            FIRST
                .iter()
                .position(|first| *first == name.as_str())
                .unwrap_or(FIRST.len())
        });
        Ok(Bundle { manifest, members })
    }
}

/// The copy of a node's file that first boot compares the machine with.
fn staged(file: &Member, member: &MemberName) -> Option<Line> {
    state(&format!("/stage{}", file.path), file, member)
}

fn state(below: &str, file: &Member, member: &MemberName) -> Option<Line> {
    let path = format!("{STATE}{below}").parse().ok()?;
    Some(Line {
        part: Part::State,
        file: Member { path, ..file.clone() },
        member: member.clone(),
    })
}

fn payload_lines(payload: &Payload) -> Vec<Line> {
    let name = payload.name();
    let folder = payload.artifact.dest.as_str();
    payload
        .files
        .iter()
        .filter_map(|file| {
            let below = file.path.as_str().strip_prefix(folder).unwrap_or_default();
            let inside = if below.is_empty() {
                file.path.file_name()
            } else {
                below.trim_start_matches('/')
            };
            Some(Line {
                part: Part::Node,
                file: file.clone(),
                member: format!("artifacts/{name}/{inside}").parse().ok()?,
            })
        })
        .collect()
}

/// What first boot keeps of artifacts it installed itself: the pin, then each file with its digest. With it, it finds
/// all in place and downloads nothing.
fn artifacts_done(payloads: &[Arc<Payload>]) -> String {
    let mut text = String::new();
    for payload in payloads {
        let PlannedArtifact {
            sha256, action, dest, ..
        } = &payload.artifact;
        for file in &payload.files {
            text.push_str(&format!("{sha256} {action} {dest} {} {}\n", file.sha256, file.path));
        }
    }
    text
}

fn described(file: &Member, member: &MemberName, plane: &str, origin: String) -> BundleFile {
    BundleFile {
        plane: plane.to_owned(),
        path: file.path.to_string(),
        mode: file.mode.to_string(),
        owner: "0:0".to_owned(),
        size: file.size,
        sha256: file.sha256.to_string(),
        member: member.to_string(),
        origin,
    }
}

/// What made a file, in words that are the same wherever the inputs lie.
fn origin(entry: &Entry) -> String {
    let Place { source, .. } = &entry.origin;
    let (line, _) = entry.origin.line_column();
    match source.name.rfind("templates/") {
        Some(at) => source.name[at..].to_owned(),
        None => format!("{}:{line}", source.name.rsplit('/').next().unwrap_or_default()),
    }
}
