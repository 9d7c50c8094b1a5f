//! A note on this machine that a launch is under way: a run that comes after one which was ended in the middle looks
//! longer before it launches, because the cloud's list may be a little behind. It holds a time, and no secret.

use std::path::{Path, PathBuf};

use crate::cloud::Clock;
use crate::edge::clock::System;
use crate::edge::fs;

/// After so many seconds the cloud's list is sure to have what was launched.
const OLD: i64 = 900;

/// The note of one node. Where there is no folder for it, there is no note: it only makes a rare case rarer.
#[derive(Debug)]
pub struct Note {
    path: Option<PathBuf>,
}

impl Note {
    /// The note of `node`, in `XDG_STATE_HOME/nodebake/launches` or `~/.local/state/nodebake/launches`.
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    pub fn of(node: &str) -> Self {
        let set = |name: &str| {
            let value = std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from);
            value.filter(|path| path.is_absolute())
        };
        let folder = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
        Self {
            path: folder.map(|folder| folder.join("nodebake/launches").join(node)),
        }
    }

    /// Whether an earlier run left one not long ago.
    pub fn is_there(&self) -> bool {
        let text = self.path.as_deref().and_then(|path| fs::read_bytes(path).ok());
        let began = text.and_then(|text| String::from_utf8(text).ok()?.trim().parse::<i64>().ok());
        began.is_some_and(|began| (0..OLD).contains(&System.now().saturating_sub(began)))
    }

    /// Writes it down.
    pub fn write(&self) {
        if let Some(path) = &self.path {
            // See above: without it the launch goes on.
            let _ = fs::write_atomically(path, format!("{}\n", System.now()).as_bytes(), 0o600);
        }
    }

    /// The launch ended, in whichever way.
    pub fn remove(&self) {
        if let Some(path) = self.path.as_deref().filter(|path: &&Path| path.exists()) {
            let _ = fs::remove(path);
        }
    }
}
