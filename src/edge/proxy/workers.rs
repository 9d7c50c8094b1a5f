//! The threads that move bytes, one a CPU, each with a runtime of its own. A stream stays on the thread it was given to.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::pipe::Pipes;
use super::relay::{Stream, relay};

/// All threads. They end with the program.
#[derive(Debug)]
pub(super) struct Workers {
    doors: Vec<UnboundedSender<Stream>>,
    next: usize,
}

impl Workers {
    pub(super) fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let mut doors = Vec::new();
        for _ in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            // Bounded by the limit on streams: each that waits here has its ticket.
            let (door, mut streams) = unbounded_channel::<Stream>();
            thread::Builder::new().name("streams".into()).spawn(move || {
                let pipes = Arc::new(Pipes::default());
                runtime.block_on(async move {
                    while let Some(stream) = streams.recv().await {
                        let pipes = Arc::clone(&pipes);
                        tokio::spawn(async move { relay(stream, &pipes).await });
                    }
                });
            })?;
            doors.push(door);
        }
        Ok(Self { doors, next: 0 })
    }

    /// Gives a stream to the thread whose turn it is.
    pub(super) fn give(&mut self, stream: Stream) {
        self.next = (self.next + 1) % self.doors.len();
        // A thread that has ended took the program with it.
        let _ = self.doors[self.next].send(stream);
    }
}
