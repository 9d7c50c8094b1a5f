//! Folders that are missing, and folders of ours that will be empty.

use std::collections::BTreeSet;
use std::io;

use super::Planner;
use crate::bake::bundle::STATE;
use crate::base::AbsPath;
use crate::deliver::{After, Look, Seen, parent, see};

impl Planner<'_> {
    /// Folders above what is written.
    pub(super) fn make_folders(&mut self) -> io::Result<()> {
        let mut known = BTreeSet::from(["/".to_owned(), STATE.to_owned()]);
        let targets: Vec<String> = self
            .plan
            .changes
            .iter()
            .filter(|change| change.after != After::Absent)
            .map(|change| change.path.clone())
            .collect();
        for path in targets {
            let mut above = Vec::new();
            let mut folder = parent(&path);
            while known.insert(folder.to_owned()) {
                above.push(folder.to_owned());
                folder = parent(folder);
            }
            for folder in above.into_iter().rev() {
                if self.disk.is_folder(&folder)? {
                    continue;
                }
                match see(self.disk, &folder)? {
                    Seen::Absent => {
                        let private = folder.starts_with(&format!("{STATE}/backup"));
                        self.plan
                            .make
                            .push((folder.clone(), if private { 0o700 } else { 0o755 }));
                        if !folder.starts_with(STATE) {
                            let folder: AbsPath = folder
                                .parse()
                                .map_err(|why: String| io::Error::new(io::ErrorKind::InvalidData, why))?;
                            if !self.new.dirs.contains(&folder) {
                                self.new.dirs.push(folder);
                            }
                        }
                    }
                    other => self.conflict(
                        &folder,
                        format!("{} is there, and a folder is needed", other.word()),
                        "move it away",
                    ),
                }
            }
        }
        Ok(())
    }

    /// Folders of ours that will be empty.
    pub(super) fn drop_folders(&mut self) -> io::Result<()> {
        let mut gone: BTreeSet<String> = BTreeSet::new();
        let mut comes: BTreeSet<String> = self.plan.make.iter().map(|(path, _)| path.clone()).collect();
        for change in &self.plan.changes {
            if change.after == After::Absent {
                gone.insert(change.path.clone());
            } else {
                comes.insert(change.path.clone());
            }
        }
        for folder in self.old.dirs.clone().into_iter().rev() {
            let Look::Folder(access) = self.disk.look(folder.as_str())? else {
                continue;
            };
            let below = format!("{folder}/");
            let names = self.disk.list(folder.as_str())?;
            if !comes.iter().any(|path| path.starts_with(&below))
                && names.iter().all(|name| gone.contains(&format!("{below}{name}")))
            {
                gone.insert(folder.to_string());
                self.plan.drop.push((folder.to_string(), access));
                self.new.dirs.retain(|known| *known != folder);
            }
        }
        Ok(())
    }
}
