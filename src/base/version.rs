//! Versions of software, and Kubernetes minors.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A dotted version of one to three numbers, compared number by number. `22.1` and `22.1.0` are equal in order but
/// keep the form they were written in.
#[derive(Clone)]
pub struct Version {
    text: String,
    parts: [u32; 3],
}

impl Version {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// First number.
    pub fn major(&self) -> u32 {
        self.parts[0]
    }

    /// Second number, 0 if absent.
    pub fn minor(&self) -> u32 {
        self.parts[1]
    }

    /// The Kubernetes minor this is a patch of, for versions of Kubernetes itself.
    pub fn kube_minor(&self) -> KubeMinor {
        KubeMinor {
            major: self.parts[0],
            minor: self.parts[1],
        }
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a version such as 1.35.8");
        let mut parts = [0; 3];
        for (at, piece) in text.split('.').enumerate() {
            let part = parts.get_mut(at).ok_or_else(wrong)?;
            if piece.is_empty() || !piece.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong());
            }
            *part = piece.parse().map_err(|_| wrong())?;
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts.cmp(&other.parts)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A Kubernetes minor such as `1.35`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubeMinor {
    major: u32,
    minor: u32,
}

impl KubeMinor {
    /// The minor 1.`minor`.
    pub const fn new(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    /// How many minors `self` is behind `other`; 0 if it is not.
    pub fn behind(self, other: Self) -> u32 {
        if self.major == other.major {
            other.minor.saturating_sub(self.minor)
        } else {
            u32::MAX
        }
    }
}

impl FromStr for KubeMinor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a Kubernetes minor such as \"1.35\"");
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten().ok_or_else(wrong)
        };
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for KubeMinor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Debug for KubeMinor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Serialize for KubeMinor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("1.35.10") > version("1.35.8"));
        assert!(version("0.107") > version("0.99"));
        assert_eq!(version("22.1"), version("22.1.0"));
        assert_eq!(version("1.35.8").kube_minor(), KubeMinor::new(35));
        for bad in ["", "v1.2", "1.2.3.4", "1..2", "1.2-rc1", "-1", "99999999999"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }

    #[test]
    fn minors() {
        let minor = |text: &str| text.parse::<KubeMinor>().unwrap();
        assert!(minor("1.9") < minor("1.26"));
        assert_eq!(minor("1.33").behind(minor("1.36")), 3);
        assert_eq!(minor("1.36").behind(minor("1.33")), 0);
        for bad in ["1", "1.35.1", "1.x", "v1.35", "", "1."] {
            assert!(bad.parse::<KubeMinor>().is_err(), "{bad}");
        }
    }
}
