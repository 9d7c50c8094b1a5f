//! Whether a machine still has what was installed.

use std::collections::BTreeMap;
use std::io;

use super::disk::{Disk, Seen, see, text};
use super::ledger::Record;
use crate::bake::bundle::parse_list;

/// The install list of what is installed, as the bundle had it.
pub const LIST: &str = "/var/lib/nodebake/install.list";

/// A file that is not what was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Where.
    pub path: String,
    /// What differs.
    pub what: String,
}

/// Every file of the ledger that is not what was installed, by content, mode and owner, sorted.
pub fn drift(disk: &dyn Disk, record: &Record, owner: Option<(u32, u32)>) -> io::Result<Vec<Drift>> {
    let mut modes = BTreeMap::new();
    if let Some(list) = text(disk, LIST)? {
        let list = parse_list(&list).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        modes.extend(list.into_iter().map(|line| (line.file.path, line.file.mode.bits())));
    }
    let mut found = Vec::new();
    for (path, owned) in &record.files {
        let seen = see(disk, path.as_str())?;
        let what = match &seen {
            Seen::Absent => "it is missing".to_owned(),
            Seen::Folder | Seen::Special => format!("{} is there instead", seen.word()),
            _ if seen.sha256() != Some(owned.sha256) => "its content was changed".to_owned(),
            Seen::File { access, .. } if !record.adopted.contains(path) => {
                let wrong_mode = modes.get(path).filter(|mode| **mode != access.mode);
                let wrong_owner = owner.filter(|owner| *owner != (access.uid, access.gid));
                match (wrong_mode, wrong_owner) {
                    (Some(mode), _) => format!("its mode is {:04o} instead of {mode:04o}", access.mode),
                    (None, Some((uid, gid))) => {
                        format!("its owner is {}:{} instead of {uid}:{gid}", access.uid, access.gid)
                    }
                    (None, None) => continue,
                }
            }
            _ => continue,
        };
        found.push(Drift {
            path: path.to_string(),
            what,
        });
    }
    Ok(found)
}
