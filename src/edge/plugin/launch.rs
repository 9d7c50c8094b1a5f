//! nodebake's side of a run.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::SUPERVISE;
use super::frames::{self, CLOSE, INPUT, JOB, LOG, REPLY, STATUS};
use super::job::{Job, Outcome, Protection, Status};
use crate::plugin::{Ended, How, Limits, Stream};

/// What the plugin reads on stdin.
#[derive(Debug, Clone, Copy)]
pub struct Input<'i> {
    /// The bytes.
    pub bytes: &'i [u8],
    /// For tests: so many bytes at a time, with this pause between them.
    pub pace: Option<(usize, Duration)>,
}

/// Bytes that fit into any socket's buffer, and can be written before anything is read.
const SMALL: usize = 32 << 10;

/// Runs a job under a supervisor, `program` of which is nodebake itself. Each line of its log goes to `log` at once. When
/// this returns, nothing of it is running.
pub fn launch(program: &Path, job: &Job, input: Input<'_>, log: &mut dyn FnMut(&str)) -> (Ended, Protection) {
    let mut lines = Lines::default();
    let mut stdout = Vec::new();
    let ran = run(program, job, input, &mut |kind, bytes| match kind {
        LOG => lines.take(&bytes, log),
        _ => stdout.extend_from_slice(&bytes),
    });
    lines.end(log);
    let (how, left, protection) = match ran {
        Ok(status) => (how(status.outcome, job), status.left, status.protection),
        Err(error) => (How::Lost(error.to_string()), 0, Protection::Off),
    };
    let ended = Ended {
        how,
        stdout,
        tail: lines.last,
        left,
    };
    (ended, protection)
}

fn how(outcome: Outcome, job: &Job) -> How {
    match outcome {
        Outcome::Exited(code) => How::Exited(code),
        Outcome::Killed(signal) => How::Killed(signal),
        Outcome::Deadline => How::Deadline(job.limits.seconds.unwrap_or_default()),
        Outcome::ReplyFlood => How::Flood(Stream::Reply),
        Outcome::LogFlood => How::Flood(Stream::Log),
        Outcome::Processes(count) => How::Processes(count),
        Outcome::Start(why) => How::Start(why),
    }
}

fn run(program: &Path, job: &Job, input: Input<'_>, take: &mut dyn FnMut(u8, Vec<u8>)) -> io::Result<Status> {
    let (mut own, theirs) = UnixStream::pair()?;
    let mut child = Command::new(program)
        .arg(SUPERVISE)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let talk = |own: &mut UnixStream| -> io::Result<()> {
        frames::send(own, JOB, &serde_json::to_vec(job)?)?;
        match input.pace {
            None => frames::send(own, INPUT, input.bytes)?,
            Some((size, pause)) => {
                for chunk in input.bytes.chunks(size.max(1)) {
                    frames::send(own, INPUT, chunk)?;
                    thread::sleep(pause);
                }
            }
        }
        frames::send(own, CLOSE, &[])?;
        own.flush()
    };
    let mut listen = |own: &mut UnixStream| -> io::Result<Status> {
        while let Some((kind, body)) = frames::receive(own)? {
            match kind {
                STATUS => return Ok(serde_json::from_slice(&body)?),
                LOG | REPLY => take(kind, body),
                _ => return Err(io::Error::other("its supervisor said what it must not")),
            }
        }
        Err(io::Error::other("its supervisor was ended"))
    };
    let status = if input.bytes.len() <= SMALL && input.pace.is_none() {
        // A supervisor that is gone already is noticed while listening.
        let _ = talk(&mut own);
        listen(&mut own)
    } else {
        let mut other = own.try_clone()?;
        thread::scope(|scope| {
            scope.spawn(move || talk(&mut other));
            let status = listen(&mut own);
            // Whoever still writes to one that does not read any more is let go.
            let _ = own.shutdown(std::net::Shutdown::Both);
            status
        })
    };
    drop(own);
    child.wait()?;
    status
}

/// Bytes to lines.
#[derive(Default)]
struct Lines {
    open: Vec<u8>,
    last: String,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], log: &mut dyn FnMut(&str)) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end(log);
            } else if self.open.len() < Limits::LINE {
                self.open.push(*byte);
            }
        }
    }

    fn end(&mut self, log: &mut dyn FnMut(&str)) {
        let line = String::from_utf8_lossy(&self.open).trim_end().to_owned();
        self.open.clear();
        if !line.is_empty() {
            log(&line);
            self.last = line;
        }
    }
}
