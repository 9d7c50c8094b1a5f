//! The cache of artifacts, by their digest. Shared by every node and every process of a user; nothing in it is trusted
//! before it was hashed again.
//!
//! ```text
//! sha256/<hex>              a blob, read-only: a download, or a member of one
//! sha256/<hex>.part         one that is being loaded, locked by who loads it
//! index/<hex>.<action>      what an archive unpacks to
//! ```
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::Digest;

use super::fs::{FsError, failed, write_atomically};
use super::part::{CHUNK, Part};
use crate::base::{AbsPath, Blobs, Member, Mode, Sha256};
use crate::syntax::archive;

/// Mode of a program that is installed as it was downloaded.
const PROGRAM: u32 = 0o755;

/// The cache.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// What the cache has of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// All of it; its size in bytes.
    Whole(u64),
    /// Other bytes, which hash to this.
    Damaged(Sha256),
    /// Nothing.
    Missing,
}

impl Cache {
    /// The cache in `folder`, or where this user's caches are: `NODEBAKE_CACHE`, `XDG_CACHE_HOME/nodebake`,
    /// `~/.cache/nodebake`.
    pub fn open(folder: Option<&Path>) -> Result<Self, FsError> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = folder
            .map(Path::to_owned)
            .or_else(|| set("NODEBAKE_CACHE"))
            // The specification of XDG_CACHE_HOME: relative paths are ignored.
            .or_else(|| {
                set("XDG_CACHE_HOME")
                    .filter(|path| path.is_absolute())
                    .map(|path| path.join("nodebake"))
            })
            .or_else(|| set("HOME").map(|path| path.join(".cache/nodebake")));
        let Some(folder) = folder else {
            let error = io::Error::new(io::ErrorKind::NotFound, "HOME is not set; give a folder with --cache");
            return Err(failed("finding the", Path::new("cache"))(error));
        };
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn blob(&self, digest: &Sha256) -> PathBuf {
        self.folder.join("sha256").join(digest.to_string())
    }

    /// What there is of a blob. Reads and hashes it.
    pub fn look(&self, digest: &Sha256) -> Result<Held, FsError> {
        let path = self.blob(digest);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Held::Missing),
            file => file.map_err(failed("opening", &path))?,
        };
        let (got, size) = hash(&mut file).map_err(failed("reading", &path))?;
        Ok(if got == *digest {
            Held::Whole(size)
        } else {
            Held::Damaged(got)
        })
    }

    /// Removes a blob, such as a damaged one.
    pub fn remove(&self, digest: &Sha256) -> Result<(), FsError> {
        let path = self.blob(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(failed("removing", &path)),
        }
    }

    /// Begins, or goes on with, loading a blob; none if another process finished it. `waits` is called if another
    /// process is at it.
    pub fn load(&self, digest: &Sha256, waits: &dyn Fn()) -> Result<Option<Part>, FsError> {
        let target = self.blob(digest);
        let folder = self.folder.join("sha256");
        fs::create_dir_all(&folder).map_err(failed("making the folder", &folder))?;
        Part::open(folder.join(format!("{digest}.part")), target, *digest, waits)
    }

    /// Takes a file of this machine in, if it has the digest. Gives its size.
    pub fn take(&self, digest: &Sha256, path: &Path) -> Result<u64, FsError> {
        let mut file = File::open(path).map_err(failed("opening", path))?;
        if let Some(mut part) = self.load(digest, &|| ())? {
            // Loaded by halves from elsewhere: not worth mending.
            part.restart()?;
            part.write_all_of(&mut file)?;
            if !part.is_whole() {
                let message = format!("its sha256 is {}, not {digest}", part.digest());
                part.restart()?;
                return Err(failed("taking", path)(io::Error::other(message)));
            }
            return part.finish();
        }
        self.size(digest)
    }

    /// The size of a blob that is there.
    fn size(&self, digest: &Sha256) -> Result<u64, FsError> {
        let path = self.blob(digest);
        fs::metadata(&path)
            .map(|about| about.len())
            .map_err(|error| failed("looking at", &path)(remedy(error)))
    }

    /// What a download puts on the machine: itself at `dest` (`file`, with mode 0755, or `file0644` with another), or
    /// each of its files below `dest` (`untar0`; `untar1` without the first part of their paths). An archive is
    /// unpacked once, into blobs and an index; a damaged index is made again.
    pub fn members(&self, digest: &Sha256, action: &str, dest: &AbsPath) -> Result<Vec<Member>, FsError> {
        let path = self.blob(digest);
        let wrong = |why: String| failed("unpacking", &path)(io::Error::other(why));
        if let Some(mode) = action.strip_prefix("file") {
            let mode = if mode.is_empty() {
                Mode::from_bits(PROGRAM)
            } else {
                mode.parse().map_err(wrong)?
            };
            return Ok(vec![Member {
                path: dest.clone(),
                mode,
                size: self.size(digest)?,
                sha256: *digest,
            }]);
        }
        let strip = match action {
            "untar0" => 0,
            "untar1" => 1,
            _ => return Err(wrong(format!("there is no action `{action}`"))),
        };
        let index = self.index(digest, action);
        let files = match self.read_index(&index) {
            Some(files) => files,
            None => self.unpack(digest, strip, &index)?,
        };
        files
            .into_iter()
            .map(|file| {
                let path = format!("{}/{}", dest.as_str(), file.path).parse().map_err(wrong)?;
                Ok(Member {
                    path,
                    mode: file.mode,
                    size: file.size,
                    sha256: file.sha256,
                })
            })
            .collect()
    }

    /// Removes what an archive was unpacked to, where it is damaged, so that it is unpacked again. Says whether there
    /// was anything.
    pub fn mend(&self, archive: &Sha256) -> Result<bool, FsError> {
        let mut damaged = false;
        for action in ["untar0", "untar1"] {
            let index = self.index(archive, action);
            let Ok(text) = fs::read_to_string(&index) else {
                continue;
            };
            for file in parse_index(&text).unwrap_or_default() {
                if matches!(self.look(&file.sha256)?, Held::Damaged(_)) {
                    self.remove(&file.sha256)?;
                    damaged = true;
                }
            }
        }
        Ok(damaged)
    }

    fn index(&self, archive: &Sha256, action: &str) -> PathBuf {
        self.folder.join("index").join(format!("{archive}.{action}"))
    }

    /// The files of an index, if it is whole and all its blobs are there.
    fn read_index(&self, path: &Path) -> Option<Vec<Indexed>> {
        let text = fs::read_to_string(path).ok()?;
        let files = parse_index(&text)?;
        let there = |file: &Indexed| self.size(&file.sha256).is_ok_and(|size| size == file.size);
        files.iter().all(there).then_some(files)
    }

    /// Unpacks an archive into blobs, and writes its index.
    fn unpack(&self, digest: &Sha256, strip: usize, index: &Path) -> Result<Vec<Indexed>, FsError> {
        let path = self.blob(digest);
        let mut file = File::open(&path).map_err(|error| failed("unpacking", &path)(remedy(error)))?;
        let folder = self.folder.join("sha256");
        let mut archive = Hashing {
            inner: &mut file,
            hasher: sha2::Sha256::new(),
        };
        let mut files = Vec::new();
        let unpacked = archive::unpack(&mut archive, strip, |packed, bytes| {
            let sha256 = store(&folder, bytes)?;
            files.push(Indexed {
                sha256,
                mode: packed.mode,
                size: packed.size,
                path: packed.path.clone(),
            });
            Ok(())
        });
        let rest = io::copy(&mut archive, &mut io::sink());
        let got = Sha256::from_bytes(archive.hasher.finalize().into());
        rest.map_err(failed("reading", &path))?;
        if got != *digest {
            return Err(failed("reading", &path)(damaged(got)));
        }
        unpacked.map_err(|error| failed("unpacking", &path)(io::Error::other(error)))?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        write_atomically(index, index_text(&files).as_bytes(), 0o644)?;
        Ok(files)
    }
}

impl Blobs for Cache {
    fn open(&self, digest: &Sha256) -> io::Result<Box<dyn Read + Send>> {
        let path = self.blob(digest);
        let file = File::open(&path).map_err(|error| failed("opening", &path)(remedy(error)));
        Ok(Box::new(file.map_err(io::Error::other)?))
    }
}

/// What to do about a blob that is not there.
fn remedy(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound {
        return io::Error::new(error.kind(), "it is not in the cache; run `nodebake fetch`");
    }
    error
}

fn damaged(got: Sha256) -> io::Error {
    io::Error::other(format!(
        "it is damaged, its bytes hash to {got}; run `nodebake fetch` to load it again"
    ))
}

fn hash(from: &mut impl Read) -> io::Result<(Sha256, u64)> {
    let mut from = Hashing {
        inner: from,
        hasher: sha2::Sha256::new(),
    };
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => size += read as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((Sha256::from_bytes(from.hasher.finalize().into()), size))
}

/// Writes a blob whose digest is not known yet. Gives the digest.
fn store(folder: &Path, from: &mut dyn Read) -> io::Result<Sha256> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!("unpacking.{}.{number}", std::process::id()));
    let mut write = || -> io::Result<Sha256> {
        let mut file = File::create(&temporary)?;
        let mut from = Hashing {
            inner: &mut *from,
            hasher: sha2::Sha256::new(),
        };
        io::copy(&mut from, &mut file)?;
        let digest = Sha256::from_bytes(from.hasher.finalize().into());
        super::part::publish(&file, &temporary, &folder.join(digest.to_string()))?;
        Ok(digest)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Hashes what passes.
struct Hashing<'r, R: ?Sized> {
    inner: &'r mut R,
    hasher: sha2::Sha256,
}

impl<R: Read + ?Sized> Read for Hashing<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hasher.update(&into[..read]);
        Ok(read)
    }
}

/// A line of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Indexed {
    sha256: Sha256,
    mode: Mode,
    size: u64,
    path: String,
}

/// First line of an index, before the digest of the others.
const INDEX: &str = "# nodebake index v1 ";

fn index_text(files: &[Indexed]) -> String {
    let mut lines = String::new();
    for file in files {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{} {} {} {}", file.sha256, file.mode, file.size, file.path);
    }
    format!("{INDEX}{}\n{lines}", Sha256::of(lines.as_bytes()))
}

/// Reads an index back; none if anything is wrong with it.
fn parse_index(text: &str) -> Option<Vec<Indexed>> {
    let (head, lines) = text.split_once('\n')?;
    if head.strip_prefix(INDEX)? != Sha256::of(lines.as_bytes()).to_string() {
        return None;
    }
    lines
        .lines()
        .map(|line| {
            let mut words = line.splitn(4, ' ');
            Some(Indexed {
                sha256: words.next()?.parse().ok()?,
                mode: words.next()?.parse().ok()?,
                size: words.next()?.parse().ok()?,
                path: words.next()?.to_owned(),
            })
        })
        .collect()
}
