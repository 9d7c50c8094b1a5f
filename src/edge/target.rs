//! The machine that is installed to: one installation at a time, and what starts it.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::FlockOperation;

use super::disk::RootDisk;
use crate::deliver::{Disk, Look, text};

/// Keeps other installations, first boot and uninstall away for as long as it lives.
#[derive(Debug)]
pub struct Lock<'d> {
    disk: &'d RootDisk,
    folder: String,
    _held: OwnedFd,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum NoLock {
    /// Somebody else has it: who.
    Held(String),
    /// The disk does not want it.
    World(io::Error),
}

impl From<io::Error> for NoLock {
    fn from(error: io::Error) -> Self {
        Self::World(error)
    }
}

/// Locks the folder of the record, which first boot and uninstall lock too; waits up to `wait` seconds for it. Makes the
/// folder if it is not there.
pub fn lock<'d>(disk: &'d RootDisk, folder: &str, wait: u64) -> Result<Lock<'d>, NoLock> {
    let note = format!("{folder}/lock");
    let owner = rustix::process::geteuid().is_root().then_some((0, 0));
    let mut seconds = 0;
    loop {
        if disk.look(folder)? == Look::Absent {
            disk.make_folder(folder, 0o755, owner)?;
        }
        let held = disk.open_folder(folder)?;
        match rustix::fs::flock(&held, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // Whoever had it may have removed the folder.
                let now = disk.open_folder(folder);
                if now.is_ok_and(|now| same(&held, &now)) {
                    if disk.look(&note)? != Look::Absent {
                        disk.remove(&note)?;
                    }
                    let mut file = disk.create(&note)?;
                    writeln!(file, "{}", std::process::id())?;
                    file.finish(0o644, owner)?;
                    return Ok(Lock {
                        disk,
                        folder: folder.to_owned(),
                        _held: held,
                    });
                }
            }
            Err(rustix::io::Errno::WOULDBLOCK) if seconds < wait => {
                std::thread::sleep(Duration::from_secs(1));
                seconds += 1;
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = text(disk, &note)?.map(|pid| pid.trim().to_owned());
                return Err(NoLock::Held(match pid {
                    Some(pid) => format!("process {pid}"),
                    None => "first boot or uninstall".into(),
                }));
            }
            Err(error) => return Err(NoLock::World(error.into())),
        }
    }
}

fn same(one: &OwnedFd, other: &OwnedFd) -> bool {
    let about = |fd| rustix::fs::fstat(fd).map(|about| (about.st_dev, about.st_ino)).ok();
    about(one).is_some() && about(one) == about(other)
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Nothing is lost if it stays: the lock is what the kernel holds.
        let _ = self.disk.settle();
        let _ = self.disk.remove(&format!("{}/lock", self.folder));
        let _ = self.disk.remove_folder(&self.folder);
    }
}

/// Whether this user may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a bash script of first boot; `input` is what it reads. Its output is this program's.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn bash(script: &str, name: &str, args: &[&str], input: &str) -> io::Result<bool> {
    let mut child = Command::new("bash")
        .args(["-c", script, name])
        .args(args)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A script that does not read it all has its reasons.
        let _ = stdin.write_all(input.as_bytes());
    }
    Ok(child.wait()?.success())
}
