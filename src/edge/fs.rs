//! The disk. Reads name their file in every error; writes are whole or not at all.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::steady::steadily;
use crate::base::{Finding, OnDisk, Severity, Sha256, Source};

/// Largest file that is read at all: four times what a text may have, so that its size can still be told.
const READ_LIMIT: u64 = 64 << 20;

/// An error with the file it concerns.
#[derive(Debug)]
pub struct FsError {
    /// What was tried.
    pub doing: &'static str,
    /// With which file.
    pub path: PathBuf,
    /// What went wrong.
    pub error: io::Error,
}

impl std::fmt::Display for FsError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}: {}", self.doing, self.path.display(), self.error)
    }
}

impl std::error::Error for FsError {}

pub(super) fn failed<'p>(doing: &'static str, path: &'p Path) -> impl Fn(io::Error) -> FsError + 'p {
    move |error| FsError {
        doing,
        path: path.to_owned(),
        error,
    }
}

/// The text of a file, as the user named it.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn read_source(path: &Path) -> Result<Arc<Source>, Box<Finding>> {
    let name = path.display().to_string();
    let unreadable = |error: io::Error| {
        Box::new(Finding::new(
            Severity::Error,
            "file/unreadable",
            format!("{name} cannot be read: {error}"),
        ))
    };
    // What people write fits, and is read at once.
    let mut bytes = Vec::with_capacity(16 * 1024);
    let file = File::open(path).map_err(unreadable)?;
    file.take(READ_LIMIT).read_to_end(&mut bytes).map_err(unreadable)?;
    Source::from_bytes(&name, &bytes)
}

/// The bytes of a file, as large as a request to a plugin may be.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FsError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed("opening", path))?;
    let read = file.take(READ_LIMIT).read_to_end(&mut bytes);
    read.map_err(failed("reading", path))?;
    Ok(bytes)
}

/// The digest of a file and its size in bytes, however large it is.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn digest(path: &Path) -> Result<(Sha256, u64), FsError> {
    use sha2::Digest as _;
    let mut file = File::open(path).map_err(failed("opening", path))?;
    let mut digest = sha2::Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let read = file.read(&mut chunk).map_err(failed("reading", path))?;
        if read == 0 {
            return Ok((Sha256::from_bytes(digest.finalize().into()), size));
        }
        digest.update(&chunk[..read]);
        size += read as u64;
    }
}

/// The path from the root on, without links.
pub fn whole_path(path: &Path) -> Result<PathBuf, FsError> {
    path.canonicalize().map_err(failed("looking at", path))
}

/// Every file below `folder`, with its path relative to it, sorted. Links are followed no further than the folder.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn walk(folder: &Path) -> Result<Vec<(String, PathBuf)>, FsError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).map_err(failed("reading the folder", &next))? {
            let entry = entry.map_err(failed("reading the folder", &next))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed("looking at", &path))?;
            if kind.is_dir() {
                open.push(path);
            } else {
                let relative = path
                    .strip_prefix(folder)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .into_owned();
                found.push((relative, path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// All that lies at `roots` of `folder` and below them, by its path in `folder`. Files are read up to `limit` bytes; no
/// link is followed and no pipe opened.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn read_tree(folder: &Path, roots: &[&str], limit: u64) -> Result<BTreeMap<String, OnDisk>, FsError> {
    // Says it if there is no such folder.
    fs::read_dir(folder).map_err(failed("reading the folder", folder))?;
    let mut found = BTreeMap::new();
    let mut open: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
    while let Some(name) = open.pop() {
        let path = folder.join(&name);
        let about = match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            about => about.map_err(failed("looking at", &path))?,
        };
        let what = if about.is_dir() {
            for entry in fs::read_dir(&path).map_err(failed("reading the folder", &path))? {
                let entry = entry.map_err(failed("reading the folder", &path))?;
                open.push(format!("{name}/{}", entry.file_name().to_string_lossy()));
            }
            OnDisk::Folder
        } else if about.is_symlink() {
            OnDisk::Link
        } else if !about.is_file() {
            OnDisk::Special
        } else if about.len() > limit {
            OnDisk::Large(about.len())
        } else {
            OnDisk::File {
                bytes: fs::read(&path).map_err(failed("reading", &path))?,
                executable: about.permissions().mode() & 0o100 != 0,
            }
        };
        found.insert(name, what);
    }
    Ok(found)
}

/// The names of the folders in `folder` that have a file `mark`, sorted; none if it is not there.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn marked_folders(folder: &Path, mark: &str) -> Result<Vec<String>, FsError> {
    let mut names = Vec::new();
    if exists(folder) {
        for entry in fs::read_dir(folder).map_err(failed("reading the folder", folder))? {
            let entry = entry.map_err(failed("reading the folder", folder))?;
            if exists(&entry.path().join(mark)) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Writes `bytes` to `path` as a whole, in a folder that is made if it is not there. When it returns the file is on the
/// disk; a kill at any instant leaves the old file or the new one. A device or a pipe at `path` is written to, not
/// replaced: who names `/dev/null` wants it to be there afterwards.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    settled(path, mode, |out| out.write_all(bytes).map_err(failed("writing", path)))
}

/// As [`write_atomically`], what `fill` writes, however large it is. If it fails, what was at `path` stays.
pub fn stream_atomically<E: From<FsError>>(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), E>,
) -> Result<(), E> {
    if is_special(path) {
        return stream(path, mode, |out| fill(out));
    }
    settled(path, mode, |out| {
        steadily(out, fill).map_err(failed("writing", path))?
    })
}

/// A file and its name, both on the disk.
fn settled<E: From<FsError>>(path: &Path, mode: u32, fill: impl FnOnce(&mut File) -> Result<(), E>) -> Result<(), E> {
    if is_special(path) {
        return stream(path, mode, fill);
    }
    let folder = folder_of(path);
    make_folder(folder)?;
    stream(path, mode, fill)?;
    Ok(settle(folder)?)
}

/// As [`write_atomically`], in a folder that is there. That the file has its new name is sure only when the folder is
/// [settled](settle): once for all files in it.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    stream(path, mode, |out| out.write_all(bytes).map_err(failed("writing", path)))
}

/// To a temporary file beside `path`, flushed to the disk, then renamed over it.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
fn stream<E: From<FsError>>(path: &Path, mode: u32, fill: impl FnOnce(&mut File) -> Result<(), E>) -> Result<(), E> {
    if is_special(path) {
        let opened = OpenOptions::new().write(true).open(path);
        return fill(&mut opened.map_err(failed("writing", path))?);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder_of(path).join(format!(".{name}.{}.new", std::process::id()));
    let write = || -> Result<(), E> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&temporary)
            .map_err(failed("writing", path))?;
        fill(&mut file)?;
        let finish = || -> io::Result<()> {
            // The mode at creation is cut by the umask; the file's own is not.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        Ok(finish().map_err(failed("writing", path))?)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a folder and those above it.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn make_folder(folder: &Path) -> Result<(), FsError> {
    fs::create_dir_all(folder).map_err(failed("making the folder", folder))
}

/// Flushes the names in `folder` to the disk.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn settle(folder: &Path) -> Result<(), FsError> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(failed("writing", folder))
}

/// Whether something is at `path`.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Removes a file.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn remove(path: &Path) -> Result<(), FsError> {
    fs::remove_file(path).map_err(failed("removing", path))
}

/// Removes the folders `from` and above it, below `root`, as long as they are empty.
pub fn remove_empty(root: &Path, from: &Path) {
    let mut next = Some(from);
    while let Some(folder) = next.filter(|folder| folder.starts_with(root) && *folder != root) {
        // A folder that is not empty stays, and with it those above it.
        if fs::remove_dir(folder).is_err() {
            return;
        }
        next = folder.parent();
    }
}
