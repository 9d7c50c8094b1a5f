//! The record of what is nodebake's on a machine. `first-boot` and `uninstall` on the machine read and write the same
//! tables.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::disk::{Disk, text};
use crate::bake::bundle::STATE;
use crate::base::{AbsPath, Sha256};

/// Where the ledger lies.
pub const LEDGER: &str = "/var/lib/nodebake/ledger";
/// Where the folders that were made are listed.
pub const DIRS: &str = "/var/lib/nodebake/dirs";
/// Where the paths are listed at which the machine's own content was taken for ours.
pub const ADOPTED: &str = "/var/lib/nodebake/adopted";

/// Whether something was at a path before us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing was.
    Created,
    /// Something was, and is in the backup.
    Replaced,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replaced => "replaced",
        }
    }
}

/// One file of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// What we wrote.
    pub sha256: Sha256,
    /// Over what.
    pub kind: Kind,
}

/// All that is recorded of earlier installations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Files of ours.
    pub files: BTreeMap<AbsPath, Owned>,
    /// Folders we made, in the order in which we did.
    pub dirs: Vec<AbsPath>,
    /// Paths at which the machine's own content was taken for ours.
    pub adopted: BTreeSet<AbsPath>,
}

impl Record {
    /// Reads the record. Nothing in it is believed that is not well-formed.
    pub fn read(disk: &dyn Disk) -> io::Result<Self> {
        let wrong = |file: &str, at: usize, why: &str| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{file} is damaged at line {}: {why}", at + 1),
            )
        };
        let mut record = Self::default();
        for (at, line) in text(disk, LEDGER)?.unwrap_or_default().lines().enumerate() {
            let (path, owned) = parse(line).map_err(|why| wrong(LEDGER, at, &why))?;
            record.files.insert(path, owned);
        }
        for (at, line) in text(disk, DIRS)?.unwrap_or_default().lines().enumerate() {
            let path = line.parse().map_err(|why: String| wrong(DIRS, at, &why))?;
            if !record.dirs.contains(&path) {
                record.dirs.push(path);
            }
        }
        for (at, line) in text(disk, ADOPTED)?.unwrap_or_default().lines().enumerate() {
            record
                .adopted
                .insert(line.parse().map_err(|why: String| wrong(ADOPTED, at, &why))?);
        }
        Ok(record)
    }

    /// The ledger's text.
    pub fn ledger(&self) -> String {
        self.files
            .iter()
            .map(|(path, owned)| format!("{} {} {path}\n", owned.sha256, owned.kind.word()))
            .collect()
    }

    /// The list of folders.
    pub fn dirs(&self) -> String {
        self.dirs.iter().map(|path| format!("{path}\n")).collect()
    }

    /// The list of adopted paths.
    pub fn adopted(&self) -> String {
        self.adopted.iter().map(|path| format!("{path}\n")).collect()
    }
}

fn parse(line: &str) -> Result<(AbsPath, Owned), String> {
    let mut cells = line.splitn(3, ' ');
    let (Some(sha256), Some(kind), Some(path)) = (cells.next(), cells.next(), cells.next()) else {
        return Err("three words are expected".into());
    };
    let kind = match kind {
        "created" => Kind::Created,
        "replaced" => Kind::Replaced,
        other => return Err(format!("`{}` is neither created nor replaced", other.escape_default())),
    };
    let path: AbsPath = path.parse()?;
    if path.is_below(STATE) {
        return Err(format!("{path} is of the record itself"));
    }
    let sha256 = sha256.parse()?;
    Ok((path, Owned { sha256, kind }))
}

/// Where the backup of a path lies.
pub fn backup(path: &AbsPath) -> String {
    format!("{STATE}/backup{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledger_lines() {
        let sha = Sha256::of(b"x");
        assert!(parse(&format!("{sha} created /etc/x")).is_ok());
        for bad in [
            String::new(),
            format!("{sha} made /etc/x"),
            format!("{sha} created etc/x"),
            format!("{sha} created /etc/../x"),
            format!("{sha} created /var/lib/nodebake/ledger"),
            "12 created /etc/x".to_owned(),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
