//! Files that are carried as they are: programs, archives' members, a user's own binaries. They are known by their
//! digest; who has their bytes is a [`Blobs`].

use std::io::{self, Read};

use super::{AbsPath, Mode, Sha256};

/// One file of a payload, at the place where the machine will have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Where it goes on the machine.
    pub path: AbsPath,
    /// Its mode there.
    pub mode: Mode,
    /// Its size, in bytes.
    pub size: u64,
    /// The digest of its bytes.
    pub sha256: Sha256,
}

/// Bytes by their digest. A reader is not trusted: whoever copies its bytes hashes them again.
pub trait Blobs: Sync {
    /// Opens the bytes with this digest.
    fn open(&self, digest: &Sha256) -> io::Result<Box<dyn Read + Send>>;
}
