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

/// How an artifact fills the limit of whoever takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Who takes it: a provider, or what reads it.
    pub taker: String,
    /// Bytes of the artifact.
    pub used: usize,
    /// Bytes that are taken; nothing if there is no limit.
    pub max: Option<usize>,
    /// Every file's part, largest first.
    pub shares: Vec<Share>,
}

impl Budget {
    /// A budget; `shares` in any order.
    pub fn new(taker: &str, used: usize, max: Option<usize>, mut shares: Vec<Share>) -> Self {
        shares.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
        Self {
            taker: taker.to_owned(),
            used,
            max,
            shares,
        }
    }

    /// Whether it fits.
    pub fn fits(&self) -> bool {
        self.max.is_none_or(|max| self.used <= max)
    }

    /// Whether less than a tenth is left.
    pub fn is_tight(&self) -> bool {
        self.max
            .is_some_and(|max| self.used.saturating_mul(10) > max.saturating_mul(9))
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
        write!(out, "{} {:.1} ", self.taker, kilobytes(self.used))?;
        match self.max {
            Some(max) => write!(out, "of {:.1} kB", kilobytes(max)),
            None => out.write_str("kB, no limit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_and_none_is_none() {
        let budget = |used, max| Budget::new("cloud", used, max, Vec::new());
        for (used, max, fits, tight, words) in [
            (90, Some(100), true, false, "cloud 0.1 of 0.1 kB"),
            (91, Some(100), true, true, "cloud 0.1 of 0.1 kB"),
            (101, Some(100), false, true, "cloud 0.1 of 0.1 kB"),
            (usize::MAX, None, true, false, "cloud "),
            (131_072, None, true, false, "cloud 131.1 kB, no limit"),
        ] {
            let budget = budget(used, max);
            assert_eq!((budget.fits(), budget.is_tight()), (fits, tight), "{used} of {max:?}");
            assert!(budget.to_string().starts_with(words), "{budget}");
        }
    }
}
