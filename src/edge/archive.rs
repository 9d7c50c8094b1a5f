//! A bundle on disk: an archive, unpacked by a thread of its own, or a folder.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

/// Bytes that travel at once between the threads, and how many such pieces wait.
const PIECE: usize = 1 << 18;
const WAITING: usize = 8;

/// What a bundle comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
}

/// Bytes that another thread unpacks.
#[derive(Debug)]
pub struct Unpacked {
    pieces: Receiver<io::Result<Vec<u8>>>,
    now: Vec<u8>,
    at: usize,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.now.len() {
            match self.pieces.recv() {
                // The thread has come to the end.
                Err(_) => return Ok(0),
                Ok(piece) => {
                    self.now = piece?;
                    self.at = 0;
                }
            }
        }
        let count = buffer.len().min(self.now.len() - self.at);
        buffer[..count].copy_from_slice(&self.now[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Opens an archive, gzip or zstd by its first bytes, and begins to unpack it.
pub fn open(path: &Path) -> io::Result<Unpacked> {
    let mut from = BufReader::with_capacity(PIECE, open_file(path)?);
    let first = from.fill_buf()?;
    let packing = if first.starts_with(&[0x1f, 0x8b]) {
        Packing::Gzip
    } else if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Packing::Zstd
    } else {
        return Err(refused("it is neither .tar.gz nor .tar.zst"));
    };
    let (send, pieces) = sync_channel(WAITING);
    std::thread::spawn(move || {
        // Nobody listens any more if sending fails.
        if let Err(error) = unpack(from, packing, &mut |piece| send.send(Ok(piece)).is_ok()) {
            let _ = send.send(Err(error));
        }
    });
    Ok(Unpacked {
        pieces,
        now: Vec::new(),
        at: 0,
    })
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Unpacks one part after the other: writers on several threads make several.
fn unpack(mut from: BufReader<File>, packing: Packing, give: &mut dyn FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let damaged = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => refused("the archive is cut short"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
            refused(&format!("the archive is damaged: {error}"))
        }
        _ => error,
    };
    loop {
        let goes_on = match packing {
            Packing::Gzip => {
                let mut part = flate2::bufread::GzDecoder::new(&mut from);
                pump(&mut part, give).map_err(damaged)?
            }
            Packing::Zstd => {
                let mut part = zstd::stream::read::Decoder::with_buffer(&mut from)
                    .map_err(damaged)?
                    .single_frame();
                pump(&mut part, give).map_err(damaged)?
            }
        };
        let rest = from.fill_buf()?;
        if !goes_on || rest.is_empty() {
            return Ok(());
        }
        let magic: &[u8] = match packing {
            Packing::Gzip => &[0x1f, 0x8b],
            Packing::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        };
        if !rest.starts_with(&magic[..magic.len().min(rest.len())]) {
            return Err(refused("there is something after the end of the archive"));
        }
    }
}

/// Whether somebody still listens.
fn pump(part: &mut dyn Read, give: &mut dyn FnMut(Vec<u8>) -> bool) -> io::Result<bool> {
    loop {
        let mut piece = vec![0; PIECE];
        let mut full = 0;
        while full < PIECE {
            match part.read(&mut piece[full..])? {
                0 => break,
                read => full += read,
            }
        }
        piece.truncate(full);
        if full == 0 {
            return Ok(true);
        }
        if !give(piece) {
            return Ok(false);
        }
    }
}

/// An archive as it is, packed.
pub fn packed(path: &Path) -> io::Result<impl Read> {
    open_file(path)
}

#[expect(clippy::disallowed_methods, reason = "this is the edge")]
fn open_file(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file of an unpacked bundle: its size and its bytes. No link is followed below the folder.
pub fn open_in(folder: &Path, name: &str) -> io::Result<(u64, Box<dyn Read>)> {
    let mut path: PathBuf = folder.to_owned();
    for part in name.split('/') {
        path.push(part);
        if path.symlink_metadata()?.is_symlink() {
            return Err(refused(&format!("`{name}` is reached through a link")));
        }
    }
    let file = open_file(&path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(refused(&format!("`{name}` is no regular file")));
    }
    Ok((about.len(), Box::new(file)))
}
