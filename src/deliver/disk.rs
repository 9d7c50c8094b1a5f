//! What an installation needs of a disk. Paths are absolute on the machine that is installed to; who implements this
//! keeps them inside of its root.

use std::io::{self, Read, Write};

use crate::base::Sha256;

/// What lies at a path; a link itself, not where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Nothing, or a folder above it is not there.
    Absent,
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// Permissions and owner.
        access: Access,
    },
    /// A symbolic link.
    Link(String),
    /// A folder.
    Folder(Access),
    /// A device, a pipe, a socket.
    Special,
}

/// Permissions and owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Permission bits.
    pub mode: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A file that is being written.
pub trait Sink: Write {
    /// Gives it permissions, and an owner if there is one to give, and has it reach the disk: at the latest, the next
    /// [`Disk::settle`] waits for that.
    fn finish(self: Box<Self>, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()>;
}

/// A disk, or the part of it below a root.
pub trait Disk {
    /// What lies at `path`.
    fn look(&self, path: &str) -> io::Result<Look>;
    /// Whether `path` is a folder, or a link that leads to one inside of the root.
    fn is_folder(&self, path: &str) -> io::Result<bool>;
    /// Opens the regular file at `path`, and no link.
    fn read(&self, path: &str) -> io::Result<Box<dyn Read + '_>>;
    /// The names in a folder, sorted; none if it is not there.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;
    /// Makes a new file; fails if something is there.
    fn create(&self, path: &str) -> io::Result<Box<dyn Sink + '_>>;
    /// Gives the file `from` the further name `to`. [`io::ErrorKind::CrossesDevices`] or
    /// [`io::ErrorKind::Unsupported`] where the file system cannot.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes a symbolic link.
    fn symlink(&self, target: &str, at: &str) -> io::Result<()>;
    /// Renames; takes the place of what is at `to`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file or a link.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes a folder with exactly this access.
    fn make_folder(&self, path: &str, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &str) -> io::Result<()>;
    /// Has the names in a folder reach the disk.
    fn sync_folder(&self, path: &str) -> io::Result<()>;
    /// Waits for every file that was finished.
    fn settle(&self) -> io::Result<()>;
}

/// What lies at a path, as far as two things are told apart by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Absent,
    /// A file.
    File {
        /// The digest of its bytes.
        sha256: Sha256,
        /// Permissions and owner.
        access: Access,
    },
    /// A link, by where it leads.
    Link(String),
    /// A folder.
    Folder,
    /// A device, a pipe, a socket.
    Special,
}

impl Seen {
    /// The digest that the ledger keeps: of a link, of its target and a newline, as `readlink | sha256sum` has it.
    pub fn sha256(&self) -> Option<Sha256> {
        match self {
            Self::File { sha256, .. } => Some(*sha256),
            Self::Link(target) => Some(link_digest(target)),
            _ => None,
        }
    }

    /// What it is, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Absent => "nothing",
            Self::File { .. } => "a file",
            Self::Link(_) => "a link",
            Self::Folder => "a folder",
            Self::Special => "a device or pipe",
        }
    }
}

/// The digest the ledger keeps of a link.
pub fn link_digest(target: &str) -> Sha256 {
    Sha256::of(format!("{target}\n").as_bytes())
}

/// Looks at a path and reads what lies there.
pub fn see(disk: &dyn Disk, path: &str) -> io::Result<Seen> {
    Ok(match disk.look(path)? {
        Look::Absent => Seen::Absent,
        Look::File { access, .. } => Seen::File {
            sha256: digest(&mut disk.read(path)?)?,
            access,
        },
        Look::Link(target) => Seen::Link(target),
        Look::Folder(_) => Seen::Folder,
        Look::Special => Seen::Special,
    })
}

/// The digest of all that a reader has.
pub fn digest(from: &mut dyn Read) -> io::Result<Sha256> {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(Sha256::from_bytes(hash.finalize().into())),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The whole of a small file; `None` if there is none.
pub fn text(disk: &dyn Disk, path: &str) -> io::Result<Option<String>> {
    // The largest of the record's tables, a ledger of some ten thousand files.
    const LIMIT: u64 = 16 << 20;
    match disk.look(path)? {
        Look::Absent => Ok(None),
        Look::File { size, .. } if size <= LIMIT => {
            let mut text = String::new();
            disk.read(path)?.take(LIMIT).read_to_string(&mut text)?;
            Ok(Some(text))
        }
        _ => Err(io::Error::other(format!("{path} is not a text file"))),
    }
}

/// The folder above a path.
pub fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

/// Removes a file, or a folder with all that is in it.
pub(super) fn remove_tree(disk: &dyn Disk, path: &str) -> io::Result<()> {
    match disk.look(path)? {
        Look::Absent => Ok(()),
        Look::Folder(_) => {
            for name in disk.list(path)? {
                remove_tree(disk, &format!("{path}/{name}"))?;
            }
            disk.remove_folder(path)
        }
        _ => disk.remove(path),
    }
}

/// Removes a folder that is empty.
pub(super) fn remove_if_empty(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    if matches!(disk.look(folder)?, Look::Folder(_)) && disk.list(folder)?.is_empty() {
        disk.remove_folder(folder)?;
    }
    Ok(())
}

/// Removes the empty folders below a folder, and it too if it is empty then.
pub(super) fn prune(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    for name in disk.list(folder)? {
        let path = format!("{folder}/{name}");
        if matches!(disk.look(&path)?, Look::Folder(_)) {
            prune(disk, &path)?;
        }
    }
    remove_if_empty(disk, folder)
}
