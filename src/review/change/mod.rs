//! What a change of a file means, on top of the bytes that differ: which keys of a document, which settings of a unit,
//! which artifacts. A text that cannot be read by its type is compared line by line, so no changed byte stays untold.

mod artifacts;
mod assign;
mod document;
mod lines;
mod unit;
mod value;

use serde::Serialize;

use super::impact::Impact;
use crate::base::Place;
use crate::syntax::FileType;

pub(super) use lines::unified_body;

/// Longest text that is read by its type, in bytes; ours have some ten thousand. Longer ones are compared by lines.
const READ_LIMIT: usize = 256 << 10;

/// In which way a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The content is the same; its mode, or that it is there, differs.
    Same,
    /// Only comments and blank lines differ.
    Comments,
    /// The same values in the same order, written otherwise.
    Reformatted,
    /// The same values in another order, where the order has no meaning.
    Reordered,
    /// Values differ.
    Values,
    /// Lines differ; what they mean is for people to judge.
    Text,
    /// It cannot be compared as text.
    Opaque,
}

/// What happened to one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It was not there.
    Added,
    /// It is there no more.
    Removed,
    /// It has another value.
    Changed,
    /// The same items in another order, where the order has a meaning.
    Moved,
}

/// One value that differs. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What happened to it.
    pub what: What,
    /// Which value: `kubeReserved.memory`, `Service.ExecStart --node-ip`, `net.ipv4.ip_forward`.
    pub at: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Where it was, in the folder's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_line: Option<usize>,
    /// Where it is, in the rendered file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_line: Option<usize>,
    /// What a machine needs to take it.
    pub impact: Impact,
    /// What decided the new value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// What decided a value: a line of a template, or a value of the plan with its origin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// `sizing.maxPods`, or `template`.
    pub what: String,
    /// In words: `node.yaml:15:22`, `default: …`.
    pub origin: String,
    /// Where it is written, if it is written in a file of the user's.
    #[serde(skip)]
    pub place: Option<Place>,
}

impl Item {
    /// `old` and `new` are values with the lines they stand on.
    fn new(
        what: What,
        at: &str,
        old: impl Into<Option<(String, usize)>>,
        new: impl Into<Option<(String, usize)>>,
    ) -> Self {
        let (old, old_line) = old.into().unzip();
        let (new, new_line) = new.into().unzip();
        Self {
            what,
            at: at.to_owned(),
            old,
            new,
            old_line,
            new_line,
            impact: Impact::Nothing,
            causes: Vec::new(),
        }
    }

    /// In words: `maxPods 110 → 250`, `fs.x removed (was 1)`.
    pub fn words(&self) -> String {
        let cut = |text: &Option<String>| shortened(text.as_deref().unwrap_or_default());
        let at = shortened(&self.at);
        match self.what {
            What::Added if self.new.as_deref().is_none_or(str::is_empty) => format!("{at} added"),
            What::Added => format!("{at} added: {}", cut(&self.new)),
            What::Removed if self.old.as_deref().is_none_or(str::is_empty) => format!("{at} removed"),
            What::Removed => format!("{at} removed: {}", cut(&self.old)),
            What::Changed => format!("{at} {} → {}", cut(&self.old), cut(&self.new)),
            What::Moved => format!("{at} in another order: {} → {}", cut(&self.old), cut(&self.new)),
        }
    }
}

/// Longest value that is shown whole in words, in characters.
const SHOWN: usize = 120;

/// A value on one line, cut in its middle.
pub(super) fn shortened(text: &str) -> String {
    let one_line = super::visible(text).replace('\n', "⏎").replace('\t', " ");
    let count = one_line.chars().count();
    if count == 0 {
        return "(empty)".into();
    }
    if count <= SHOWN {
        return one_line;
    }
    let head: String = one_line.chars().take(SHOWN * 2 / 3).collect();
    let tail: String = one_line.chars().skip(count - SHOWN / 4).collect();
    format!("{head}…{tail}")
}

/// What the change of a file's text means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// In which way it differs.
    pub how: How,
    /// The values that differ; none if it is read by lines.
    pub items: Vec<Item>,
}

/// What it means that a file of this type and path in its folder was `old` and is `new`, two texts that are not equal.
pub fn meaning(filetype: FileType, path: &str, old: &str, new: &str) -> Meaning {
    let read = if old.len().max(new.len()) > READ_LIMIT {
        None
    } else {
        match filetype {
            FileType::Yaml | FileType::Json | FileType::Toml => document::compare(filetype, old, new),
            FileType::Systemd => unit::compare(old, new),
            FileType::Sysctl | FileType::Ini | FileType::Env => assign::compare(filetype, old, new),
            FileType::Lines if path.ends_with("/artifacts.list") => artifacts::compare(old, new),
            FileType::Lines => Some(lines::compare(old, new)),
            FileType::Bash | FileType::Python | FileType::Pem => None,
        }
    };
    match read {
        None => Meaning {
            how: How::Text,
            items: Vec::new(),
        },
        Some(Compared { items, .. }) if !items.is_empty() => Meaning {
            how: How::Values,
            items,
        },
        Some(Compared { reordered, .. }) => {
            let how = match reordered {
                _ if without_comments(filetype, old).eq(without_comments(filetype, new)) => How::Comments,
                true => How::Reordered,
                false => How::Reformatted,
            };
            Meaning { how, items: Vec::new() }
        }
    }
}

/// What a reader of one type found.
#[derive(Debug, Default)]
struct Compared {
    items: Vec<Item>,
    /// Whether values stand in another order, without that having a meaning.
    reordered: bool,
}

/// The lines of a text that are neither blank nor comments.
fn without_comments(filetype: FileType, text: &str) -> impl Iterator<Item = &str> {
    let marks: &'static [char] = match filetype {
        FileType::Json => &[],
        FileType::Systemd | FileType::Sysctl | FileType::Ini => &['#', ';'],
        _ => &['#'],
    };
    text.lines().filter(move |line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with(marks)
    })
}
