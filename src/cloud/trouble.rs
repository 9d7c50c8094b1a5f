//! What can be wrong with a call.

use std::fmt;
use std::time::Duration;

/// What kind of trouble, as far as it decides what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for is not there.
    NotFound,
    /// What was to be made is there already.
    Exists,
    /// No credentials, wrong ones, or ones that may not do this.
    Denied,
    /// The cloud has none left now: capacity.
    Exhausted,
    /// The request itself is wrong, or a limit of the account is reached. The same request fails again.
    Refused,
    /// Too many requests; and how long to wait, if the answer says so.
    Throttled(Option<Duration>),
    /// No connection was made: nothing was carried out.
    Unreachable,
    /// The cloud's fault, or the answer was lost. Whether the call was carried out is not known.
    Unknown,
    /// An answer came that is not what the API describes.
    Malformed,
}

impl Kind {
    /// Whether the same call may go well a little later.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unreachable | Self::Unknown)
    }
}

/// A call that failed. Holds no secret: whoever makes one leaves headers and keys out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind.
    pub kind: Kind,
    /// What the cloud calls it, such as `InvalidSubnetID.NotFound`.
    pub code: Option<String>,
    /// What is wrong, in words.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Trouble {
    /// Trouble of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            message: message.into(),
            hint: None,
        }
    }

    /// With the cloud's own name for it.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// With a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the cloud calls it so.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)?;
        if let Some(code) = &self.code {
            write!(out, " [{code}]")?;
        }
        match &self.hint {
            Some(hint) => write!(out, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Trouble {}
