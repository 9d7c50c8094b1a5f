//! From what a bundle wants and what lies on the disk to what is to be done. Everything in the way is found at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

mod folders;

use super::change::{After, Change, Conflict, Plan, Source, Task, Verb};
use super::disk::{Disk, Look, Seen, see};
use super::ledger::{ADOPTED, DIRS, Kind, LEDGER, Owned, Record, backup};
use crate::bake::bundle::STATE;
use crate::base::{AbsPath, Sha256};

/// The mark of a finished first boot; it goes whenever a file changes, so that units are started anew.
pub const FIRST_BOOT_DONE: &str = "/var/lib/nodebake/first-boot.done";

/// How an installation deals with what is in its way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Keep a copy of foreign and changed files, and replace them.
    pub backup: bool,
    /// Leave foreign and changed files as they are, and take them for ours.
    pub adopt: bool,
    /// The owner every file gets; none where this user has no right to give one.
    pub owner: Option<(u32, u32)>,
}

/// One path that a bundle wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The path.
    pub path: AbsPath,
    /// What it shall have.
    pub after: After,
}

/// What the planner is given.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Files of the machine, recorded in the ledger.
    pub files: Vec<Want>,
    /// Files of the record itself.
    pub state: Vec<Want>,
    /// The text of `artifacts.done`, which says what first boot need not download.
    pub artifacts_done: Option<String>,
}

/// Plans an installation. Conflicts are told all at once, and then nothing is to be done.
pub fn install(disk: &dyn Disk, wanted: &Wanted, options: Options) -> io::Result<Result<Plan, Vec<Conflict>>> {
    let mut planner = Planner::new(disk, options, Task::Install)?;
    for want in &wanted.files {
        planner.file(want)?;
    }
    let gone: Vec<AbsPath> = planner.old.files.keys().cloned().collect();
    for path in gone {
        if !wanted.files.iter().any(|want| want.path == path) {
            planner.forget(&path)?;
        }
    }
    let stays = planner.new.adopted.clone();
    planner.new.adopted = stays
        .into_iter()
        .filter(|path| planner.new.files.contains_key(path))
        .collect();
    planner.state(wanted)?;
    planner.finish()
}

/// Plans to take everything back.
pub fn uninstall(disk: &dyn Disk, options: Options) -> io::Result<Plan> {
    let mut planner = Planner::new(disk, options, Task::Uninstall)?;
    let all: Vec<AbsPath> = planner.old.files.keys().cloned().collect();
    for path in all {
        planner.forget(&path)?;
    }
    planner.new = Record::default();
    // A path that is in the way of a restore is told as kept, so there are no conflicts.
    match planner.finish()? {
        Ok(plan) => Ok(plan),
        Err(conflicts) => Err(io::Error::other(
            conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        )),
    }
}

struct Planner<'d> {
    disk: &'d dyn Disk,
    options: Options,
    old: Record,
    new: Record,
    plan: Plan,
    conflicts: Vec<Conflict>,
    /// What lies at the adopted paths.
    kept_content: BTreeMap<AbsPath, (Sha256, u32)>,
}

impl<'d> Planner<'d> {
    fn new(disk: &'d dyn Disk, options: Options, task: Task) -> io::Result<Self> {
        let old = Record::read(disk)?;
        Ok(Self {
            disk,
            options,
            new: old.clone(),
            old,
            plan: Plan::new(task),
            conflicts: Vec::new(),
            kept_content: BTreeMap::new(),
        })
    }

    fn change(&mut self, verb: Verb, path: &str, before: Seen, after: After) {
        self.plan.changes.push(Change {
            verb,
            path: path.to_owned(),
            before,
            after,
        });
    }

    fn conflict(&mut self, path: &str, what: impl Into<String>, hint: &str) {
        self.conflicts.push(Conflict {
            path: path.to_owned(),
            what: what.into(),
            hint: hint.to_owned(),
        });
    }

    /// A file of the machine.
    fn file(&mut self, want: &Want) -> io::Result<()> {
        let path = &want.path;
        let seen = see(self.disk, path.as_str())?;
        let was = self.old.files.get(path).copied();
        let wanted = want.after.sha256().unwrap_or_else(|| Sha256::of(b""));
        let own = |kind| Owned { sha256: wanted, kind };
        if matches!(seen, Seen::Folder | Seen::Special) {
            self.conflict(path.as_str(), format!("{} is there", seen.word()), "move it away");
            return Ok(());
        }
        if want.after.is(&seen, self.options.owner) {
            // What was there before us and is the same is not ours to remove.
            if let Some(was) = was {
                self.new.files.insert(path.clone(), own(was.kind));
                self.new.adopted.remove(path);
            }
            return Ok(());
        }
        let has = seen.sha256();
        let adopted = self.old.adopted.contains(path);
        match (has, was) {
            (None, was) => {
                self.new.adopted.remove(path);
                self.new
                    .files
                    .insert(path.clone(), own(was.map_or(Kind::Created, |was| was.kind)));
                self.change(verb(want, Verb::Create), path.as_str(), seen, want.after.clone());
            }
            (Some(has), Some(was)) if has == was.sha256 && adopted => {
                self.plan
                    .kept
                    .push((path.to_string(), "adopted; remove it to have the bundle's"));
                self.keep_content(path, &seen);
            }
            (Some(has), Some(was)) => {
                if has != was.sha256 && see(self.disk, &backup(path))?.sha256() != Some(has) {
                    if self.options.adopt && self.adopt(path, &seen, was.kind) {
                        return Ok(());
                    }
                    if !self.options.backup {
                        self.conflict(
                            path.as_str(),
                            "it was changed here since nodebake wrote it",
                            "--backup keeps a copy and replaces it, --adopt leaves it",
                        );
                        return Ok(());
                    }
                    self.back_up(path.as_str(), &format!("{}.changed", backup(path)), &seen)?;
                }
                self.new.adopted.remove(path);
                self.new.files.insert(path.clone(), own(was.kind));
                let verb = verb(want, if has == wanted { Verb::Repair } else { Verb::Replace });
                self.change(verb, path.as_str(), seen, want.after.clone());
            }
            (Some(_), None) => {
                if self.options.adopt && matches!(seen, Seen::File { .. }) {
                    self.back_up(path.as_str(), &backup(path), &seen)?;
                    self.adopt(path, &seen, Kind::Replaced);
                } else if self.options.backup {
                    self.back_up(path.as_str(), &backup(path), &seen)?;
                    self.new.files.insert(path.clone(), own(Kind::Replaced));
                    self.change(verb(want, Verb::Replace), path.as_str(), seen, want.after.clone());
                } else {
                    self.conflict(
                        path.as_str(),
                        format!("{} is there that nodebake did not write", seen.word()),
                        "--backup keeps a copy and replaces it, --adopt leaves it",
                    );
                }
            }
        }
        Ok(())
    }

    /// Takes what lies at `path` for ours. Links cannot be: nobody could say what of them was meant.
    fn adopt(&mut self, path: &AbsPath, seen: &Seen, kind: Kind) -> bool {
        let Seen::File { sha256, .. } = seen else {
            return false;
        };
        self.new.files.insert(path.clone(), Owned { sha256: *sha256, kind });
        self.new.adopted.insert(path.clone());
        self.plan.kept.push((path.to_string(), "adopted"));
        self.keep_content(path, seen);
        true
    }

    fn keep_content(&mut self, path: &AbsPath, seen: &Seen) {
        if let Seen::File { sha256, access } = seen {
            self.kept_content.insert(path.clone(), (*sha256, access.mode));
        }
    }

    /// Keeps what lies at `path` at `to`; an older backup moves aside, as `cp --backup=numbered` has it.
    fn back_up(&mut self, path: &str, to: &str, seen: &Seen) -> io::Result<()> {
        let older = see(self.disk, to)?;
        if older == *seen {
            return Ok(());
        }
        let after = |from: &str, seen: &Seen| match seen {
            Seen::File { sha256, access } => Some(After::File {
                sha256: *sha256,
                mode: access.mode,
                size: 0,
                source: Source::Keep(from.to_owned()),
            }),
            Seen::Link(target) => Some(After::Link(target.clone())),
            _ => None,
        };
        if let Some(aside) = after(to, &older) {
            let mut number = 1;
            while self.disk.look(&format!("{to}.~{number}~"))? != Look::Absent {
                number += 1;
            }
            self.change(Verb::BackUp, &format!("{to}.~{number}~"), Seen::Absent, aside);
        }
        if let Some(copy) = after(path, seen) {
            self.change(Verb::BackUp, to, older, copy);
        }
        Ok(())
    }

    /// A file of ours that is wanted no more.
    fn forget(&mut self, path: &AbsPath) -> io::Result<()> {
        let Some(owned) = self.new.files.remove(path) else {
            return Ok(());
        };
        let seen = see(self.disk, path.as_str())?;
        let has = seen.sha256();
        let in_the_way = matches!(seen, Seen::Folder | Seen::Special);
        let at = backup(path);
        let before = match owned.kind {
            Kind::Created => Seen::Absent,
            Kind::Replaced => see(self.disk, &at)?,
        };
        if owned.kind == Kind::Replaced && before.sha256().is_none() {
            self.plan.kept.push((path.to_string(), "its backup is gone"));
            return Ok(());
        }
        if in_the_way || has.is_some_and(|has| has != owned.sha256 && Some(has) != before.sha256()) {
            self.plan.kept.push((path.to_string(), "changed since"));
            return Ok(());
        }
        match &before {
            Seen::File { sha256, access } => {
                if seen != before {
                    let after = After::File {
                        sha256: *sha256,
                        mode: access.mode,
                        size: 0,
                        source: Source::Keep(at.clone()),
                    };
                    self.change(Verb::Restore, path.as_str(), seen, after);
                }
                self.change(Verb::Record, &at, before, After::Absent);
            }
            Seen::Link(target) => {
                if seen != before {
                    self.change(Verb::Restore, path.as_str(), seen, After::Link(target.clone()));
                }
                self.change(Verb::Record, &at, before, After::Absent);
            }
            _ if has.is_some() => self.change(Verb::Remove, path.as_str(), seen, After::Absent),
            _ => {}
        }
        Ok(())
    }

    /// The record's own files: the stage as the bundle has it and no more.
    fn state(&mut self, wanted: &Wanted) -> io::Result<()> {
        let stage = format!("{STATE}/stage");
        let mut paths = BTreeSet::new();
        for want in &wanted.state {
            paths.insert(want.path.as_str());
            let staged = want
                .path
                .as_str()
                .strip_prefix(&stage)
                .and_then(|path| path.parse().ok());
            let after = match staged.and_then(|path: AbsPath| Some((self.kept_content.get(&path)?, path))) {
                Some(((sha256, mode), path)) => After::File {
                    sha256: *sha256,
                    mode: *mode,
                    size: 0,
                    source: Source::Copy(path.to_string()),
                },
                None => match (&want.after, &wanted.artifacts_done) {
                    (After::File { mode, .. }, Some(text)) if want.path.file_name() == "artifacts.done" => {
                        self.artifacts_done(text, *mode)
                    }
                    (after, _) => after.clone(),
                },
            };
            self.record(want.path.as_str(), after)?;
        }
        let mut open = vec![stage];
        while let Some(folder) = open.pop() {
            for name in self.disk.list(&folder)? {
                let path = format!("{folder}/{name}");
                match self.disk.look(&path)? {
                    Look::Folder(_) => open.push(path),
                    _ if paths.contains(path.as_str()) => {}
                    _ => self.record(&path, After::Absent)?,
                }
            }
        }
        Ok(())
    }

    /// What first boot need not download, with the digests of what was adopted.
    fn artifacts_done(&self, text: &str, mode: u32) -> After {
        let mut out = String::new();
        for line in text.lines() {
            let mut cells: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let adopted = cells
                .last()
                .and_then(|path| path.parse::<AbsPath>().ok())
                .and_then(|path| self.kept_content.get(&path));
            if let (Some((sha256, _)), 5) = (adopted, cells.len()) {
                cells[3] = sha256.to_string();
            }
            out += &cells.join(" ");
            out.push('\n');
        }
        as_text(out, mode)
    }

    fn record(&mut self, path: &str, after: After) -> io::Result<()> {
        let seen = see(self.disk, path)?;
        if matches!(seen, Seen::Folder | Seen::Special) {
            self.conflict(path, format!("{} is there", seen.word()), "move it away");
        } else if !after.is(&seen, self.options.owner) {
            self.change(Verb::Record, path, seen, after);
        }
        Ok(())
    }

    /// Folders, and the record of it all.
    fn finish(mut self) -> io::Result<Result<Plan, Vec<Conflict>>> {
        self.make_folders()?;
        self.drop_folders()?;
        let (dirs, adopted, ledger) = (self.new.dirs(), self.new.adopted(), self.new.ledger());
        for (path, text) in [(ADOPTED, adopted), (DIRS, dirs), (LEDGER, ledger)] {
            // A record that says nothing is not there.
            let after = if text.is_empty() {
                After::Absent
            } else {
                as_text(text, 0o644)
            };
            self.record(path, after)?;
        }
        let touches_machine = self.plan.changes.iter().any(|change| change.verb != Verb::Record);
        let done = see(self.disk, FIRST_BOOT_DONE)?;
        if touches_machine && matches!(done, Seen::File { .. }) {
            self.change(Verb::Record, FIRST_BOOT_DONE, done, After::Absent);
            // Whoever starts first boot after a kill shall have it start all anew.
            self.plan.changes.rotate_right(1);
        }
        if self.conflicts.is_empty() {
            Ok(Ok(self.plan))
        } else {
            self.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
            self.conflicts.dedup();
            Ok(Err(self.conflicts))
        }
    }
}

fn as_text(text: String, mode: u32) -> After {
    After::File {
        sha256: Sha256::of(text.as_bytes()),
        mode,
        size: text.len() as u64,
        source: Source::Text(text),
    }
}

fn verb(want: &Want, other: Verb) -> Verb {
    match want.after {
        After::Link(_) => Verb::Enable,
        _ => other,
    }
}
