//! Large files reach the disk while they are written: what is flushed only at the end is waited for at the end.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// After how many bytes the next flush begins. The kernel by itself waits for gigabytes or half a minute.
const FLUSH: u64 = 32 << 20;

/// Has `fill` write `file`, which another thread flushes from time to time. What `fill` gives.
///
/// # Errors
/// What a flush failed with.
pub(super) fn steadily<T>(file: &File, fill: impl FnOnce(&mut (dyn Write + Send)) -> T) -> io::Result<T> {
    thread::scope(|scope| {
        let (wake, calls) = sync_channel(1);
        // An error is told once for each opened file: here, and not again at its end.
        let flusher = scope.spawn(move || calls.iter().try_for_each(|()| file.sync_data()));
        let mut steady = Steady { file, since: 0, wake };
        let filled = fill(&mut steady);
        drop(steady);
        let flushed = flusher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        flushed.map(|()| filled)
    })
}

struct Steady<'f> {
    file: &'f File,
    since: u64,
    wake: SyncSender<()>,
}

impl Write for Steady<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.file.write(data)?;
        self.since += written as u64;
        // If a flush goes on, the next one is asked for with the next bytes.
        if self.since >= FLUSH && self.wake.try_send(()).is_ok() {
            self.since = 0;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "this is the edge")]
    use super::*;

    #[test]
    fn every_byte_arrives_and_what_fill_says_comes_back() {
        let path = std::env::temp_dir().join(format!("nodebake-steady-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        let piece = vec![7_u8; 1 << 20];
        let told = steadily(&file, |out| -> io::Result<u32> {
            for _ in 0..70 {
                out.write_all(&piece)?;
            }
            Ok(70)
        });
        assert_eq!(told.unwrap().unwrap(), 70);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(bytes.len() == 70 << 20 && bytes.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn a_failed_write_is_told() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let told = steadily(&full, |out| out.write_all(b"x"));
        assert!(told.is_ok_and(|filled| filled.is_err()));
    }
}
