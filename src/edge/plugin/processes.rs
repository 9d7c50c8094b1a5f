//! The processes below this one. Orphans come to it, because it adopts them.
#![expect(clippy::disallowed_methods, reason = "this is the edge")]

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

/// How long ending them may take before it is given up: only a process stuck in the kernel takes that long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every process below this one, but for those that are dead and not yet reaped.
pub(super) fn descendants() -> Vec<Pid> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // The name of a process may hold anything, even `)`: what follows its last one is ours.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        let Some(parent) = parent.and_then(|parent| parent.parse().ok()) else {
            continue;
        };
        if !matches!(state, Some("Z" | "X")) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![own];
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.extend(Pid::from_raw(child));
            open.push(child);
        }
    }
    found
}

/// Takes in what is dead; whether anything is still there.
pub(super) fn reap() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Asks everything below this one to end.
pub(super) fn ask_to_end() {
    for pid in descendants() {
        let _ = kill_process(pid, Signal::TERM);
        // One that was stopped does not hear it before it goes on.
        let _ = kill_process(pid, Signal::CONT);
    }
}

/// Ends everything below this one. They are stopped first, until no new one turns up: what forks faster than it is
/// killed stands still then, and keeps its places in the user's count of processes.
pub(super) fn end_all() {
    let begun = Instant::now();
    while reap() && begun.elapsed() < PATIENCE {
        let mut stopped = 0;
        loop {
            let all = descendants();
            for pid in &all {
                let _ = kill_process(*pid, Signal::STOP);
            }
            if all.len() <= stopped || begun.elapsed() > PATIENCE {
                break;
            }
            stopped = all.len();
        }
        for pid in descendants() {
            let _ = kill_process(pid, Signal::KILL);
        }
        if reap() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
