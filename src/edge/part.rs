//! A blob on its way into the cache.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::Digest;

use super::fs::{FsError, failed};
use crate::base::Sha256;

/// How much is read at once.
pub(super) const CHUNK: usize = 256 << 10;

/// The unfinished file of one blob. It is locked while it is held, so that two processes do not load the same thing
/// twice; the kernel unlocks it when its process ends, however that ends. It gets its final name when its bytes have
/// the digest they must have, and not before.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    target: PathBuf,
    wanted: Sha256,
    file: File,
    hasher: sha2::Sha256,
    len: u64,
}

impl Part {
    /// Opens and locks `path`, which becomes `target`; goes on with what an earlier process left in it. None if the
    /// blob was finished by another process in the meantime. `waits` is called if somebody else holds it.
    pub(super) fn open(
        path: PathBuf,
        target: PathBuf,
        wanted: Sha256,
        waits: &dyn Fn(),
    ) -> Result<Option<Self>, FsError> {
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(&path)
                .map_err(failed("opening", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    waits();
                    file.lock().map_err(failed("locking", &path))?;
                }
                Err(TryLockError::Error(error)) => return Err(failed("locking", &path)(error)),
            }
            let ours = file.metadata().map_err(failed("looking at", &path))?;
            // Who held it before may have finished it, or thrown it away: then this is no longer the file at its path.
            let there = fs::symlink_metadata(&path).is_ok_and(|there| there.ino() == ours.ino());
            if target.exists() {
                if there && ours.len() == 0 {
                    // Made by us just now.
                    fs::remove_file(&path).map_err(failed("removing", &path))?;
                }
                return Ok(None);
            }
            if !there {
                continue;
            }
            let mut part = Self {
                path,
                target,
                wanted,
                file,
                hasher: sha2::Sha256::new(),
                len: 0,
            };
            part.read_again().map_err(failed("reading", &part.path))?;
            return Ok(Some(part));
        }
    }

    /// Hashes what is there already.
    fn read_again(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            match self.file.read(&mut buffer)? {
                0 => return Ok(()),
                read => {
                    self.hasher.update(&buffer[..read]);
                    self.len += read as u64;
                }
            }
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.file.write_all(bytes).map_err(failed("writing", &self.path))
    }

    /// Adds everything that `from` has.
    pub fn write_all_of(&mut self, from: &mut dyn Read) -> Result<(), FsError> {
        let mut buffer = vec![0; CHUNK];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.write(&buffer[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("reading what goes into", &self.path)(error)),
            }
        }
    }

    /// Throws away what there is.
    pub fn restart(&mut self) -> Result<(), FsError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(failed("emptying", &self.path))?;
        self.hasher = sha2::Sha256::new();
        self.len = 0;
        Ok(())
    }

    /// The digest of the bytes so far.
    pub fn digest(&self) -> Sha256 {
        Sha256::from_bytes(self.hasher.clone().finalize().into())
    }

    /// Whether the bytes so far are the blob.
    pub fn is_whole(&self) -> bool {
        self.digest() == self.wanted
    }

    /// Gives the blob its final name, read-only. What is not whole is refused.
    pub fn finish(self) -> Result<u64, FsError> {
        if !self.is_whole() {
            let message = format!("its bytes hash to {}, not {}", self.digest(), self.wanted);
            return Err(failed("finishing", &self.path)(io::Error::other(message)));
        }
        publish(&self.file, &self.path, &self.target).map_err(failed("finishing", &self.target))?;
        Ok(self.len)
    }
}

/// Flushes a file to the disk and moves it to its final name, read-only.
pub(super) fn publish(file: &File, from: &Path, to: &Path) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(0o444))?;
    file.sync_all()?;
    fs::rename(from, to)?;
    match to.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
