//! `artifacts`: where downloads come from, and the user's own.

use std::str::FromStr;

use super::node::mode;
use crate::base::{AbsPath, Finding, HttpsUrl, Located, Mode, Sha256};
use crate::syntax::yaml::{Node, Reader};

/// `artifacts`.
#[derive(Debug, Clone, Default)]
pub struct Artifacts {
    /// A mirror that keeps each host's files under a folder of its name.
    pub mirror: Option<Located<HttpsUrl>>,
    /// The user's own artifacts.
    pub files: Vec<ArtifactFile>,
}

/// An artifact of the user's own: a file that is too large for text, or none.
#[derive(Debug, Clone)]
pub struct ArtifactFile {
    /// What it is called.
    pub name: Located<String>,
    /// Where it comes from.
    pub source: Located<Whence>,
    /// What its bytes must hash to.
    pub sha256: Located<Sha256>,
    /// Where it goes on the machine.
    pub path: Located<AbsPath>,
    /// Its mode there.
    pub mode: Located<Mode>,
    /// Whether containerd takes it as an archive of images.
    pub import: Option<Located<bool>>,
}

/// Where an artifact comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whence {
    /// The web.
    Web(HttpsUrl),
    /// A file, by its path relative to node.yaml.
    File(String),
}

impl Whence {
    /// The URL or the path.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Web(url) => url.as_str(),
            Self::File(path) => path,
        }
    }
}

impl FromStr for Whence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return text.parse().map(Self::Web);
        }
        if text.contains("://") {
            // Not shown whole: it may have a password in it.
            let scheme = text.split("://").next().unwrap_or_default();
            return Err(format!("a source is an https URL or a relative path, not {scheme}"));
        }
        if text.is_empty() || text.starts_with('/') || text.ends_with('/') {
            return Err(format!(
                "`{text}` is neither an https URL nor a file's path relative to this one"
            ));
        }
        if let Some(strange) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(format!("{strange:?} is not allowed in the path of a source"));
        }
        Ok(Self::File(text.to_owned()))
    }
}

impl Artifacts {
    /// The image archives that containerd takes.
    pub fn imports(&self) -> impl Iterator<Item = &ArtifactFile> {
        let wanted = |file: &&ArtifactFile| file.import.as_ref().is_some_and(|import| import.value);
        self.files.iter().filter(wanted)
    }

    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Self {
        let mut fields = reader.map(node, "artifacts");
        let artifacts = Self {
            mirror: fields
                .optional("mirror")
                .and_then(|node| reader.parsed(node, "spec/url")),
            files: fields
                .optional("files")
                .map(|node| read_files(reader, node))
                .unwrap_or_default(),
        };
        fields.done(reader);
        artifacts
    }
}

fn read_files(reader: &mut Reader<'_>, node: &Node) -> Vec<ArtifactFile> {
    let mut files: Vec<ArtifactFile> = Vec::new();
    for item in reader.list(node) {
        let Some(file) = ArtifactFile::read(reader, item) else {
            continue;
        };
        if let Some(first) = files.iter().find(|other| other.name.value == file.name.value) {
            let message = format!("a second artifact is called `{}`", file.name.value);
            let finding = Finding::error("spec/duplicate-file", message, &file.name.place);
            reader.report.push(finding.note(&first.name.place, "the first one"));
        }
        if let Some(first) = files.iter().find(|other| other.path.value == file.path.value) {
            let message = format!("`{}` is given twice", file.path.value);
            let finding = Finding::error("spec/duplicate-file", message, &file.path.place);
            reader.report.push(finding.note(&first.path.place, "the first one"));
        }
        files.push(file);
    }
    files
}

impl ArtifactFile {
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let mut fields = reader.map(node, "an artifact");
        let name = fields.required(reader, "name").and_then(|node| file_name(reader, node));
        let source = fields
            .required(reader, "source")
            .and_then(|node| reader.parsed(node, "spec/source"));
        let sha256 = fields
            .required(reader, "sha256")
            .and_then(|node| reader.parsed(node, "spec/sha256"));
        let path = fields
            .required(reader, "path")
            .and_then(|node| reader.parsed(node, "spec/path"));
        let mode = fields.required(reader, "mode").and_then(|node| mode(reader, node));
        let import = fields.optional("import").and_then(|node| reader.boolean(node));
        fields.done(reader);
        Some(Self {
            name: name?,
            source: source?,
            sha256: sha256?,
            path: path?,
            mode: mode?,
            import,
        })
    }
}

/// A name that can be the name of a folder: letters, digits, `-`, `.` and `_`, beginning with a letter or digit.
fn file_name(reader: &mut Reader<'_>, node: &Node) -> Option<Located<String>> {
    let name = reader.text(node)?;
    let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let begins = name.value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || !name.value.chars().all(tame) || name.value.len() > 63 {
        let message = format!(
            "`{}` is not a name: up to 63 letters, digits, `-`, `.` and `_`",
            name.value
        );
        reader.report.push(Finding::error("spec/name", message, &name.place));
        return None;
    }
    Some(name)
}
