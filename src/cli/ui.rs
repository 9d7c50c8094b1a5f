//! Printing: stdout is data, stderr is talk.

use std::io::{self, IsTerminal, Write};

use crate::edge::pager;

/// Where output goes, and how.
#[derive(Debug)]
pub(super) struct Ui {
    /// Whether stderr may be coloured.
    pub(super) colour: bool,
    /// Whether stdout may be coloured.
    pub(super) data_colour: bool,
    /// Whether stdout is a terminal.
    pub(super) data_is_seen: bool,
}

impl Ui {
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line is the edge; NO_COLOR is its convention"
    )]
    pub(super) fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let data_is_seen = io::stdout().is_terminal();
        Self {
            colour: io::stderr().is_terminal() && !unwanted,
            data_colour: data_is_seen && !unwanted,
            data_is_seen,
        }
    }

    /// Data, as it is. A closed pipe is not an error: the reader has seen enough.
    #[expect(clippy::unused_self, reason = "whoever prints holds the Ui")]
    pub(super) fn data(&self, bytes: &[u8]) -> io::Result<()> {
        match io::stdout()
            .lock()
            .write_all(bytes)
            .and_then(|()| io::stdout().lock().flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// A value as JSON, as data.
    pub(super) fn json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.data((text + "\n").as_bytes())
    }

    /// Data that may be long: in a pager where people see it.
    pub(super) fn paged(&self, bytes: &[u8]) -> io::Result<()> {
        if self.data_is_seen && pager::show(bytes)? {
            return Ok(());
        }
        self.data(bytes)
    }

    /// A line of talk.
    #[expect(clippy::unused_self, reason = "whoever prints holds the Ui")]
    pub(super) fn talk(&self, line: &str) {
        // Nobody is left to tell if stderr is gone.
        let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
    }

    /// Talk with a priority, which the journal takes from the begin of a line (sd-daemon(3)); nobody else sees it.
    #[cfg(feature = "credentials")]
    pub(super) fn journal(&self, priority: u8, text: &str) {
        let is_journal = to_journal();
        for line in text.lines() {
            if is_journal {
                self.talk(&format!("<{priority}>{line}"));
            } else {
                self.talk(line);
            }
        }
    }
}

/// Whether stderr goes to the journal: systemd says which file that is, because children inherit the word and not
/// always the file (systemd.exec(5), `JOURNAL_STREAM`).
#[cfg(feature = "credentials")]
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is the edge; JOURNAL_STREAM is systemd's convention"
)]
fn to_journal() -> bool {
    let Ok(said) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(io::stderr()).is_ok_and(|about| said == format!("{}:{}", about.st_dev, about.st_ino))
}
