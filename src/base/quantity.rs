//! Amounts of CPU and memory as Kubernetes writes them.

use std::fmt;
use std::ops::Add;

use serde::{Serialize, Serializer};

/// Thousandths of a CPU, written `145m`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MilliCpu(pub u64);

/// Mebibytes, written `1465Mi`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemoryMib(pub u64);

impl fmt::Display for MilliCpu {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}m", self.0)
    }
}

impl fmt::Display for MemoryMib {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}Mi", self.0)
    }
}

impl Add for MilliCpu {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Add for MemoryMib {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Serialize for MilliCpu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for MemoryMib {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The value of a Kubernetes quantity in thousandths of its unit (`100Mi` → 104857600000, `145m` → 145), or `None` if
/// the text is no quantity. Grammar: apimachinery's `resource.Quantity` without exponents.
pub fn quantity_value(text: &str) -> Option<u128> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.is_empty() || (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    // Kept well inside u128 with the largest suffix.
    if whole.len() > 15 || fraction.len() > 9 {
        return None;
    }
    let scale: u128 = match suffix {
        "m" => 1,
        "" => 1000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "P" => 1_000_000_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        "Pi" => 1000 << 50,
        _ => return None,
    };
    let part = |digits: &str| {
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse::<u128>().ok()
        }
    };
    let tenth = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    Some(part(whole)? * scale + part(fraction)? * scale / tenth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, value) in [
            ("145m", 145),
            ("2", 2000),
            ("1.5", 1500),
            ("100Mi", (1000 * 100) << 20),
            ("1k", 1_000_000),
        ] {
            assert_eq!(quantity_value(text), Some(value), "{text}");
        }
        for bad in [
            "",
            "Mi",
            "100MB",
            "1 Gi",
            "-1",
            "1.2.3",
            "1e3",
            ".",
            "100mi",
            "9999999999999999",
        ] {
            assert_eq!(quantity_value(bad), None, "{bad}");
        }
        assert_eq!((MilliCpu(100) + MilliCpu(45)).to_string(), "145m");
        assert_eq!((MemoryMib(1000) + MemoryMib(465)).to_string(), "1465Mi");
    }
}
