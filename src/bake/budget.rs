//! Size budgets: what a provider takes, and who uses it up.

use std::fmt;

use serde::Serialize;

/// One file's part of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The file's path.
    pub path: String,
    /// Bytes of its entry in the document.
    pub bytes: usize,
    /// Bytes of the file itself.
    pub file_bytes: usize,
    /// How its content is written.
    pub encoding: &'static str,
}

/// How a document fills the provider's limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// The provider.
    pub provider: String,
    /// Bytes of the document.
    pub used: usize,
    /// Bytes the provider takes.
    pub max: usize,
    /// Every file's part, largest first.
    pub shares: Vec<Share>,
}

impl Budget {
    /// Whether it fits.
    pub fn fits(&self) -> bool {
        self.used <= self.max
    }

    /// Whether less than a tenth is left.
    pub fn is_tight(&self) -> bool {
        self.used.saturating_mul(10) > self.max.saturating_mul(9)
    }

    /// The `count` largest parts, in words.
    pub fn biggest(&self, count: usize) -> String {
        let parts: Vec<String> = self
            .shares
            .iter()
            .take(count)
            .map(|share| format!("{} {} B", share.path, share.bytes))
            .collect();
        parts.join(", ")
    }
}

impl fmt::Display for Budget {
    #[expect(clippy::cast_precision_loss, reason = "kilobytes with one decimal, for people")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kilobytes = |bytes: usize| bytes as f64 / 1000.0;
        write!(
            out,
            "{} {:.1} of {:.1} kB",
            self.provider,
            kilobytes(self.used),
            kilobytes(self.max)
        )
    }
}
