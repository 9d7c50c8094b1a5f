//! One direction of a stream: the kernel moves bytes from socket to socket through a pipe, and none is copied to here.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes a pipe shall hold.
const SIZE: usize = 256 << 10;
/// How many pipes are kept for the next who needs one: beyond that they are closed, so that a quiet program holds little.
const KEPT: usize = 64;

/// A pipe. One that goes out of scope may hold bytes of a broken stream, and is closed.
#[derive(Debug)]
struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
}

/// Empty pipes. A stream has one only while bytes are on their way: the thousands that are silent take none.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    empty: Mutex<Vec<Pipe>>,
}

impl Pipes {
    fn take(&self) -> io::Result<Pipe> {
        let kept = self.empty.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(pipe) = kept {
            return Ok(pipe);
        }
        let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Who has many gets small ones from the kernel; they do as well.
        let _ = fcntl_setpipe_size(&into, SIZE);
        Ok(Pipe { out, into })
    }

    fn give_back(&self, pipe: Pipe) {
        let mut empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        if empty.len() < KEPT {
            empty.push(pipe);
        }
    }
}

/// Why a direction ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// It could not be read from.
    From(io::Error),
    /// It could not be written to.
    To(io::Error),
    /// There was no pipe to be had.
    Here(io::Error),
}

/// Passes on what comes `from` one side `to` the other until it ends, and then the end. `passed` hears of each piece once
/// it is on its way.
pub(super) async fn pass(
    from: &TcpStream,
    to: &TcpStream,
    pipes: &Pipes,
    passed: impl Fn(usize),
) -> Result<(), Broken> {
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    loop {
        from.readable().await.map_err(Broken::From)?;
        let pipe = pipes.take().map_err(Broken::Here)?;
        // The pipe is empty, so what would block is the socket.
        let fill = || splice(from, None, &pipe.into, None, SIZE, flags).map_err(io::Error::from);
        let mut left = match from.try_io(Interest::READABLE, fill) {
            Ok(0) => {
                pipes.give_back(pipe);
                break;
            }
            Ok(filled) => filled,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                pipes.give_back(pipe);
                continue;
            }
            Err(error) => return Err(Broken::From(error)),
        };
        while left > 0 {
            // Here the pipe has bytes, so what would block is the other socket.
            let drain = || splice(&pipe.out, None, to, None, left, flags).map_err(io::Error::from);
            let drained = to.async_io(Interest::WRITABLE, drain).await.map_err(Broken::To)?;
            left -= drained;
            passed(drained);
        }
        pipes.give_back(pipe);
        tokio::task::coop::consume_budget().await;
    }
    // The other direction may go on. If that end is gone already, it will be told there.
    let _ = rustix::net::shutdown(to, rustix::net::Shutdown::Write);
    Ok(())
}
