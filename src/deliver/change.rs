//! What an installation does, as data: it can be printed, journalled, carried out and taken back.

use std::fmt;

use super::disk::{Access, Seen};
use crate::bake::bundle::MemberName;
use crate::base::Sha256;

/// Where the bytes of a new file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of the bundle.
    Member(MemberName),
    /// This text.
    Text(String),
    /// What lies at this path before anything is changed: the same file under a further name, where the disk can.
    Keep(String),
    /// The bytes of what lies at this path before anything is changed.
    Copy(String),
}

/// What a path shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    Absent,
    /// A file.
    File {
        /// The digest of its bytes.
        sha256: Sha256,
        /// Its permission bits.
        mode: u32,
        /// Its size where it is known before it is written, in bytes.
        size: u64,
        /// Its bytes.
        source: Source,
    },
    /// A link to this.
    Link(String),
}

impl After {
    /// The digest that the ledger keeps.
    pub fn sha256(&self) -> Option<Sha256> {
        match self {
            Self::Absent => None,
            Self::File { sha256, .. } => Some(*sha256),
            Self::Link(target) => Some(super::disk::link_digest(target)),
        }
    }

    /// Whether `seen` is this already. An owner is compared where there is one to give.
    pub fn is(&self, seen: &Seen, owner: Option<(u32, u32)>) -> bool {
        match (self, seen) {
            (Self::Absent, Seen::Absent) => true,
            (Self::File { sha256, mode, .. }, Seen::File { sha256: has, access }) => {
                sha256 == has && *mode == access.mode && owner.is_none_or(|owner| owner == (access.uid, access.gid))
            }
            (Self::Link(target), Seen::Link(has)) => target == has,
            _ => false,
        }
    }
}

/// What a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// A new file.
    Create,
    /// A file of ours gets other content.
    Replace,
    /// A file of ours gets its mode or owner back.
    Repair,
    /// A file of ours is made no more.
    Remove,
    /// What was there before us comes back.
    Restore,
    /// A copy of what is replaced.
    BackUp,
    /// A unit is switched on for the next boot.
    Enable,
    /// The machine's record.
    Record,
}

impl Verb {
    /// Its word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Repair => "repair",
            Self::Remove => "remove",
            Self::Restore => "restore",
            Self::BackUp => "back up",
            Self::Enable => "enable",
            Self::Record => "record",
        }
    }
}

/// One path, from what it has to what it shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What for.
    pub verb: Verb,
    /// The path.
    pub path: String,
    /// What it has.
    pub before: Seen,
    /// What it shall have.
    pub after: After,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:8} {}", self.verb.word(), self.path)?;
        match &self.after {
            After::File { mode, size, .. } => write!(out, " ({mode:04o}, {size} bytes)"),
            After::Link(target) => write!(out, " -> {target}"),
            After::Absent => Ok(()),
        }
    }
}

/// Something that cannot be done without losing something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}; {}", self.path, self.what, self.hint)
    }
}

/// What a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Files come, change and go.
    Install,
    /// All goes, and the record with it.
    Uninstall,
}

impl Task {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Uninstall => "uninstall",
        }
    }
}

/// All that a transaction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it is.
    pub task: Task,
    /// Folders to make first, each after the one above it.
    pub make: Vec<(String, u32)>,
    /// What changes, in this order.
    pub changes: Vec<Change>,
    /// Folders to remove at the end, each before the one above it.
    pub drop: Vec<(String, Access)>,
    /// Paths that stay as they are, and why.
    pub kept: Vec<(String, &'static str)>,
}

impl Plan {
    /// A plan that does nothing yet.
    pub fn new(task: Task) -> Self {
        Self {
            task,
            make: Vec::new(),
            changes: Vec::new(),
            drop: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.make.is_empty() && self.drop.is_empty()
    }

    /// How many bytes it writes.
    pub fn bytes(&self) -> u64 {
        self.changes
            .iter()
            .map(|change| match &change.after {
                After::File { size, source, .. } if !matches!(source, Source::Keep(_)) => *size,
                _ => 0,
            })
            .sum()
    }

    /// Its operations, one a line.
    pub fn operations(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.make.iter().map(|(path, _)| format!("make     {path}/")).collect();
        lines.extend(self.changes.iter().map(ToString::to_string));
        lines.extend(self.drop.iter().map(|(path, _)| format!("remove   {path}/")));
        lines
    }
}
