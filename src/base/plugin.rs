//! The kinds of plugin.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    /// Brings facts of the cluster or of the machine.
    Facts,
    /// Adds, changes and removes files.
    Patch,
    /// Finds mistakes.
    Check,
    /// Bakes into a form of its own.
    Format,
    /// Takes an artifact somewhere.
    Deliver,
}

impl PluginKind {
    /// All kinds, in the order they run.
    pub const ALL: [Self; 5] = [Self::Facts, Self::Patch, Self::Check, Self::Format, Self::Deliver];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Patch => "patch",
            Self::Check => "check",
            Self::Format => "format",
            Self::Deliver => "deliver",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl FromStr for PluginKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.word() == text);
        known.ok_or_else(|| {
            let words = Self::ALL.map(Self::word);
            format!("`{text}` is no kind of plugin: {}", words.join(", "))
        })
    }
}
