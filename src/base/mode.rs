//! File modes.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Permission bits of a file, written as four octal digits (`0644`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mode(u32);

impl Mode {
    /// `0644`: anybody may read.
    pub const PUBLIC: Self = Self(0o644);
    /// `0600`: the owner alone.
    pub const PRIVATE: Self = Self(0o600);

    /// The mode with these permission bits; others are dropped.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & 0o7777)
    }

    /// The bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether its owner may run it.
    pub fn is_executable(self) -> bool {
        self.0 & 0o100 != 0
    }

    /// Whether group or others may do anything with the file.
    pub fn is_shared(self) -> bool {
        self.0 & 0o077 != 0
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 4 && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        if !digits {
            return Err(format!(
                "`{text}` is not a file mode: four octal digits in quotes, such as \"0644\""
            ));
        }
        u32::from_str_radix(text, 8)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_octal_digits_only() {
        for good in ["0644", "0600", "0755", "4755"] {
            assert_eq!(good.parse::<Mode>().unwrap().to_string(), good);
        }
        for bad in ["644", "0o644", "0888", "u+x", "", "00644", "-644"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad}");
        }
        assert!(Mode::PUBLIC.is_shared());
        assert!(!Mode::PRIVATE.is_shared());
    }
}
