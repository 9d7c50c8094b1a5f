//! A bundle as bytes: tar, packed while it is written, every member hashed as it passes by.

use std::fmt;
use std::io::{self, Read, Write};
use std::num::NonZero;

use sha2::Digest;
use tar::{EntryType, Header};

use super::beside::beside;
use super::contents::{Body, Bundle, BundleMember};
use super::gzip::gzip;
use super::list::MemberName;
use crate::base::{Blobs, Sha256};

/// How the archive is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// `.tar.gz`: what every machine can unpack.
    Gzip,
    /// `.tar.zst`: smaller and faster; the machine needs `zstd`, or `nodebake install`.
    Zstd,
}

/// zstd's own default: beyond it, time grows faster than bytes shrink.
const ZSTD_LEVEL: i32 = 3;

/// Bytes that are read at once.
const READ: usize = 256 << 10;

/// Why a bundle was not written.
#[derive(Debug)]
pub enum BundleError {
    /// The output refused it.
    Output(io::Error),
    /// A blob cannot be read.
    Blob {
        /// For this member.
        member: MemberName,
        /// The blob.
        sha256: Sha256,
        /// Why.
        error: io::Error,
    },
    /// A blob is not what its digest says.
    Damaged {
        /// For this member.
        member: MemberName,
        /// What it should be.
        sha256: Sha256,
    },
}

impl fmt::Display for BundleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(out, "writing the bundle: {error}"),
            Self::Blob { member, sha256, error } => write!(out, "reading {sha256} for {member}: {error}"),
            Self::Damaged { member, sha256 } => {
                write!(
                    out,
                    "the bytes kept for {member} are not those with the sha256 {sha256}"
                )
            }
        }
    }
}

impl std::error::Error for BundleError {}

impl From<io::Error> for BundleError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Bundle {
    /// Writes the archive to `out`, on `threads` threads beside this one. `progress` is told the bytes of every step.
    ///
    /// The bytes do not depend on the number of threads. One block for each thread and some that wait are in memory at a
    /// time, whatever the size of the bundle.
    pub fn write(
        &self,
        blobs: &dyn Blobs,
        packing: Packing,
        threads: NonZero<usize>,
        out: &mut (dyn Write + Send),
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), BundleError> {
        match packing {
            Packing::Gzip => gzip(out, threads, |packed| self.tar(blobs, packed, progress)),
            Packing::Zstd => beside(out, |out| {
                let mut packed = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                // Never 0, which takes another path and gives other bytes.
                packed.multithread(u32::try_from(threads.get()).unwrap_or(1))?;
                packed.include_checksum(true)?;
                self.tar(blobs, &mut packed, progress)?;
                packed.finish()?;
                Ok(())
            }),
        }
    }

    /// The archive without packing.
    fn tar(&self, blobs: &dyn Blobs, out: &mut dyn Write, progress: &(dyn Fn(u64) + Sync)) -> Result<(), BundleError> {
        let mut buffer = vec![0; READ];
        for (name, member) in &self.members {
            head(out, name, member)?;
            match &member.body {
                Body::Text(text) => out.write_all(text.as_bytes())?,
                Body::Blob => copy(blobs, name, member, out, &mut buffer, progress)?,
            }
            pad(out, member.file.size)?;
        }
        // Two blocks of zeros end an archive.
        out.write_all(&[0; 1024])?;
        Ok(())
    }
}

/// Copies a blob, and holds it against its digest.
fn copy(
    blobs: &dyn Blobs,
    name: &MemberName,
    member: &BundleMember,
    out: &mut dyn Write,
    buffer: &mut [u8],
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), BundleError> {
    let sha256 = member.file.sha256;
    let unreadable = |error| BundleError::Blob {
        member: name.clone(),
        sha256,
        error,
    };
    let damaged = || BundleError::Damaged {
        member: name.clone(),
        sha256,
    };
    let mut blob = blobs.open(&sha256).map_err(unreadable)?;
    let mut digest = sha2::Sha256::new();
    let mut left = member.file.size;
    loop {
        let read = blob.read(buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        left = left.checked_sub(read as u64).ok_or_else(damaged)?;
        digest.update(&buffer[..read]);
        out.write_all(&buffer[..read])?;
        progress(read as u64);
    }
    if left == 0 && Sha256::from_bytes(digest.finalize().into()) == sha256 {
        Ok(())
    } else {
        Err(damaged())
    }
}

/// The header of a member: what is not fixed here comes from the member, nothing from this machine.
fn head(out: &mut dyn Write, name: &MemberName, member: &BundleMember) -> io::Result<()> {
    let mut header = Header::new_ustar();
    if header.set_path(name.as_str()).is_err() {
        // Too long for the header's two fields: the name goes before it as a record of its own, as GNU tar does.
        let mut long = Header::new_gnu();
        long.set_entry_type(EntryType::GNULongName);
        long.set_path("././@LongLink")?;
        plain(&mut long, 0o644, name.as_str().len() as u64 + 1);
        out.write_all(long.as_bytes())?;
        out.write_all(name.as_str().as_bytes())?;
        out.write_all(&[0])?;
        pad(out, name.as_str().len() as u64 + 1)?;
        header = Header::new_gnu();
        let cut: String = name.as_str().chars().take(100).collect();
        header.set_path(cut)?;
    }
    header.set_entry_type(EntryType::Regular);
    plain(&mut header, member.file.mode.bits(), member.file.size);
    out.write_all(header.as_bytes())
}

fn plain(header: &mut Header, mode: u32, size: u64) {
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
}

/// Zeros up to the next block of 512 bytes.
fn pad(out: &mut dyn Write, size: u64) -> io::Result<()> {
    let over = usize::try_from(size % 512).unwrap_or(0);
    if over > 0 {
        out.write_all(&[0; 512][over..])?;
    }
    Ok(())
}
