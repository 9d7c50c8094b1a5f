//! Pinned artifacts: what a machine downloads, with the hash it must have.

use std::str::FromStr;

use serde::Serialize;

use super::Catalog;
use crate::base::{AbsPath, Finding, HttpsUrl, KubeMinor, Place, Report, Sha256, Source, Version};
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

impl Catalog {
    /// All pins of `component` for `arch`, in the order of the table.
    pub(super) fn read_artifacts(&self, component: &str, arch: Arch) -> Result<Vec<Artifact>, Report> {
        let Some(source) = self.file(PATH) else {
            return Ok(Vec::new());
        };
        let start = format!("{component},");
        let pins: Result<Vec<Artifact>, Report> = if self.is_overlaid(PATH) {
            // The rows of both architectures are read, so that all mistakes are told.
            let rows = source.text.lines().enumerate().skip(1);
            let mine = rows.filter(|(_, line)| line.starts_with(&start));
            mine.map(|(at, line)| row(line).map_err(|why| bad_row(source, at + 1, why)))
                .collect()
        } else {
            // Whole rows are read only where they are asked for: the table is long, a bake needs a few.
            let mine = self.rows(PATH).starting(&start);
            mine.filter(|rest| rest.split(',').nth(1) == Some(arch.as_str()))
                .map(|rest| row(&format!("{start}{rest}")).map_err(|why| bad_row(source, 1, why)))
                .collect()
        };
        let mut pins = pins?;
        pins.retain(|artifact| artifact.arch == arch);
        Ok(pins)
    }

    /// Every pin of the table.
    pub fn all_artifacts(&self) -> Result<Vec<Artifact>, Report> {
        let Some(source) = self.file(PATH) else {
            return Ok(Vec::new());
        };
        let rows = source.text.lines().enumerate().skip(1);
        rows.map(|(at, line)| row(line).map_err(|why| bad_row(source, at + 1, why)))
            .collect()
    }

    /// The pin of exactly this version.
    pub fn artifact(&self, component: &str, version: &Version, arch: Arch) -> Result<Option<Artifact>, Report> {
        Ok(self
            .artifacts(component, arch)?
            .iter()
            .find(|artifact| artifact.version == *version)
            .cloned())
    }

    /// The newest pin whose minor is at most `minor`.
    pub fn newest_artifact(&self, component: &str, minor: KubeMinor, arch: Arch) -> Result<Option<Artifact>, Report> {
        let pins = self.artifacts(component, arch)?;
        Ok(pins
            .iter()
            .filter(|artifact| artifact.version.kube_minor() <= minor)
            .max_by(|a, b| a.version.cmp(&b.version))
            .cloned())
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

fn bad_row(source: &std::sync::Arc<Source>, line: usize, why: String) -> Report {
    Finding::error("catalog/artifact", why, &Place::line_of(source, line)).into()
}
