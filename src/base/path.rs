//! Absolute paths on the machine that is being described, not on this one.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A clean absolute path: no empty, `.` or `..` parts, no trailing slash, printable ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbsPath(String);

impl AbsPath {
    /// The path as text, beginning with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it lies in the folder `folder` (written without a trailing slash) or below.
    pub fn is_below(&self, folder: &str) -> bool {
        self.0.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl FromStr for AbsPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` is not a clean absolute path: {why}"));
        if !text.starts_with('/') {
            return wrong("it must begin with `/`");
        }
        if text.len() > 4096 {
            return wrong("it is longer than 4096 bytes");
        }
        if let Some(strange) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return wrong(&format!("{strange:?} is not allowed in it"));
        }
        match text[1..].split('/').find(|part| matches!(*part, "" | "." | "..")) {
            Some("") => wrong("it has an empty part or a trailing slash"),
            Some(part) => wrong(&format!("it has a `{part}` part")),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for AbsPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for AbsPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_absolute_paths_only() {
        for good in ["/etc/hosts", "/a", "/opt/cni/bin"] {
            assert_eq!(good.parse::<AbsPath>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "etc",
            "/",
            "/etc/",
            "/etc//x",
            "/etc/../x",
            "/./x",
            "/a b",
            "/a\n",
            "/ä",
        ] {
            assert!(bad.parse::<AbsPath>().is_err(), "{bad:?}");
        }
        let path: AbsPath = "/etc/cni/net.d/10-x.conflist".parse().unwrap();
        assert!(path.is_below("/etc/cni") && !path.is_below("/etc/cn"));
        assert_eq!(path.file_name(), "10-x.conflist");
    }
}
