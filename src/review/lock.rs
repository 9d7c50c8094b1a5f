//! `artifacts.lock`: what a fetch resolved. It is committed beside node.yaml, so that a pull request shows when a
//! machine is to get other programs, and a later fetch or bake can refuse to bring anything else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::base::{Finding, Place, Report, Severity, Sha256, Source};
use crate::plan::Plan;

/// Its name.
pub const LOCK: &str = "artifacts.lock";

const HEAD: &str = "# What `nodebake fetch` resolved. Commit it; `nodebake fetch --locked` holds to it.\n# component version arch sha256 size source\n";

/// One artifact, as it is published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedArtifact {
    /// `kubelet` …
    pub component: String,
    /// Its version, `-` for the user's own.
    pub version: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// What its bytes hash to.
    pub sha256: Sha256,
    /// Where it is published: a URL, or a path relative to node.yaml. Mirrors are not recorded.
    pub source: String,
}

impl LockedArtifact {
    fn key(&self) -> (&str, &str, &str) {
        (&self.component, &self.version, &self.arch)
    }
}

/// The artifacts of all `plans`, each once, sorted.
pub fn wanted<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> Vec<LockedArtifact> {
    let artifacts = plans.into_iter().flat_map(|plan| &plan.artifacts);
    let mut all: Vec<LockedArtifact> = artifacts
        .map(|artifact| LockedArtifact {
            component: artifact.component.clone(),
            version: artifact
                .version
                .as_ref()
                .map_or("-", |version| version.as_str())
                .to_owned(),
            arch: artifact.arch.as_str().to_owned(),
            sha256: artifact.sha256,
            source: artifact.source.as_str().to_owned(),
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// A lock: artifacts and their sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    rows: BTreeMap<LockedArtifact, u64>,
    /// Where it was read.
    places: BTreeMap<LockedArtifact, Place>,
}

impl Lock {
    /// The lock of `rows`.
    pub fn new(rows: impl IntoIterator<Item = (LockedArtifact, u64)>) -> Self {
        Self {
            rows: rows.into_iter().collect(),
            places: BTreeMap::new(),
        }
    }

    /// Its text, the same for the same rows.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (row, size) in &self.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{} {} {} {} {size} {}",
                row.component, row.version, row.arch, row.sha256, row.source
            );
        }
        text
    }

    /// Reads a lock. Every line that is none is told.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Report> {
        let mut lock = Self::new([]);
        let mut report = Report::new();
        for (at, line) in source.text.lines().enumerate() {
            let place = || Place::line_of(source, at + 1);
            let conflict = ["<<<<<<<", "=======", ">>>>>>>", "|||||||"];
            if conflict.iter().any(|mark| line.starts_with(mark)) {
                report.push(
                    Finding::error("lock/conflict", "here is the mark of a merge conflict", &place())
                        .hint("remove the file and run `nodebake fetch`, which writes it anew"),
                );
            } else if !line.is_empty() && !line.starts_with('#') {
                match row(line) {
                    Some((row, size)) => {
                        if lock.rows.insert(row.clone(), size).is_some() {
                            report.push(Finding::error("lock/syntax", "this line is there twice", &place()));
                        }
                        lock.places.insert(row, place());
                    }
                    None => {
                        let message = "this is not component, version, arch, sha256, size and source";
                        report.push(
                            Finding::error("lock/syntax", message, &place())
                                .hint("remove the file and run `nodebake fetch`, which writes it anew"),
                        );
                    }
                }
            }
        }
        if report.has_errors() { Err(report) } else { Ok(lock) }
    }

    /// The size of an artifact.
    pub fn size(&self, artifact: &LockedArtifact) -> Option<u64> {
        self.rows.get(artifact).copied()
    }

    /// Where `wanted` is not what is locked. `name` is the lock's.
    pub fn differences(&self, wanted: &[LockedArtifact], name: &str) -> Report {
        let mut report = Report::new();
        let hint = format!("`nodebake fetch` without --locked writes {name} anew; review what changed");
        for artifact in wanted.iter().filter(|artifact| !self.rows.contains_key(artifact)) {
            let locked = self.rows.keys().find(|row| row.key() == artifact.key());
            let (component, version, arch) = artifact.key();
            let label = format!("{component} {version} {arch}");
            let message = match locked {
                Some(locked) if locked.sha256 != artifact.sha256 => {
                    format!(
                        "{label}: sha256 {} is wanted, {} is locked",
                        artifact.sha256, locked.sha256
                    )
                }
                Some(locked) => format!("{label}: {} is wanted, {} is locked", artifact.source, locked.source),
                None => format!("{label} is wanted, and not in {name}"),
            };
            let place = locked.and_then(|locked| self.places.get(locked));
            let finding = Finding::new(Severity::Error, "lock/differs", message).maybe_at(place);
            report.push(finding.hint(hint.clone()));
        }
        for (row, place) in &self.places {
            if wanted.iter().all(|artifact| artifact.key() != row.key()) {
                let (component, version, arch) = row.key();
                let message = format!("{component} {version} {arch} is locked, and nothing wants it");
                report.push(Finding::error("lock/differs", message, place).hint(hint.clone()));
            }
        }
        report
    }
}

fn row(line: &str) -> Option<(LockedArtifact, u64)> {
    let words: Vec<&str> = line.split(' ').collect();
    let &[component, version, arch, sha256, size, source] = words.as_slice() else {
        return None;
    };
    if [component, version, arch, source].iter().any(|word| word.is_empty()) {
        return None;
    }
    let artifact = LockedArtifact {
        component: component.to_owned(),
        version: version.to_owned(),
        arch: arch.to_owned(),
        sha256: sha256.parse().ok()?,
        source: source.to_owned(),
    };
    Some((artifact, size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(component: &str, version: &str, bytes: &[u8]) -> LockedArtifact {
        LockedArtifact {
            component: component.into(),
            version: version.into(),
            arch: "amd64".into(),
            sha256: Sha256::of(bytes),
            source: format!("https://x.example/{component}"),
        }
    }

    fn ids(report: Result<Lock, Report>) -> Vec<&'static str> {
        let report = report.err().unwrap_or_default();
        report.sorted().iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn text_comes_back_in_any_order_of_rows() {
        let (a, b) = (artifact("kubelet", "1.35.3", b"a"), artifact("own", "-", b"b"));
        let lock = Lock::new([(b.clone(), 2), (a.clone(), 1)]);
        assert_eq!(lock.text(), Lock::new([(a.clone(), 1), (b.clone(), 2)]).text());
        let read = Lock::parse(&Source::new(LOCK, lock.text())).unwrap();
        assert_eq!(read.text(), lock.text());
        assert_eq!((read.size(&a), read.size(&b)), (Some(1), Some(2)));
        assert!(read.differences(&[a.clone(), b.clone()], LOCK).is_empty());
        let other = artifact("kubelet", "1.35.3", b"other");
        let told = read.differences(&[other], LOCK);
        let told: Vec<String> = told.sorted().iter().map(|finding| finding.message.clone()).collect();
        assert!(
            told[0].contains("is wanted,") && told[0].contains("is locked"),
            "{told:?}"
        );
        assert!(
            told[1].contains("own - amd64 is locked, and nothing wants it"),
            "{told:?}"
        );
        let new = artifact("runc", "1.3.5", b"r");
        assert_eq!(read.differences(&[a, b, new], LOCK).counts(), (1, 0));
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let whole = Lock::new([(artifact("kubelet", "1.35.3", b"a"), 1)]).text();
        let row = whole.lines().last().unwrap();
        let parse = |text: &str| Lock::parse(&Source::new(LOCK, text));
        assert!(parse("").is_ok());
        assert_eq!(
            ids(parse(&format!(
                "<<<<<<< ours\n{row}\n=======\n{row}x\n>>>>>>> theirs\n"
            ))),
            ["lock/conflict"; 3]
        );
        assert_eq!(ids(parse(&format!("{row}\n{row}\n"))), ["lock/syntax"]);
        for bad in [
            "x",
            &row.replace(" 1 ", " -1 "),
            &row[..row.len() - 30].replace("https", ""),
            &row.replace(' ', "  "),
        ] {
            assert_eq!(ids(parse(bad)), ["lock/syntax"], "{bad}");
        }
        let report = parse(&format!("# x\n{row}\nbroken\n")).unwrap_err();
        assert_eq!(report.sorted()[0].place.as_ref().unwrap().line_column().0, 3);
    }
}
