//! The journal: what a transaction changes and what was there before, written before anything is changed. `install.sh`
//! writes and reads the same text.

use std::io;

use super::change::{After, Plan, Task};
use super::disk::{Access, Disk, Seen, remove_tree, text};
use crate::bake::bundle::STATE;
use crate::base::{AbsPath, Sha256};

/// The journal of the last transaction.
pub const JOURNAL: &str = "/var/lib/nodebake/journal";
/// A journal that is being written: nothing was changed yet.
pub const NEXT: &str = "/var/lib/nodebake/journal.new";
/// A journal that means nothing any more.
pub const GONE: &str = "/var/lib/nodebake/journal.gone";

const HEAD: &str = "# nodebake journal v1 ";

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Files are being changed.
    Applying,
    /// All is changed.
    Done,
    /// Files are being changed back.
    Undoing,
}

impl Progress {
    const ALL: [Self; 3] = [Self::Applying, Self::Done, Self::Undoing];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applying => "applying",
            Self::Done => "done",
            Self::Undoing => "undoing",
        }
    }
}

/// What was or will be at a path, as far as the journal tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    Absent,
    /// A file.
    File {
        /// Its digest.
        sha256: Sha256,
        /// Its mode.
        mode: u32,
        /// Its owner, if it was there before.
        owner: Option<(u32, u32)>,
    },
    /// A link, by the digest that the ledger would have.
    Link(Sha256),
}

impl Mark {
    /// Whether `seen` is this.
    pub fn is(self, seen: &Seen) -> bool {
        match (self, seen) {
            (Self::Absent, Seen::Absent) => true,
            (Self::File { sha256, mode, owner }, Seen::File { sha256: has, access }) => {
                sha256 == *has && mode == access.mode && owner.is_none_or(|owner| owner == (access.uid, access.gid))
            }
            (Self::Link(sha256), Seen::Link(_)) => seen.sha256() == Some(sha256),
            _ => false,
        }
    }

    fn write(self) -> String {
        match self {
            Self::Absent => "-".into(),
            Self::File { sha256, mode, owner } => {
                let owner = owner.map(|(uid, gid)| format!(":{uid}:{gid}")).unwrap_or_default();
                format!("f:{sha256}:{mode:04o}{owner}")
            }
            Self::Link(sha256) => format!("l:{sha256}"),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let cells: Vec<&str> = word.split(':').collect();
        match cells.as_slice() {
            ["-"] => Some(Self::Absent),
            ["l", sha256] => Some(Self::Link(sha256.parse().ok()?)),
            ["f", sha256, mode, owner @ ..] => Some(Self::File {
                sha256: sha256.parse().ok()?,
                mode: u32::from_str_radix(mode, 8).ok()?,
                owner: match owner {
                    [] => None,
                    [uid, gid] => Some((uid.parse().ok()?, gid.parse().ok()?)),
                    _ => return None,
                },
            }),
            _ => None,
        }
    }
}

/// One path of a journal. Its old content is `old/N` beside the plan, where N counts from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was there.
    pub before: Mark,
    /// What comes there.
    pub after: Mark,
    /// The path.
    pub path: AbsPath,
}

/// All of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// What it is of.
    pub task: Task,
    /// Folders that are made.
    pub make: Vec<AbsPath>,
    /// Folders that are removed, in this order.
    pub drop: Vec<(AbsPath, Access)>,
    /// Paths that change, in this order.
    pub entries: Vec<Entry>,
}

impl Journal {
    /// The journal of a plan.
    pub fn of(plan: &Plan) -> Result<Self, String> {
        let mut journal = Self {
            task: plan.task,
            make: Vec::new(),
            drop: Vec::new(),
            entries: Vec::new(),
        };
        for (path, _) in &plan.make {
            journal.make.push(path.parse()?);
        }
        for (path, access) in &plan.drop {
            journal.drop.push((path.parse()?, *access));
        }
        for change in &plan.changes {
            journal.entries.push(Entry {
                before: match &change.before {
                    Seen::Absent => Mark::Absent,
                    Seen::File { sha256, access } => Mark::File {
                        sha256: *sha256,
                        mode: access.mode,
                        owner: Some((access.uid, access.gid)),
                    },
                    link @ Seen::Link(_) => Mark::Link(link.sha256().ok_or("a link")?),
                    Seen::Folder | Seen::Special => return Err(format!("{} is no file", change.path)),
                },
                after: match &change.after {
                    After::Absent => Mark::Absent,
                    After::File { sha256, mode, .. } => Mark::File {
                        sha256: *sha256,
                        mode: *mode,
                        owner: None,
                    },
                    link @ After::Link(_) => Mark::Link(link.sha256().ok_or("a link")?),
                },
                path: change.path.parse()?,
            });
        }
        Ok(journal)
    }

    /// Its text.
    pub fn write(&self) -> String {
        let mut text = format!("{HEAD}{}\n", self.task.word());
        for path in &self.make {
            text += &format!("make\t{path}\n");
        }
        for (path, Access { mode, uid, gid }) in &self.drop {
            text += &format!("drop\t{mode:04o}\t{uid}\t{gid}\t{path}\n");
        }
        for (at, Entry { before, after, path }) in self.entries.iter().enumerate() {
            text += &format!("change\t{at}\t{}\t{}\t{path}\n", before.write(), after.write());
        }
        text
    }

    /// Reads it back. Nothing in it is believed that is not well-formed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let task = match lines.next().and_then(|line| line.strip_prefix(HEAD)) {
            Some("install") => Task::Install,
            Some("uninstall") => Task::Uninstall,
            _ => return Err("its first line is not known".into()),
        };
        let mut journal = Self {
            task,
            make: Vec::new(),
            drop: Vec::new(),
            entries: Vec::new(),
        };
        for (at, line) in lines.enumerate() {
            let wrong = || format!("line {} is damaged", at + 2);
            let cells: Vec<&str> = line.split('\t').collect();
            match cells.as_slice() {
                ["make", path] => journal.make.push(path.parse()?),
                ["drop", mode, uid, gid, path] => {
                    let access = Access {
                        mode: u32::from_str_radix(mode, 8).map_err(|_| wrong())?,
                        uid: uid.parse().map_err(|_| wrong())?,
                        gid: gid.parse().map_err(|_| wrong())?,
                    };
                    journal.drop.push((path.parse()?, access));
                }
                ["change", number, before, after, path] => {
                    if number.parse() != Ok(journal.entries.len()) {
                        return Err(wrong());
                    }
                    journal.entries.push(Entry {
                        before: Mark::parse(before).ok_or_else(wrong)?,
                        after: Mark::parse(after).ok_or_else(wrong)?,
                        path: path.parse()?,
                    });
                }
                _ => return Err(wrong()),
            }
        }
        Ok(journal)
    }
}

/// What an earlier run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Nothing, or leavings that mean nothing.
    Nothing,
    /// A transaction that had not begun to change anything.
    Prepared,
    /// A transaction, and how far it came.
    Begun(Journal, Progress),
}

/// Looks at what an earlier run left.
pub fn left(disk: &dyn Disk) -> io::Result<Left> {
    let progress = text(disk, &format!("{JOURNAL}/state"))?.and_then(|word| {
        Progress::ALL
            .into_iter()
            .find(|progress| word.trim_end() == progress.word())
    });
    let next = disk.is_folder(NEXT)?;
    let Some(progress) = progress else {
        return Ok(if next { Left::Prepared } else { Left::Nothing });
    };
    let damaged = |why: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{JOURNAL}/plan is damaged: {why}"));
    let plan = text(disk, &format!("{JOURNAL}/plan"))?.ok_or_else(|| damaged("it is missing"))?;
    let journal = Journal::parse(&plan).map_err(|why| damaged(&why))?;
    Ok(Left::Begun(journal, progress))
}

/// Makes the journal mean nothing, which takes no space, and removes it.
pub(super) fn retire(disk: &dyn Disk) -> io::Result<()> {
    remove_tree(disk, GONE)?;
    if disk.is_folder(JOURNAL)? {
        disk.rename(JOURNAL, GONE)?;
        disk.sync_folder(STATE)?;
        remove_tree(disk, GONE)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_comes_back() {
        let sha = Sha256::of(b"x");
        let text = format!(
            "{HEAD}install\nmake\t/opt/a\ndrop\t0755\t0\t0\t/opt/b\nchange\t0\t-\tf:{sha}:0644\t/opt/a/x\n\
             change\t1\tf:{sha}:4755:7:8\tl:{sha}\t/opt/y\n"
        );
        let journal = Journal::parse(&text).unwrap();
        assert_eq!(journal.write(), text);
        for bad in [
            text.replace("v1", "v2"),
            text.replace("install", "undo"),
            text.replace("change\t1", "change\t2"),
            text.replace("/opt/y", "/opt/../y"),
            text.replace("f:", "g:"),
            text.replace(":7:8", ":7"),
            text.replace("make\t", "make "),
        ] {
            assert!(Journal::parse(&bad).is_err(), "{bad}");
        }
    }
}
