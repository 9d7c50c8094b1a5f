//! Writing on a thread of its own, so that what hashes and writes the output does not hold up what makes it.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// Bytes that are handed over at once, and how many such pieces wait.
const PIECE: usize = 512 << 10;
const WAITING: usize = 4;

/// Writes what `fill` writes into `out`, from another thread.
///
/// # Errors
/// What `out` or `fill` failed with.
pub(super) fn beside<E: From<io::Error>>(
    out: &mut (dyn Write + Send),
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (to_writer, pieces) = sync_channel::<Vec<u8>>(WAITING);
        let writer = scope.spawn(move || pieces.iter().try_for_each(|piece| out.write_all(&piece)));
        let mut handing = Handing {
            piece: Vec::with_capacity(PIECE),
            to_writer,
        };
        let filled = fill(&mut handing).and_then(|()| handing.flush().map_err(E::from));
        drop(handing);
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // If the output failed, whoever fills only saw that nobody takes the pieces any more.
        written?;
        filled
    })
}

struct Handing {
    piece: Vec<u8>,
    to_writer: SyncSender<Vec<u8>>,
}

impl Write for Handing {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = data.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&data[..taken]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let handed = self.to_writer.send(piece);
        handed.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_comes_in_order() {
        let data: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
        for size in [1000, PIECE, PIECE + 1, data.len()] {
            let mut out = Vec::new();
            let written: io::Result<()> =
                beside(&mut out, |to| data.chunks(size).try_for_each(|part| to.write_all(part)));
            written.unwrap();
            assert!(out == data, "in writes of {size}");
        }
    }

    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("disk full"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_side_tells_why_it_failed() {
        let zeros = vec![0; 20 * PIECE];
        let refused: io::Result<()> = beside(&mut Full, |to| to.write_all(&zeros));
        assert_eq!(refused.unwrap_err().to_string(), "disk full");
        let refused: io::Result<()> = beside(&mut Vec::new(), |_| Err(io::Error::other("no more")));
        assert_eq!(refused.unwrap_err().to_string(), "no more");
    }
}
