//! The node's session with AWS: how it is got, kept fresh, watched over and shown.
//!
//! The script of `templates/credentials/aws-credentials.j2` does the same with Python alone: both read the same files,
//! make the same request and leave the same session file, so that one can take the other's place at any time.

mod config;
mod explain;
#[cfg(test)]
mod fake;
mod metrics;
mod refresh;
mod status;
mod text;
mod watch;

pub use config::{AssumeRole, Source, endpoint};
pub use metrics::Metrics;
pub use refresh::{Done, Failed, refresh};
pub use status::{How, State, Status, status};
pub use text::clean;
pub use watch::watch;

use super::{Clock, Keys, Trouble};

/// Which of the node's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// How a session is got: `[profile nodebake]`, names only.
    Config,
    /// The long-lived key, which only root may read.
    Source,
    /// The session.
    Session,
    /// Metrics, as `node_exporter`'s textfile collector reads them. May be none.
    Metrics,
}

/// How bad it is, as the journal counts (sd-daemon(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The node has lost AWS.
    Critical = 2,
    /// Something failed; the node still has its session.
    Error = 3,
    /// Something will fail.
    Warning = 4,
    /// All is well.
    Info = 6,
}

/// What STS said, and the time it has.
#[derive(Debug)]
pub struct Told {
    /// The session, or why there is none.
    pub answer: Result<Keys, Trouble>,
    /// The clock of AWS, by the answer's `Date`.
    pub date: Option<i64>,
}

/// The machine a session is kept on: a port, carried out by `edge`.
pub trait Machine: Clock {
    /// How a file is called in messages.
    fn name(&self, file: File) -> String;
    /// A file's text; why not, in words. The source's must be closed to other users.
    fn read(&self, file: File) -> Result<String, String>;
    /// Puts a text in a file's place as a whole, or not at all. The session's is for its owner only.
    fn write(&self, file: File, text: &str) -> Result<(), String>;
    /// Asks STS once.
    fn assume_role(&self, ask: &AssumeRole, keys: &Keys) -> Told;
    /// Runs a program without a shell and gives what it prints; why not, in words.
    fn run(&self, words: &[String]) -> Result<Vec<u8>, String>;
    /// Says something to whoever watches.
    fn tell(&self, level: Level, line: &str);
    /// Waits, and no longer than until the configuration or the source key changes.
    fn wait(&self, time: std::time::Duration) {
        self.sleep(time);
    }
}
