//! A real disk below a root. Paths are walked one name at a time with open folders, and links are followed by hand:
//! `..` at the root stays there and an absolute link begins at the root again, so that no link leads out of it,
//! whatever somebody changes meanwhile. (`openat2` could do the walk, but Linux has it since 5.6, and Ubuntu 20.04 runs
//! 5.4.)

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid};

use crate::deliver::{Access, Disk, Look, Sink};

/// As many links as the kernel follows in one path.
const MOST_LINKS: usize = 40;
/// Waits for the disk overlap, and a journalling file system writes several files' metadata at once.
const FLUSHERS: usize = 4;

/// The disk below a root.
#[derive(Debug)]
pub struct RootDisk {
    root: OwnedFd,
    flushing: Mutex<Option<Flushing>>,
}

#[derive(Debug)]
struct Flushing {
    queues: Vec<SyncSender<File>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    next: usize,
}

/// A folder that is opened only to be walked through.
fn folder_flags() -> OFlags {
    OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

impl RootDisk {
    /// Opens the folder `root`.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::openat(
            CWD,
            root,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self {
            root,
            flushing: Mutex::new(None),
        })
    }

    /// Walks to `path`. With `follow`, the last name may be a link too. Gives the folder and the name in it; no name if
    /// the walk ends at a folder that was reached through `..` or the root.
    fn walk(&self, path: &str, follow: bool) -> io::Result<(OwnedFd, String)> {
        let mut names: Vec<String> = path
            .split('/')
            .filter(|name| !name.is_empty())
            .rev()
            .map(str::to_owned)
            .collect();
        let mut above = vec![self.root.try_clone()?];
        let mut links = 0;
        while let Some(name) = names.pop() {
            let here = above.last().ok_or_else(|| io::Error::other("no root"))?;
            match name.as_str() {
                "." => continue,
                ".." => {
                    if above.len() > 1 {
                        above.pop();
                    }
                    continue;
                }
                _ => {}
            }
            if names.is_empty() && !follow {
                return Ok((here.try_clone()?, name));
            }
            match rustix::fs::readlinkat(here, &name, Vec::new()) {
                Ok(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(rustix::io::Errno::LOOP.into());
                    }
                    let target = target
                        .into_string()
                        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a link that is not text"))?;
                    if target.starts_with('/') {
                        above.truncate(1);
                    }
                    names.extend(
                        target
                            .split('/')
                            .filter(|name| !name.is_empty())
                            .rev()
                            .map(str::to_owned),
                    );
                    // A link to `/` or `.`: the walk ends at the folder itself.
                    if names.is_empty() {
                        break;
                    }
                }
                Err(rustix::io::Errno::INVAL) if names.is_empty() => return Ok((here.try_clone()?, name)),
                Err(rustix::io::Errno::INVAL) => {
                    above.push(rustix::fs::openat(here, &name, folder_flags(), Mode::empty())?);
                }
                Err(other) => return Err(other.into()),
            }
        }
        let here = above.pop().ok_or_else(|| io::Error::other("no root"))?;
        Ok((here, ".".into()))
    }

    /// The folder that `path` is in, and its name there.
    fn place(&self, path: &str) -> io::Result<(OwnedFd, String)> {
        let (folder, name) = self.walk(path, false)?;
        if name == "." {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the root itself"));
        }
        Ok((folder, name))
    }

    /// Opens the folder `path`, through links.
    fn folder(&self, path: &str) -> io::Result<OwnedFd> {
        let (above, name) = self.walk(path, true)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(above, name, flags, Mode::empty())?)
    }

    /// Opens the regular file `path`, through links inside of the root.
    pub fn read_through_links(&self, path: &str) -> io::Result<File> {
        open_file(self.walk(path, true)?)
    }

    /// The file system of the nearest folder above `path` that is there: its device, and its free bytes.
    pub fn space(&self, path: &str) -> io::Result<(u64, u64)> {
        let mut folder = crate::deliver::parent(path);
        loop {
            match self.folder(folder) {
                Ok(open) => {
                    let about = rustix::fs::fstatvfs(&open)?;
                    let device = rustix::fs::fstat(&open)?.st_dev;
                    return Ok((device, about.f_bavail.saturating_mul(about.f_frsize)));
                }
                Err(_) if folder != "/" => folder = crate::deliver::parent(folder),
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens the folder `path` as something to lock.
    pub fn open_folder(&self, path: &str) -> io::Result<OwnedFd> {
        self.folder(path)
    }

    fn flush(&self, file: File) -> io::Result<()> {
        let mut flushing = self.flushing.lock().map_err(|_| io::Error::other("a flush broke"))?;
        let flushing = flushing.get_or_insert_with(|| {
            let mut all = Flushing {
                queues: Vec::new(),
                threads: Vec::new(),
                next: 0,
            };
            for _ in 0..FLUSHERS {
                let (queue, files) = sync_channel::<File>(16);
                all.queues.push(queue);
                all.threads.push(std::thread::spawn(move || {
                    // The first error counts; the rest is taken off the queue, so that nobody waits for ever.
                    let mut first = Ok(());
                    for file in files {
                        let flushed = file.sync_all();
                        first = first.and(flushed);
                    }
                    first
                }));
            }
            all
        });
        flushing.next = (flushing.next + 1) % FLUSHERS;
        flushing.queues[flushing.next]
            .send(file)
            .map_err(|_| io::Error::other("a flush broke"))
    }
}

fn open_file((folder, name): (OwnedFd, String)) -> io::Result<File> {
    // Not blocking, for a pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

struct Writing<'d> {
    disk: &'d RootDisk,
    file: File,
}

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Writing<'_> {
    fn finish(self: Box<Self>, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        if let Some((uid, gid)) = owner {
            rustix::fs::fchown(&self.file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        // After the owner: a change of owner takes set-user-ID away.
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))?;
        self.disk.flush(self.file)
    }
}

impl Disk for RootDisk {
    fn look(&self, path: &str) -> io::Result<Look> {
        let (folder, name) = match self.walk(path, false) {
            Err(error) if absent(&error) => return Ok(Look::Absent),
            place => place?,
        };
        let about = match rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => return Ok(Look::Absent),
            about => about?,
        };
        let access = Access {
            mode: about.st_mode & 0o7777,
            uid: about.st_uid,
            gid: about.st_gid,
        };
        Ok(match FileType::from_raw_mode(about.st_mode) {
            FileType::RegularFile => Look::File {
                size: u64::try_from(about.st_size).unwrap_or_default(),
                access,
            },
            FileType::Directory => Look::Folder(access),
            FileType::Symlink => match rustix::fs::readlinkat(&folder, &name, Vec::new())?.into_string() {
                Ok(target) => Look::Link(target),
                Err(_) => Look::Special,
            },
            _ => Look::Special,
        })
    }

    fn is_folder(&self, path: &str) -> io::Result<bool> {
        match self.walk(path, true) {
            Err(error) if absent(&error) => Ok(false),
            Err(error) => Err(error),
            Ok((above, name)) => match rustix::fs::statat(&above, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(rustix::io::Errno::NOENT) => Ok(false),
                about => Ok(FileType::from_raw_mode(about?.st_mode) == FileType::Directory),
            },
        }
    }

    fn read(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(open_file(self.place(path)?)?))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let folder = match self.folder(path) {
            Err(error) if absent(&error) => return Ok(Vec::new()),
            folder => folder?,
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(folder.as_fd())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn Sink + '_>> {
        let (folder, name) = self.place(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Nobody else may read it before it has its own mode.
        let file = File::from(rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        Ok(Box::new(Writing { disk: self, file }))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from, old), (to, new)) = (self.place(from)?, self.place(to)?);
        Ok(rustix::fs::linkat(from, old, to, new, AtFlags::empty())?)
    }

    fn symlink(&self, target: &str, at: &str) -> io::Result<()> {
        let (folder, name) = self.place(at)?;
        Ok(rustix::fs::symlinkat(target, folder, name)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from, old), (to, new)) = (self.place(from)?, self.place(to)?);
        Ok(rustix::fs::renameat(from, old, to, new)?)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (folder, name) = self.place(path)?;
        Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?)
    }

    fn make_folder(&self, path: &str, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        let (folder, name) = self.place(path)?;
        // With its mode from the first, for whoever is killed before the next line; the umask may take from it.
        rustix::fs::mkdirat(&folder, &name, Mode::from_raw_mode(mode))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(folder, name, flags, Mode::empty())?;
        if let Some((uid, gid)) = owner {
            rustix::fs::fchown(&made, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        Ok(rustix::fs::fchmod(made, Mode::from_raw_mode(mode))?)
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        let (folder, name) = self.place(path)?;
        Ok(rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.folder(path)?)?)
    }

    fn settle(&self) -> io::Result<()> {
        let flushing = self
            .flushing
            .lock()
            .map_err(|_| io::Error::other("a flush broke"))?
            .take();
        let Some(Flushing { queues, threads, .. }) = flushing else {
            return Ok(());
        };
        drop(queues);
        let mut first = Ok(());
        for thread in threads {
            let flushed = thread.join().map_err(|_| io::Error::other("a flush broke"))?;
            first = first.and(flushed);
        }
        first
    }
}
