//! Gzip tar archives that somebody else made: what is in them is taken only if it is plain files at clean places.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use crate::base::Mode;

/// Most files an archive may have.
const MAX_FILES: usize = 100_000;

/// Most bytes its files may have together: more than any driver package, less than a disk.
const MAX_BYTES: u64 = 32 << 30;

/// What tar gives a file where neither owner nor permissions are kept: the bits of its header, cut by umask 022.
const KEPT_BITS: u32 = 0o755;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Where it is: clean, relative, printable ASCII without blanks.
    pub path: String,
    /// Its mode as the machine will have it.
    pub mode: Mode,
    /// Its size, in bytes.
    pub size: u64,
}

/// Why an archive is not taken.
#[derive(Debug)]
pub enum ArchiveError {
    /// A member that is no plain file at a clean place: its name, and what is wrong with it.
    Member(String, String),
    /// More files, or more bytes, than an archive may have.
    TooLarge,
    /// Not a gzip tar, cut off, or unreadable.
    Read(io::Error),
    /// Whoever took a file failed.
    Write(io::Error),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name, why) => write!(out, "its member {name:?} {why}"),
            Self::TooLarge => write!(
                out,
                "it unpacks to more than {MAX_FILES} files or {} GiB",
                MAX_BYTES >> 30
            ),
            Self::Read(error) => write!(out, "it is no whole gzip tar: {error}"),
            Self::Write(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for ArchiveError {}

/// Hands every file of a gzip tar to `take`, in the order of the archive, without the first `strip` parts of its path.
/// Members whose whole path is stripped are left out, as tar does; folders come from the paths of the files. Links,
/// devices, `..`, absolute paths, and two files at one place are refused.
pub fn unpack(
    archive: impl Read,
    strip: usize,
    mut take: impl FnMut(&Packed, &mut dyn Read) -> io::Result<()>,
) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(archive));
    let mut seen = BTreeSet::new();
    let mut bytes = 0_u64;
    for entry in archive.entries().map_err(ArchiveError::Read)? {
        let mut entry = entry.map_err(ArchiveError::Read)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let refuse = |why: &str| ArchiveError::Member(name.clone(), why.to_owned());
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
            EntryType::XGlobalHeader => continue,
            EntryType::Symlink | EntryType::Link => return Err(refuse("is a link")),
            _ => return Err(refuse("is no plain file")),
        }
        let folder = entry.header().entry_type() == EntryType::Directory || name.ends_with('/');
        let Some(path) = clean(&name, strip).map_err(refuse)? else {
            continue;
        };
        if folder {
            continue;
        }
        let size = entry.size();
        bytes = bytes.saturating_add(size);
        if bytes > MAX_BYTES || seen.len() >= MAX_FILES {
            return Err(ArchiveError::TooLarge);
        }
        if !seen.insert(path.clone()) {
            return Err(refuse("is there twice"));
        }
        let bits = entry.header().mode().map_err(ArchiveError::Read)?;
        let packed = Packed {
            path,
            mode: Mode::from_bits(bits & KEPT_BITS),
            size,
        };
        let mut counted = Counted {
            inner: &mut entry,
            count: 0,
            failed: None,
        };
        let taken = take(&packed, &mut counted);
        if let Some(error) = counted.failed {
            return Err(ArchiveError::Read(error));
        }
        taken.map_err(ArchiveError::Write)?;
        if counted.count != size {
            return Err(ArchiveError::Read(io::ErrorKind::UnexpectedEof.into()));
        }
    }
    Ok(())
}

/// The path without its first parts; none if nothing is left of it.
fn clean(name: &str, strip: usize) -> Result<Option<String>, &'static str> {
    if name.starts_with('/') {
        return Err("has an absolute path");
    }
    if name.len() > 4096 {
        return Err("has a path of more than 4096 bytes");
    }
    if !name.chars().all(|c| c.is_ascii_graphic()) {
        return Err("has letters in its path that are not printable ASCII");
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    if parts.contains(&"..") {
        return Err("leads out of its folder");
    }
    // tar counts a leading `.` as a part.
    let left: Vec<&str> = parts.into_iter().skip(strip).filter(|part| *part != ".").collect();
    Ok(if left.is_empty() { None } else { Some(left.join("/")) })
}

/// Counts what was read, and keeps what went wrong with it.
struct Counted<'r, R> {
    inner: &'r mut R,
    count: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(into) {
            Ok(read) => {
                self.count += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                self.failed = Some(error);
                Err(told)
            }
        }
    }
}
