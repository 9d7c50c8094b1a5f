//! What a supervisor is told, and what it tells in the end.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plugin::Limits;

/// One run of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The private copy of its file.
    pub program: PathBuf,
    /// Its working folder, the only one it may write to.
    pub work: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// What it may read beside the system's programs and libraries.
    pub reads: Vec<PathBuf>,
    /// Where it may write beside its working folder.
    pub output: Vec<PathBuf>,
    /// What it is held to.
    pub limits: Limits,
    /// Milliseconds between asking it to end and ending it.
    pub grace_ms: u64,
    /// Whether it may talk to the network.
    pub network: bool,
    /// Whether Landlock holds it.
    pub landlock: bool,
    /// Whether rare system calls are kept from it.
    pub syscalls: bool,
}

/// What Landlock did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protection {
    /// All of it.
    Whole,
    /// What this kernel knows of it.
    Part,
    /// Nothing: this kernel has no Landlock.
    None,
    /// It was switched off.
    Off,
}

/// How a run ended, in the supervisor's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// By itself.
    Exited(i32),
    /// By a signal of somebody else.
    Killed(i32),
    /// The deadline passed.
    Deadline,
    /// Too much on stdout.
    ReplyFlood,
    /// Too much on stderr.
    LogFlood,
    /// So many processes.
    Processes(usize),
    /// It could not be started.
    Start(String),
}

/// The supervisor's last words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// How it ended.
    pub outcome: Outcome,
    /// Processes it left running.
    pub left: usize,
    /// What held it.
    pub protection: Protection,
}
