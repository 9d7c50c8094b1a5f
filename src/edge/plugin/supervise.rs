//! The supervisor: one process that watches one run, and is gone with it.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus, pidfd_open, set_child_subreaper, setsid, waitpid};

use super::frames::{self, CHUNK, CLOSE, INPUT, JOB, LOG, REPLY, STATUS};
use super::job::{Job, Outcome, Protection, Status};
use super::processes::{ask_to_end, descendants, end_all, reap};
use super::restrict::{limit, restrict};
use super::store;
use crate::plugin::Limits;

/// How often its processes are counted.
const TICK: Duration = Duration::from_millis(20);

/// How long what a plugin leaves behind may take to end by itself: a filter at the end of a shell's pipe is no daemon.
const LINGER: Duration = Duration::from_millis(100);

/// Runs the job that stdin, a socket, tells; everything else goes over it too.
pub fn supervise() -> io::Result<()> {
    // Before anything is opened: whatever is open now is somebody else's.
    close_fds::set_fds_cloexec(3, &[]);
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut from = control.try_clone()?;
    let Some((JOB, job)) = frames::receive(&mut from)? else {
        return Err(io::Error::other(
            "this is for nodebake itself: there is no job on stdin",
        ));
    };
    let job: Job = serde_json::from_slice(&job)?;
    // None of these can fail for a fresh process, but for the first on a very old kernel, where orphans are not adopted.
    set_child_subreaper(Pid::from_raw(1))?;
    let _ = setsid();
    let _ = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    limit(&job.limits);
    let status = match start(&job) {
        Err(why) => Status {
            outcome: Outcome::Start(why),
            left: 0,
            protection: Protection::Off,
        },
        Ok((child, protection)) => {
            let mut watch = Watch::new(&job, &control, child)?;
            let outcome = watch.run();
            let left = watch.clear();
            if outcome.is_err() {
                // Nobody is left who would tidy up.
                store::forsake(&job.work);
            }
            watch.tell()?;
            Status {
                outcome: outcome?,
                left,
                protection,
            }
        }
    };
    frames::send(&mut &control, STATUS, &serde_json::to_vec(&status)?)
}

/// Starts the plugin from a thread of its own that gives up everything first; this thread keeps what it needs to watch.
fn start(job: &Job) -> Result<(Child, Protection), String> {
    let run = || -> Result<(Child, Protection), String> {
        let protection = restrict(job)?;
        let mut command = Command::new(&job.program);
        command
            .env_clear()
            .envs(job.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&job.work)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Another thread of nodebake may have had the fresh copy open for writing while it started something.
        for _ in 0..50 {
            match command.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                    thread::sleep(Duration::from_millis(2));
                }
                spawned => {
                    return spawned
                        .map(|child| (child, protection))
                        .map_err(|error| error.to_string());
                }
            }
        }
        Err("its file is busy".into())
    };
    thread::scope(|scope| {
        let started = scope.spawn(run).join();
        started.unwrap_or_else(|_| Err("the thread that starts it died".into()))
    })
}

struct Watch<'j> {
    job: &'j Job,
    control: &'j UnixStream,
    pid: Pid,
    pidfd: Option<OwnedFd>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// Frames that are not whole yet.
    heard: Vec<u8>,
    /// Bytes for stdin, and how many of them it has.
    input: (Vec<u8>, usize),
    is_input_whole: bool,
    reply: Vec<u8>,
    logged: usize,
    begun: Instant,
    /// Since when it has been asked to end, and why.
    ending: Option<(Instant, Outcome)>,
    counted: Instant,
}

/// What can be waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Control,
    Input,
    Reply,
    Log,
    End,
}

impl<'j> Watch<'j> {
    fn new(job: &'j Job, control: &'j UnixStream, mut child: Child) -> io::Result<Self> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process"))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let fds: [Option<BorrowedFd<'_>>; 3] = [
            stdin.as_ref().map(AsFd::as_fd),
            stdout.as_ref().map(AsFd::as_fd),
            stderr.as_ref().map(AsFd::as_fd),
        ];
        for fd in fds.into_iter().flatten() {
            rustix::io::ioctl_fionbio(fd, true)?;
        }
        let now = Instant::now();
        Ok(Self {
            job,
            control,
            pid,
            // Without it, on an old kernel, the end is noticed at the next tick.
            pidfd: pidfd_open(pid, PidfdFlags::empty()).ok(),
            stdin,
            stdout,
            stderr,
            heard: Vec::new(),
            input: (Vec::new(), 0),
            is_input_whole: false,
            reply: Vec::new(),
            logged: 0,
            begun: now,
            ending: None,
            counted: now,
        })
    }

    /// Until it has ended, or must be ended.
    fn run(&mut self) -> io::Result<Outcome> {
        loop {
            for ready in self.wait()? {
                match ready {
                    Wait::Control => {
                        if !self.hear()? {
                            // Nobody is there who wants to know.
                            end_all();
                            return Err(io::ErrorKind::BrokenPipe.into());
                        }
                    }
                    Wait::Input => self.feed(),
                    Wait::Reply => {
                        if let Some(outcome) = self.read_reply() {
                            return Ok(outcome);
                        }
                    }
                    Wait::Log => {
                        if let Some(outcome) = self.read_log()? {
                            return Ok(outcome);
                        }
                    }
                    Wait::End => {}
                }
            }
            if let Some(outcome) = self.ended() {
                return Ok(match self.ending.take() {
                    Some((_, why)) => why,
                    None => outcome,
                });
            }
            if let Some(outcome) = self.judge_time() {
                return Ok(outcome);
            }
        }
    }

    fn wait(&self) -> io::Result<Vec<Wait>> {
        let mut whats = vec![Wait::Control];
        let mut fds = vec![PollFd::new(self.control, PollFlags::IN)];
        if let Some(stdin) = &self.stdin
            && self.input.1 < self.input.0.len()
        {
            whats.push(Wait::Input);
            fds.push(PollFd::new(stdin, PollFlags::OUT));
        }
        if let Some(stdout) = &self.stdout {
            whats.push(Wait::Reply);
            fds.push(PollFd::new(stdout, PollFlags::IN));
        }
        if let Some(stderr) = &self.stderr {
            whats.push(Wait::Log);
            fds.push(PollFd::new(stderr, PollFlags::IN));
        }
        if let Some(pidfd) = &self.pidfd {
            whats.push(Wait::End);
            fds.push(PollFd::new(pidfd, PollFlags::IN));
        }
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(TICK.subsec_nanos()),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = fds.iter().map(|fd| !fd.revents().is_empty());
        Ok(whats
            .into_iter()
            .zip(ready)
            .filter_map(|(what, is_ready)| is_ready.then_some(what))
            .collect())
    }

    /// Takes what nodebake says; false if it is gone.
    fn hear(&mut self) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK];
        let read = match (&mut &*self.control).read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(_) => return Ok(false),
        };
        self.heard.extend_from_slice(&chunk[..read]);
        while let Some((kind, body)) = frames::take(&mut self.heard)? {
            match kind {
                INPUT => self.input.0.extend_from_slice(&body),
                CLOSE => self.is_input_whole = true,
                _ => return Err(io::Error::other("this is no frame for a supervisor")),
            }
        }
        self.feed();
        Ok(read > 0)
    }

    /// Writes to stdin what it takes. That it does not read to the end is its own business.
    fn feed(&mut self) {
        let (bytes, at) = &mut self.input;
        if let Some(stdin) = &mut self.stdin {
            while *at < bytes.len() {
                match stdin.write(&bytes[*at..]) {
                    Ok(written) => *at += written,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    Err(_) => {
                        *at = bytes.len();
                        self.stdin = None;
                        return;
                    }
                }
            }
        }
        if self.is_input_whole && *at == bytes.len() {
            self.stdin = None;
        }
    }

    fn read_reply(&mut self) -> Option<Outcome> {
        let mut chunk = vec![0; CHUNK];
        while let Some(stdout) = &mut self.stdout {
            match stdout.read(&mut chunk) {
                Ok(0) => self.stdout = None,
                Ok(read) => {
                    self.reply.extend_from_slice(&chunk[..read]);
                    if self.reply.len() > Limits::REPLY {
                        self.reply.clear();
                        return Some(Outcome::ReplyFlood);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => self.stdout = None,
            }
        }
        None
    }

    fn read_log(&mut self) -> io::Result<Option<Outcome>> {
        let mut chunk = vec![0; CHUNK];
        while let Some(stderr) = &mut self.stderr {
            match stderr.read(&mut chunk) {
                Ok(0) => self.stderr = None,
                Ok(read) => {
                    let room = Limits::LOG - self.logged;
                    let kept = &chunk[..read.min(room)];
                    self.logged += kept.len();
                    if !kept.is_empty() {
                        frames::send(&mut &*self.control, LOG, kept)?;
                    }
                    if read > room {
                        return Ok(Some(Outcome::LogFlood));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(_) => self.stderr = None,
            }
        }
        Ok(None)
    }

    /// How it ended, if it did.
    fn ended(&self) -> Option<Outcome> {
        match waitpid(Some(self.pid), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => Some(outcome(status)),
            _ => None,
        }
    }

    fn judge_time(&mut self) -> Option<Outcome> {
        let now = Instant::now();
        if let Some((since, why)) = &self.ending {
            let is_over = now - *since > Duration::from_millis(self.job.grace_ms);
            return is_over.then(|| why.clone());
        }
        let limits = &self.job.limits;
        let deadline = limits.seconds.map(|seconds| Duration::from_secs(seconds.into()));
        if deadline.is_some_and(|deadline| now - self.begun > deadline) {
            self.ending = Some((now, Outcome::Deadline));
            ask_to_end();
            return None;
        }
        if let Some(most) = limits.processes
            && now - self.counted >= TICK
        {
            let count = descendants().len();
            self.counted = Instant::now();
            if count > most {
                return Some(Outcome::Processes(count));
            }
        }
        None
    }

    /// Ends whatever is left, and reads what it still wrote. How many were left running.
    fn clear(&mut self) -> usize {
        let begun = Instant::now();
        let mut left = 0;
        while reap() {
            left = descendants().len();
            if left == 0 || begun.elapsed() > LINGER {
                break;
            }
            thread::sleep(Duration::from_millis(2));
            left = 0;
        }
        end_all();
        // Nobody is left who could write: what is in the pipes is all.
        let _ = self.read_reply();
        let _ = self.read_log();
        left
    }

    fn tell(&self) -> io::Result<()> {
        frames::send(&mut &*self.control, REPLY, &self.reply)
    }
}

fn outcome(status: WaitStatus) -> Outcome {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Outcome::Exited(code),
        (None, Some(signal)) => Outcome::Killed(signal),
        (None, None) => Outcome::Killed(0),
    }
}
