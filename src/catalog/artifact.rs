//! Pinned artifacts: what a machine downloads, with the hash it must have.

use std::str::FromStr;

use serde::Serialize;

use super::Catalog;
use crate::base::{AbsPath, Finding, HttpsUrl, KubeMinor, Place, Report, Severity, Sha256, Version};
use crate::syntax::yaml::{Node, Reader};

/// Where the pins are.
const PATH: &str = "images/artifacts.csv";

/// A CPU architecture, by Go's and Kubernetes' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// `x86_64`
    Amd64,
    /// `aarch64`
    Arm64,
}

impl Arch {
    /// Go's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "amd64" => Ok(Self::Amd64),
            "arm64" => Ok(Self::Arm64),
            _ => Err(format!("`{text}` is no architecture: amd64 or arm64")),
        }
    }
}

/// One pinned download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// `kubelet`, `containerd` …
    pub component: String,
    /// Its version.
    pub version: Version,
    /// For which machine.
    pub arch: Arch,
    /// Where it is published.
    #[serde(serialize_with = "serialize_url")]
    pub url: HttpsUrl,
    /// What its bytes must hash to.
    pub sha256: Sha256,
}

fn serialize_url<S: serde::Serializer>(url: &HttpsUrl, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.as_str())
}

/// The table is long and a bake needs a few of its rows: of the built-in one only these are read whole. Of the user's own
/// all rows of a component are, so that all mistakes are told.
impl Catalog {
    /// The versions of `component` that are pinned for `arch`, in the order of the table.
    pub(super) fn read_pinned_versions(&self, component: &str, arch: Arch) -> Result<Vec<Version>, Report> {
        if self.is_overlaid(PATH) {
            let pins = self.own_artifacts(component, arch)?;
            return Ok(pins.into_iter().map(|pin| pin.version).collect());
        }
        self.pins(component, arch)
            .map(|(version, _)| version.parse().map_err(|why| self.bad_row(1, why)))
            .collect()
    }

    /// The pin of exactly this version.
    pub(super) fn read_artifact(
        &self,
        component: &str,
        version: &Version,
        arch: Arch,
    ) -> Result<Option<Artifact>, Report> {
        if self.is_overlaid(PATH) {
            let pins = self.own_artifacts(component, arch)?;
            return Ok(pins.into_iter().find(|pin| pin.version == *version));
        }
        let mut pins = self.pins(component, arch);
        let found = pins.find(|(text, _)| text.parse::<Version>().is_ok_and(|other| other == *version));
        found
            .map(|(_, rest)| row(&format!("{component},{rest}")).map_err(|why| self.bad_row(1, why)))
            .transpose()
    }

    /// The built-in pins of `component` for `arch`: the version, and all of the row but the component.
    fn pins(&self, component: &str, arch: Arch) -> impl Iterator<Item = (&str, &str)> {
        let start = format!("{component},");
        let rests: Vec<&str> = self.rows(PATH).starting(&start).collect();
        rests.into_iter().filter_map(move |rest| {
            let mut cells = rest.split(',');
            let (version, of) = (cells.next()?, cells.next()?);
            (of == arch.as_str()).then_some((version, rest))
        })
    }

    /// The pins of `component` in the user's own table, those for `arch`.
    fn own_artifacts(&self, component: &str, arch: Arch) -> Result<Vec<Artifact>, Report> {
        let start = format!("{component},");
        let text = self.file(PATH).map_or("", |source| &*source.text);
        let rows = text.lines().enumerate().skip(1);
        let mut pins: Vec<Artifact> = Vec::new();
        let mut report = Report::new();
        for (at, line) in rows.filter(|(_, line)| line.starts_with(&start)) {
            match row(line) {
                Ok(pin) => {
                    let same = |other: &&Artifact| (&other.version, other.arch) == (&pin.version, pin.arch);
                    if pins.iter().any(|other| same(&other)) {
                        let what = format!("{component} {} for {}", pin.version, pin.arch.as_str());
                        report.extend(self.bad_row(at + 1, format!("{what} is pinned twice")));
                    }
                    pins.push(pin);
                }
                Err(why) => report.extend(self.bad_row(at + 1, why)),
            }
        }
        pins.retain(|artifact| artifact.arch == arch);
        if report.has_errors() { Err(report) } else { Ok(pins) }
    }

    fn bad_row(&self, line: usize, why: String) -> Report {
        let finding = Finding::new(Severity::Error, "catalog/artifact", why);
        let place = self.file(PATH).map(|source| Place::line_of(source, line));
        finding.maybe_at(place.as_ref()).into()
    }

    /// Every pin of the table.
    pub fn all_artifacts(&self) -> Result<Vec<Artifact>, Report> {
        let text = self.file(PATH).map_or("", |source| &*source.text);
        let rows = text.lines().enumerate().skip(1);
        rows.map(|(at, line)| row(line).map_err(|why| self.bad_row(at + 1, why)))
            .collect()
    }

    /// The newest pin whose minor is at most `minor`.
    pub fn newest_artifact(&self, component: &str, minor: KubeMinor, arch: Arch) -> Result<Option<Artifact>, Report> {
        let versions = self.pinned_versions(component, arch)?;
        let newest = versions.iter().filter(|version| version.kube_minor() <= minor).max();
        match newest {
            Some(version) => self.artifact(component, version, arch),
            None => Ok(None),
        }
    }
}

impl Catalog {
    /// Reads how components are installed: name, action (`file`, `untar0`, `untar1`), and where it goes.
    pub(super) fn read_install_rules(&self) -> Result<Vec<(String, String, String)>, Report> {
        self.read("profiles/kubernetes/artifacts.yaml", |reader, node| {
            let mut fields = reader.map(node, "the artifacts table");
            let rows = fields.required(reader, "artifacts");
            fields.done(reader);
            Some(
                reader
                    .list(rows?)
                    .iter()
                    .filter_map(|node| install_row(reader, node))
                    .collect(),
            )
        })
    }
}

fn install_row(reader: &mut Reader<'_>, node: &Node) -> Option<(String, String, String)> {
    let mut fields = reader.map(node, "an artifact's row");
    let component = fields.required(reader, "component").and_then(|node| reader.text(node));
    let actions = [("file", "file"), ("untar0", "untar0"), ("untar1", "untar1")];
    let action = fields
        .required(reader, "action")
        .and_then(|node| reader.word(node, &actions));
    let dest = fields
        .required(reader, "dest")
        .and_then(|node| reader.parsed::<AbsPath>(node, "catalog/value"));
    fields.done(reader);
    Some((
        component?.value,
        action?.value.to_owned(),
        dest?.value.as_str().to_owned(),
    ))
}

fn row(line: &str) -> Result<Artifact, String> {
    let cells: Vec<&str> = line.split(',').collect();
    let &[component, version, arch, url, sha256] = cells.as_slice() else {
        return Err("a row is component,version,arch,url,sha256".into());
    };
    Ok(Artifact {
        component: component.to_owned(),
        version: version.parse()?,
        arch: arch.parse()?,
        url: url.parse()?,
        sha256: sha256.parse()?,
    })
}
