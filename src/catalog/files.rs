//! The files behind the catalog.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cache::Cache;
use super::stored::Stored;
use crate::base::{Finding, Place, Report, Severity, Source, closest};
use crate::syntax::yaml::{self, Node, Reader};

/// What is built into this binary.
pub(super) static EMBEDDED: &[Stored] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// All files of the catalog by their path, such as `profiles/satellite.yaml`.
#[derive(Debug)]
pub struct Catalog {
    files: BTreeMap<String, Arc<Source>>,
    overlaid: Vec<String>,
    pub(super) cache: Cache,
}

impl Catalog {
    /// The beginning of the digest of the built-in catalog: another one decides otherwise.
    pub const STAMP: &str = include_str!(concat!(env!("OUT_DIR"), "/catalog.stamp"));

    /// The built-in catalog.
    pub fn embedded() -> Self {
        let files = EMBEDDED
            .iter()
            .map(|file| (file.name.to_owned(), Source::embedded(file.name, file.text)))
            .collect();
        Self {
            files,
            overlaid: Vec::new(),
            cache: Cache::default(),
        }
    }

    /// The catalog with `files` laid over it: the path in the catalog, and the file as the user knows it. A path the
    /// catalog gives no meaning to is refused, so that a misplaced file is not ignored.
    pub fn overlay(mut self, files: Vec<(String, Arc<Source>)>) -> Result<Self, Report> {
        let mut report = Report::new();
        for (path, source) in files {
            let known = ["profiles/", "images/", "templates/"]
                .iter()
                .any(|folder| path.starts_with(folder))
                && ["yaml", "csv", "j2"]
                    .iter()
                    .any(|ending| path.rsplit('.').next() == Some(ending));
            if !known {
                let message = format!("`{path}` has no meaning in a catalog");
                let hint = "a catalog has profiles/**.yaml, images/*.yaml, images/artifacts.csv and templates/**.j2";
                report.push(Finding::error("catalog/file", message, &Place::new(&source, 0..0)).hint(hint));
                continue;
            }
            self.overlaid.push(path.clone());
            self.files.insert(path, source);
        }
        if report.has_errors() { Err(report) } else { Ok(self) }
    }

    /// Whether the file at `path` came from an overlay.
    pub fn is_overlaid(&self, path: &str) -> bool {
        self.overlaid.iter().any(|other| other == path)
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&Arc<Source>> {
        self.files.get(path)
    }

    /// The names of all files directly in `folder` (with its slash) that end in `ending`, sorted.
    pub fn names<'c>(&'c self, folder: &'c str, ending: &'c str) -> impl Iterator<Item = &'c str> {
        self.files
            .range(folder.to_owned()..)
            .take_while(move |(path, _)| path.starts_with(folder))
            .filter_map(move |(path, _)| path.strip_prefix(folder)?.strip_suffix(ending))
    }

    /// The built-in file at `path`, with its source. `None` if there is none, or if the user's own is over it.
    fn stored(&self, path: &str) -> Option<(&'static Stored, &Arc<Source>)> {
        let at = EMBEDDED.binary_search_by(|file| file.name.cmp(path)).ok()?;
        let source = self.files.get(path).filter(|_| !self.is_overlaid(path))?;
        Some((&EMBEDDED[at], source))
    }

    /// The tree of the built-in file at `path`, of a template's front matter.
    pub(super) fn tree(&self, path: &str) -> Option<Node> {
        self.stored(path).and_then(|(stored, source)| stored.tree(source))
    }

    /// Of a built-in table what stands at `key`. `None` if the file is the user's own, which is always read whole so that
    /// all its mistakes are told, or if there is nothing.
    pub(super) fn value(&self, path: &str, key: &str) -> Option<Node> {
        let (stored, source) = self.stored(path)?;
        stored.value(source, key)
    }

    /// Of a built-in table the row in the list at `list` that says `name` at `id`; `None` as for [`Self::value`].
    pub(super) fn row(&self, path: &str, list: &str, id: &str, name: &str) -> Option<Node> {
        let (stored, source) = self.stored(path)?;
        stored.row(source, list, id, name)
    }

    /// Where the rows of a built-in table begin.
    pub(super) fn starts(&self, path: &str) -> Option<&'static [u8]> {
        self.stored(path).map(|(stored, _)| stored.tree)
    }

    /// Reads the YAML file at `path` with `read`; its mistakes are reported where they are.
    pub(super) fn read<T>(
        &self,
        path: &str,
        read: impl FnOnce(&mut Reader<'_>, &Node) -> Option<T>,
    ) -> Result<T, Report> {
        let source = self.files.get(path).ok_or_else(|| {
            Report::from(Finding::new(
                Severity::Error,
                "catalog/file",
                format!("the catalog has no `{path}`"),
            ))
        })?;
        let node = match self.tree(path) {
            Some(node) => node,
            None => yaml::parse(source)?,
        };
        let mut report = Report::new();
        let value = read(&mut Reader { report: &mut report }, &node);
        match value {
            Some(value) if !report.has_errors() => Ok(value),
            _ => Err(report),
        }
    }
}

/// The finding for a name that is not in the catalog.
pub(super) fn unknown<'k>(
    kind: &str,
    name: &str,
    place: Option<&Place>,
    known: impl Iterator<Item = &'k str>,
) -> Report {
    let known: Vec<&str> = known.collect();
    let finding = Finding::new(
        Severity::Error,
        "catalog/unknown",
        format!("there is no {kind} `{name}`"),
    );
    let hint = match closest(name, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.len() <= 12 => format!("there are {}", known.join(", ")),
        None => format!(
            "`nodebake catalog {}s` lists all {}",
            kind.replace(' ', "-"),
            known.len()
        ),
    };
    finding.maybe_at(place).hint(hint).into()
}
