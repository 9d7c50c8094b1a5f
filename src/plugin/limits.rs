//! What every plugin is held to. Each number is in `examples/plugins/PROTOCOL.md` too, and a test compares them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::PluginKind;

/// One of the things a plugin is held by. Each can be switched off by its word, in plugins.lock and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// The time it may take.
    Deadline,
    /// Memory of each of its processes.
    Memory,
    /// CPU time of each of its processes.
    Cpu,
    /// Size of each file it writes.
    FileSize,
    /// Open files of each of its processes.
    OpenFiles,
    /// How many processes it may have.
    Processes,
    /// What it may read and write of the disk (Landlock).
    Landlock,
    /// Tracing others, kernel keys, `io_uring` and whatever else no plugin needs (seccomp).
    Syscalls,
}

impl Guard {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Deadline,
        Self::Memory,
        Self::Cpu,
        Self::FileSize,
        Self::OpenFiles,
        Self::Processes,
        Self::Landlock,
        Self::Syscalls,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::FileSize => "file-size",
            Self::OpenFiles => "open-files",
            Self::Processes => "processes",
            Self::Landlock => "landlock",
            Self::Syscalls => "syscalls",
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl FromStr for Guard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|guard| guard.word() == text)
            .ok_or_else(|| format!("`{text}` is not one of {}", Self::ALL.map(Self::word).join(", ")))
    }
}

/// The limits. `None` is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Seconds until it is asked to end.
    pub seconds: Option<u32>,
    /// Bytes of memory of a process.
    pub memory: Option<u64>,
    /// Seconds of CPU time of a process.
    pub cpu: Option<u64>,
    /// Bytes of a file.
    pub file_size: Option<u64>,
    /// Open files of a process.
    pub open_files: Option<u64>,
    /// Processes at a time.
    pub processes: Option<usize>,
}

impl Limits {
    /// Bytes of a request.
    pub const REQUEST: usize = 64 << 20;
    /// Bytes of a reply.
    pub const REPLY: usize = 16 << 20;
    /// Bytes of logs.
    pub const LOG: usize = 256 << 10;
    /// Bytes of a line of logs; the rest of it is cut.
    pub const LINE: usize = 1000;
    /// Milliseconds between asking it to end and ending it.
    pub const GRACE_MS: u64 = 2000;
    /// Findings of a reply.
    pub const FINDINGS: usize = 1000;
    /// Letters of a message or hint.
    pub const MESSAGE: usize = 2000;
    /// Changed files of a reply.
    pub const FILES: usize = 1000;
    /// Bytes of a plugin's file.
    pub const PROGRAM: u64 = 64 << 20;
    /// The longest time it may ask for, in seconds.
    pub const SECONDS: u32 = 3600;

    /// The limits of a plugin of `kind` that asks for `seconds`, without those that were switched off.
    pub fn of(kind: PluginKind, seconds: Option<u32>, without: &[Guard]) -> Self {
        let has = |guard: Guard| !without.contains(&guard);
        let usual = if kind == PluginKind::Deliver { 600 } else { 30 };
        let seconds = seconds.unwrap_or(usual).clamp(1, Self::SECONDS);
        Self {
            seconds: has(Guard::Deadline).then_some(seconds),
            memory: has(Guard::Memory).then_some(1 << 30),
            cpu: has(Guard::Cpu).then_some(u64::from(seconds) * 2),
            file_size: has(Guard::FileSize).then_some(256 << 20),
            open_files: has(Guard::OpenFiles).then_some(256),
            processes: has(Guard::Processes).then_some(64),
        }
    }
}
