//! A text somebody wrote, and places in it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{Finding, Severity};

/// Largest text file nodebake reads: a `node.yaml` is a few kilobytes, so a megabyte is somebody's mistake.
pub const MAX_SOURCE_BYTES: usize = 1 << 20;

/// A named text: a file as the user knows it, with its whole content for snippets.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The name shown in messages, as the user typed it.
    pub name: String,
    /// The text, without a byte order mark.
    pub text: Cow<'static, str>,
}

impl Source {
    /// A source from text that is known to be good.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: Cow::Owned(text.into()),
        })
    }

    /// A source that is part of this program.
    pub fn embedded(name: &'static str, text: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            text: Cow::Borrowed(text),
        })
    }

    /// A source from the bytes of a file. Refuses what no reader of text should meet: too large, not UTF-8, a byte
    /// order mark, NUL bytes, nothing at all.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Arc<Self>, Box<Finding>> {
        let refuse = |id: &'static str, message: String, hint: &str| {
            Err(Box::new(
                Finding::new(Severity::Error, id, format!("{name}: {message}")).hint(hint),
            ))
        };
        if bytes.len() > MAX_SOURCE_BYTES {
            return refuse(
                "spec/too-large",
                format!(
                    "is {} bytes, more than the {MAX_SOURCE_BYTES} a file may have",
                    bytes.len()
                ),
                "is this the right file?",
            );
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return refuse(
                "spec/empty",
                "is empty".into(),
                "`nodebake init` writes one to start from",
            );
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return refuse(
                "spec/byte-order-mark",
                "begins with a UTF-8 byte order mark".into(),
                "save it as UTF-8 without BOM: cloud-init ignores user-data that has one",
            );
        }
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return refuse("spec/not-utf8", "is UTF-16".into(), "save it as UTF-8");
        }
        match std::str::from_utf8(bytes) {
            Err(error) => {
                let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
                let at = good.len();
                let source = Self::new(name, good);
                Err(Box::new(
                    Finding::new(Severity::Error, "spec/not-utf8", "here the file is not UTF-8")
                        .at(Place::new(&source, at..at))
                        .hint("save it as UTF-8"),
                ))
            }
            Ok(text) => match text.find('\0') {
                Some(at) => Err(Box::new(
                    Finding::new(Severity::Error, "spec/nul", "a NUL byte: this is not a text file")
                        .at(Place::new(&Self::new(name, text), at..at + 1)),
                )),
                None => Ok(Self::new(name, text)),
            },
        }
    }
}

/// A stretch of a [`Source`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The text it lies in.
    pub source: Arc<Source>,
    /// Byte offset where it begins.
    pub start: usize,
    /// Byte offset just after it.
    pub end: usize,
}

impl Place {
    /// The place of `span` (byte offsets, cut to the text's length) in `source`.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let end = span.end.min(source.text.len());
        Self {
            source: Arc::clone(source),
            start: span.start.min(end),
            end,
        }
    }

    /// The place of one whole line, counted from 1, without its indentation. The last line, if there are fewer.
    pub fn line_of(source: &Arc<Source>, line: usize) -> Self {
        let mut start = 0;
        for (at, text) in source.text.split_inclusive('\n').enumerate() {
            if at + 1 == line {
                let body = text.trim_end();
                let indent = body.len() - body.trim_start().len();
                return Self::new(source, start + indent..start + body.len());
            }
            start += text.len();
        }
        Self::new(source, start..start)
    }

    /// Line and column, both counted from 1; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let mut at = self.start;
        while !self.source.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.source.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(out, "{}:{line}:{column}", self.source.name)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
}

impl<T> Located<T> {
    /// Turns the value into another one, at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located {
            value: change(self.value),
            place: self.place,
        }
    }
}
