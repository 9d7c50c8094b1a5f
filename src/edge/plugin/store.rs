//! The bytes that were trusted, and the folders plugins work in: all below one private folder, removed with it.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::Sha256;
use crate::edge::fs::{FsError, failed};
use crate::plugin::Limits;

/// How the names of private folders begin.
const NAME: &str = "nodebake-plugins-";

/// A private folder.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    next: AtomicU64,
}

impl Store {
    /// Makes one, in the system's folder for what is temporary.
    pub fn new() -> Result<Self, FsError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let above = env::temp_dir();
        let above = above.canonicalize().map_err(failed("looking at", &above))?;
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder = above.join(format!("{NAME}{}-{number}", std::process::id()));
            // Somebody else's folder is never taken, whoever guessed its name.
            match DirBuilder::new().mode(0o700).create(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made.map_err(failed("making the folder", &folder))?;
                    return Ok(Self {
                        folder,
                        next: AtomicU64::new(0),
                    });
                }
            }
        }
    }

    /// Copies a program. What is hashed is what is copied, and only the copy is ever run: whatever happens to the
    /// original afterwards changes nothing.
    pub fn keep(&self, path: &Path) -> Result<(PathBuf, Sha256), FsError> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed("opening", path))?;
        let read = file.take(Limits::PROGRAM + 1).read_to_end(&mut bytes);
        read.map_err(failed("reading", path))?;
        if bytes.len() as u64 > Limits::PROGRAM {
            let message = format!("it is larger than {} MiB", Limits::PROGRAM >> 20);
            return Err(failed("reading", path)(io::Error::other(message)));
        }
        self.keep_bytes(&bytes)
    }

    /// As [`Self::keep`], of bytes that are at hand.
    pub fn keep_bytes(&self, bytes: &[u8]) -> Result<(PathBuf, Sha256), FsError> {
        let copy = self.folder.join(format!("program-{}", self.number()));
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o500)
                .open(&copy)?;
            file.write_all(bytes)
        };
        write().map_err(failed("writing", &copy))?;
        Ok((copy, Sha256::of(bytes)))
    }

    /// An empty folder for one run.
    pub fn work(&self) -> Result<Work, FsError> {
        let folder = self.folder.join(format!("work-{}", self.number()));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(failed("making the folder", &folder))?;
        Ok(Work(folder))
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// A folder for one run, gone with it.
#[derive(Debug)]
pub struct Work(PathBuf);

impl Work {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes the private folder in which `work` is: its nodebake is gone.
pub(super) fn forsake(work: &Path) {
    let folder = work.parent().filter(|folder| {
        let name = folder.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(NAME)
    });
    if let Some(folder) = folder {
        remove(folder);
    }
}

/// Removes a folder, even one whose folders were closed to their owner.
fn remove(folder: &Path) {
    if fs::remove_dir(folder).is_ok() || fs::remove_dir_all(folder).is_ok() {
        return;
    }
    open_up(folder);
    let _ = fs::remove_dir_all(folder);
}

fn open_up(folder: &Path) {
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let _ = fs::set_permissions(&next, Permissions::from_mode(0o700));
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            // Links are not followed: the type is that of the entry itself.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
}
