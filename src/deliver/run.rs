//! A transaction on a disk. Whatever interrupts it, what it left is found by [`left`](super::left), and
//! [`undo`] brings back exactly what was there.
//!
//! 1. `journal.new`: the plan, and every old file under a further name. Flushed, then renamed to `journal`.
//! 2. Folders are made, every new file is written beside its place under a name that nobody reads, and flushed.
//! 3. Renames and removals, then the record. Folders are flushed.
//! 4. The journal says `done` and stays, for a rollback.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use super::change::{After, Change, Conflict, Plan, Source};
use super::disk::{Disk, Look, Seen, Sink, parent, see};
use super::journal::{GONE, JOURNAL, Journal, Left, Mark, NEXT, Progress, left};
use super::ledger::backup;
use super::plan::FIRST_BOOT_DONE;
use crate::bake::bundle::{MemberName, STATE};
use crate::base::Sha256;

/// Gives the bytes of a bundle's files, in whatever order it has them.
pub trait Supply {
    /// Hands every member of `wanted` to `take`, each once.
    fn supply(
        &mut self,
        wanted: &BTreeSet<MemberName>,
        take: &mut dyn FnMut(&MemberName, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// A supply of nothing, for what takes nothing from a bundle.
#[derive(Debug)]
pub struct Nothing;

impl Supply for Nothing {
    fn supply(
        &mut self,
        wanted: &BTreeSet<MemberName>,
        _: &mut dyn FnMut(&MemberName, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        match wanted.first() {
            None => Ok(()),
            Some(name) => Err(io::Error::other(format!("nobody has {name}"))),
        }
    }
}

type Owner = Option<(u32, u32)>;

/// Carries out a plan. If something fails, all is changed back before the error is told; if that fails too, the next
/// run does it. After an uninstallation, [`forget`] removes the record too.
pub fn execute(disk: &dyn Disk, plan: &Plan, supply: &mut dyn Supply, owner: Owner) -> io::Result<()> {
    if let Err(error) = begin(disk, plan, owner) {
        let _ = remove_tree(disk, NEXT).and_then(|()| remove_if_empty(disk, STATE));
        return Err(error);
    }
    let mut run = || -> io::Result<()> {
        stage(disk, plan, supply, owner)?;
        apply(disk, plan)?;
        progress(disk, JOURNAL, Progress::Done, owner)
    };
    if let Err(error) = run() {
        if let Ok(Left::Begun(journal, _)) = left(disk) {
            let _ = undo(disk, &journal, owner, false);
        }
        return Err(error);
    }
    Ok(())
}

/// Removes what an earlier run left and what means nothing any more: a journal that was not begun, temporary files of
/// a journal that is being written.
pub fn tidy(disk: &dyn Disk) -> io::Result<()> {
    remove_tree(disk, NEXT)?;
    remove_tree(disk, GONE)?;
    if left(disk)? == Left::Nothing {
        retire(disk)?;
    }
    remove_if_empty(disk, STATE)
}

fn begin(disk: &dyn Disk, plan: &Plan, owner: Owner) -> io::Result<()> {
    let journal = Journal::of(plan).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    if !disk.is_folder(STATE)? {
        disk.make_folder(STATE, 0o755, owner)?;
        disk.sync_folder(parent(STATE))?;
    }
    // A rollback never goes further back than to before the last installation that was begun: whoever runs it again,
    // because it was killed, must not lose the one before.
    retire(disk)?;
    remove_tree(disk, NEXT)?;
    disk.make_folder(NEXT, 0o700, owner)?;
    let old = format!("{NEXT}/old");
    disk.make_folder(&old, 0o700, owner)?;
    for (at, change) in plan.changes.iter().enumerate() {
        let to = format!("{old}/{at}");
        match &change.before {
            Seen::File { .. } => keep(disk, &change.path, &to, owner.is_some())?,
            Seen::Link(target) => disk.symlink(target, &to)?,
            _ => {}
        }
    }
    write(disk, &format!("{NEXT}/plan"), journal.write().as_bytes(), 0o600, owner)?;
    disk.settle()?;
    disk.sync_folder(&old)?;
    progress(disk, NEXT, Progress::Applying, owner)?;
    disk.rename(NEXT, JOURNAL)?;
    disk.sync_folder(STATE)
}

/// Writes how far it is, so that a reader finds the old word or the new one.
fn progress(disk: &dyn Disk, journal: &str, progress: Progress, owner: Owner) -> io::Result<()> {
    let (path, next) = (format!("{journal}/state"), format!("{journal}/state.new"));
    if disk.look(&next)? != Look::Absent {
        disk.remove(&next)?;
    }
    write(disk, &next, format!("{}\n", progress.word()).as_bytes(), 0o600, owner)?;
    disk.settle()?;
    disk.rename(&next, &path)?;
    disk.sync_folder(journal)
}

fn write(disk: &dyn Disk, path: &str, bytes: &[u8], mode: u32, owner: Owner) -> io::Result<()> {
    let mut sink = disk.create(path)?;
    sink.write_all(bytes)?;
    sink.finish(mode, owner)
}

/// The file `from` under the further name `to`; a copy where the file system has no further names.
fn keep(disk: &dyn Disk, from: &str, to: &str, give_owner: bool) -> io::Result<()> {
    match disk.link(from, to) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::CrossesDevices
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::TooManyLinks
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            let Look::File { access, .. } = disk.look(from)? else {
                return Err(io::Error::other(format!("{from} is no file any more")));
            };
            let mut sink = disk.create(to)?;
            io::copy(&mut disk.read(from)?, &mut sink)?;
            sink.finish(access.mode, give_owner.then_some((access.uid, access.gid)))
        }
        done => done,
    }
}

/// The name under which a new file waits beside its place.
fn waiting(path: &str, at: usize) -> String {
    let folder = parent(path);
    let slash = if folder == "/" { "" } else { "/" };
    format!("{folder}{slash}.nodebake-new.{at}")
}

fn stage(disk: &dyn Disk, plan: &Plan, supply: &mut dyn Supply, owner: Owner) -> io::Result<()> {
    for (folder, mode) in &plan.make {
        disk.make_folder(folder, *mode, owner)?;
    }
    let mut members: BTreeMap<MemberName, Vec<(String, u32)>> = BTreeMap::new();
    let mut digests: BTreeMap<MemberName, Sha256> = BTreeMap::new();
    for (at, Change { path, after, .. }) in plan.changes.iter().enumerate() {
        let to = waiting(path, at);
        match after {
            After::Absent => {}
            After::Link(target) => disk.symlink(target, &to)?,
            After::File {
                source, mode, sha256, ..
            } => match source {
                Source::Member(name) => {
                    members.entry(name.clone()).or_default().push((to, *mode));
                    digests.insert(name.clone(), *sha256);
                }
                Source::Text(text) => write(disk, &to, text.as_bytes(), *mode, owner)?,
                Source::Keep(from) => keep(disk, from, &to, owner.is_some())?,
                Source::Copy(from) => {
                    let mut sinks = vec![disk.create(&to)?];
                    let read = pour(&mut disk.read(from)?, &mut sinks)?;
                    if read != *sha256 {
                        return Err(io::Error::other(format!("{from} is being changed")));
                    }
                    finish(sinks, &[*mode], owner)?;
                }
            },
        }
    }
    let wanted: BTreeSet<MemberName> = members.keys().cloned().collect();
    let mut came = BTreeSet::new();
    supply.supply(&wanted, &mut |name, from| {
        let places = members.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut sinks = Vec::new();
        for (path, _) in places {
            sinks.push(disk.create(path)?);
        }
        let read = pour(from, &mut sinks)?;
        if Some(&read) != digests.get(name) || !came.insert(name.clone()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{name} is not what it was when the bundle was checked"),
            ));
        }
        let modes: Vec<u32> = places.iter().map(|(_, mode)| *mode).collect();
        finish(sinks, &modes, owner)
    })?;
    if let Some(missing) = wanted.difference(&came).next() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{missing} is missing in the bundle"),
        ));
    }
    disk.settle()
}

/// Reads all of `from` into every sink.
fn pour(from: &mut dyn Read, sinks: &mut [Box<dyn Sink + '_>]) -> io::Result<Sha256> {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(Sha256::from_bytes(hash.finalize().into())),
            Ok(read) => {
                hash.update(&buffer[..read]);
                for sink in &mut *sinks {
                    sink.write_all(&buffer[..read])?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn finish(sinks: Vec<Box<dyn Sink + '_>>, modes: &[u32], owner: Owner) -> io::Result<()> {
    for (sink, mode) in sinks.into_iter().zip(modes) {
        sink.finish(*mode, owner)?;
    }
    Ok(())
}

fn apply(disk: &dyn Disk, plan: &Plan) -> io::Result<()> {
    let mut folders: BTreeSet<&str> = plan.make.iter().map(|(folder, _)| parent(folder)).collect();
    for (at, Change { path, after, .. }) in plan.changes.iter().enumerate() {
        match after {
            After::Absent => disk.remove(path)?,
            _ => disk.rename(&waiting(path, at), path)?,
        }
        folders.insert(parent(path));
    }
    for (folder, _) in &plan.drop {
        match disk.remove_folder(folder) {
            // Somebody has put something there meanwhile.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            done => done?,
        }
        folders.remove(folder.as_str());
        folders.insert(parent(folder));
    }
    sync(disk, &folders)
}

fn sync(disk: &dyn Disk, folders: &BTreeSet<&str>) -> io::Result<()> {
    disk.settle()?;
    for folder in folders {
        if disk.is_folder(folder)? {
            disk.sync_folder(folder)?;
        }
    }
    Ok(())
}

/// What was changed by others since a transaction, and would be lost if it was taken back. The record's own files are
/// not looked at.
pub fn undo_conflicts(disk: &dyn Disk, journal: &Journal) -> io::Result<Vec<Conflict>> {
    let mut conflicts = Vec::new();
    for entry in &journal.entries {
        if entry.path.is_below(STATE) {
            continue;
        }
        let seen = see(disk, entry.path.as_str())?;
        // Nothing is lost where nothing is.
        if seen != Seen::Absent && !entry.before.is(&seen) && !same_content(entry.after, &seen) {
            conflicts.push(Conflict {
                path: entry.path.to_string(),
                what: "it was changed here since".into(),
                hint: "move it away, or --backup keeps a copy".into(),
            });
        }
    }
    Ok(conflicts)
}

fn same_content(mark: Mark, seen: &Seen) -> bool {
    match mark {
        Mark::Absent => false,
        Mark::File { sha256, .. } => matches!(seen, Seen::File { sha256: has, .. } if *has == sha256),
        Mark::Link(_) => mark.is(seen),
    }
}

/// Changes everything back to what it was before a transaction, and forgets the journal. With `live`, the mark of a
/// finished first boot does not come back, because units must be started anew.
pub fn undo(disk: &dyn Disk, journal: &Journal, owner: Owner, live: bool) -> io::Result<()> {
    if let Err(error) = progress(disk, JOURNAL, Progress::Undoing, owner) {
        // A transaction that was not done is taken back all the same; this only says that it is being.
        let begun = matches!(left(disk)?, Left::Begun(_, Progress::Applying | Progress::Undoing));
        if !begun || error.kind() != io::ErrorKind::StorageFull {
            return Err(error);
        }
    }
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for (folder, access) in journal.drop.iter().rev() {
        if !disk.is_folder(folder.as_str())? {
            disk.make_folder(folder.as_str(), access.mode, owner.map(|_| (access.uid, access.gid)))?;
        }
        folders.insert(parent(folder.as_str()));
    }
    for (at, entry) in journal.entries.iter().enumerate().rev() {
        let path = entry.path.as_str();
        let beside = waiting(path, at);
        if matches!(disk.look(&beside)?, Look::File { .. } | Look::Link(_)) {
            disk.remove(&beside)?;
        }
        if live && path == FIRST_BOOT_DONE {
            continue;
        }
        let seen = see(disk, path)?;
        if entry.before.is(&seen) {
            continue;
        }
        match entry.before {
            Mark::Absent => disk.remove(path)?,
            _ => {
                // Not a further name and then a rename: a full disk may have no room for a name.
                let old = format!("{JOURNAL}/old/{at}");
                match disk.rename(&old, path) {
                    Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                        match disk.look(&old)? {
                            Look::Link(target) => disk.symlink(&target, &beside)?,
                            _ => keep(disk, &old, &beside, owner.is_some())?,
                        }
                        disk.settle()?;
                        disk.rename(&beside, path)?;
                    }
                    done => done?,
                }
            }
        }
        folders.insert(parent(path));
    }
    for folder in journal.make.iter().rev() {
        match disk.remove_folder(folder.as_str()) {
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound) => {}
            done => done?,
        }
        folders.insert(parent(folder.as_str()));
    }
    sync(disk, &folders)?;
    retire(disk)?;
    remove_if_empty(disk, STATE)
}

/// Keeps what was changed by others beside the backups, before it is taken back.
pub fn save(disk: &dyn Disk, conflicts: &[Conflict], owner: Owner) -> io::Result<()> {
    for conflict in conflicts {
        let Ok(path) = conflict.path.parse() else { continue };
        let base = format!("{}.changed", backup(&path));
        let mut above = vec![];
        let mut folder = parent(&base);
        while !disk.is_folder(folder)? {
            above.push(folder);
            folder = parent(folder);
        }
        for folder in above.into_iter().rev() {
            disk.make_folder(folder, 0o700, owner)?;
        }
        let (mut to, mut number) = (base.clone(), 0);
        while disk.look(&to)? != Look::Absent {
            number += 1;
            to = format!("{base}.~{number}~");
        }
        match disk.look(&conflict.path)? {
            Look::Link(target) => disk.symlink(&target, &to)?,
            _ => keep(disk, &conflict.path, &to, owner.is_some())?,
        }
    }
    disk.settle()
}

/// Removes the record of a machine that has nothing of ours any more; backups that were not put back stay. The journal
/// goes last: as long as it is there, this is done again.
pub fn forget(disk: &dyn Disk) -> io::Result<()> {
    for name in disk.list(STATE)? {
        if name != "backup" && name != "journal" && name != "lock" {
            remove_tree(disk, &format!("{STATE}/{name}"))?;
        }
    }
    prune(disk, &format!("{STATE}/backup"))?;
    disk.sync_folder(STATE)?;
    retire(disk)?;
    remove_if_empty(disk, STATE)
}

/// Removes the empty folders below a folder, and it too if it is empty then.
fn prune(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    for name in disk.list(folder)? {
        let path = format!("{folder}/{name}");
        if matches!(disk.look(&path)?, Look::Folder(_)) {
            prune(disk, &path)?;
        }
    }
    remove_if_empty(disk, folder)
}

/// Makes the journal mean nothing, which takes no space, and removes it.
fn retire(disk: &dyn Disk) -> io::Result<()> {
    remove_tree(disk, GONE)?;
    if disk.is_folder(JOURNAL)? {
        disk.rename(JOURNAL, GONE)?;
        disk.sync_folder(STATE)?;
        remove_tree(disk, GONE)?;
    }
    Ok(())
}

fn remove_tree(disk: &dyn Disk, path: &str) -> io::Result<()> {
    match disk.look(path)? {
        Look::Absent => Ok(()),
        Look::Folder(_) => {
            for name in disk.list(path)? {
                remove_tree(disk, &format!("{path}/{name}"))?;
            }
            disk.remove_folder(path)
        }
        _ => disk.remove(path),
    }
}

fn remove_if_empty(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    if matches!(disk.look(folder)?, Look::Folder(_)) && disk.list(folder)?.is_empty() {
        disk.remove_folder(folder)?;
    }
    Ok(())
}
