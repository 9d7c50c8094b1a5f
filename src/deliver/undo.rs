//! Taking a transaction back, and forgetting it.

use std::collections::BTreeSet;
use std::io;

use super::change::Conflict;
use super::disk::{Disk, Look, Seen, parent, prune, remove_if_empty, remove_tree, see};
use super::journal::{JOURNAL, Journal, Left, Mark, Progress, left, retire};
use super::ledger::backup;
use super::plan::FIRST_BOOT_DONE;
use super::run::{Owner, keep, progress, sync, waiting};
use crate::bake::bundle::STATE;

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
