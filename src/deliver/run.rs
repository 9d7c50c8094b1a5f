//! A transaction on a disk. Whatever interrupts it, what it left is found by [`left`](super::left), and
//! [`undo`](super::undo()) brings back exactly what was there.
//!
//! 1. `journal.new`: the plan, and every old file under a further name. Flushed, then renamed to `journal`.
//! 2. Folders are made, every new file is written beside its place under a name that nobody reads, and flushed.
//! 3. Renames and removals, then the record. Folders are flushed.
//! 4. The journal says `done` and stays, for a rollback.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use super::change::{After, Change, Plan, Source};
use super::disk::{Disk, Look, Seen, Sink, parent, remove_if_empty, remove_tree};
use super::journal::{GONE, JOURNAL, Journal, Left, NEXT, Progress, left, retire};
use super::supply::Supply;
use super::undo::undo;
use crate::bake::bundle::{MemberName, STATE};
use crate::base::Sha256;

/// The owner that new files get, if this user may give one.
pub(super) type Owner = Option<(u32, u32)>;

/// Carries out a plan. If something fails, all is changed back before the error is told; if that fails too, the next
/// run does it. After an uninstallation, [`forget`](super::forget) removes the record too.
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
pub(super) fn progress(disk: &dyn Disk, journal: &str, progress: Progress, owner: Owner) -> io::Result<()> {
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
pub(super) fn keep(disk: &dyn Disk, from: &str, to: &str, give_owner: bool) -> io::Result<()> {
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
pub(super) fn waiting(path: &str, at: usize) -> String {
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

pub(super) fn sync(disk: &dyn Disk, folders: &BTreeSet<&str>) -> io::Result<()> {
    disk.settle()?;
    for folder in folders {
        if disk.is_folder(folder)? {
            disk.sync_folder(folder)?;
        }
    }
    Ok(())
}
