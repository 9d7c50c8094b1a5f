//! Patterns of paths.

use std::fmt;
use std::str::FromStr;

/// `plane/path` with `*` for any letters of one part and `**` for any number of parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob(String);

impl Glob {
    /// Whether it stands for `path`.
    pub fn matches(&self, path: &str) -> bool {
        let pattern: Vec<&str> = self.0.split('/').collect();
        let parts: Vec<&str> = path.split('/').collect();
        // Which beginnings of the pattern stand for all parts so far: linear in both, whatever the stars.
        let mut open = vec![false; pattern.len() + 1];
        open[0] = true;
        spread(&pattern, &mut open);
        for part in parts {
            let mut next = vec![false; pattern.len() + 1];
            for (at, wanted) in pattern.iter().enumerate().filter(|(at, _)| open[*at]) {
                if *wanted == "**" {
                    next[at] = true;
                } else if part_matches(wanted, part) {
                    next[at + 1] = true;
                }
            }
            spread(&pattern, &mut next);
            open = next;
        }
        open[pattern.len()]
    }
}

/// `**` stands for nothing, too.
fn spread(pattern: &[&str], open: &mut [bool]) {
    for at in 0..pattern.len() {
        if open[at] && pattern[at] == "**" {
            open[at + 1] = true;
        }
    }
}

fn part_matches(wanted: &str, part: &str) -> bool {
    let mut pieces = wanted.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = part.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plane = text.split('/').next().unwrap_or_default();
        let clean = text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.split('/').any(|part| matches!(part, "" | "." | ".."))
            && text.len() <= 1000;
        if clean && matches!(plane, "node" | "cluster" | "aws" | "image" | "*" | "**") {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is no pattern of files: PLANE/PATH with `*` and `**`, such as node/etc/systemd/**"
            ))
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars() {
        for (pattern, path, matches) in [
            ("node/etc/hosts", "node/etc/hosts", true),
            ("node/etc/*", "node/etc/hosts", true),
            ("node/etc/*", "node/etc/a/b", false),
            ("node/etc/**", "node/etc/a/b", true),
            ("node/**/*.service", "node/etc/systemd/system/a.service", true),
            ("node/**/*.service", "node/a.service", true),
            ("node/**/*.service", "node/a.socket", false),
            ("**", "aws/x", true),
            ("*/a*b*c", "aws/axxbyyc", true),
            ("*/a*b*c", "aws/axxc", false),
            ("node/a*a", "node/a", false),
            ("node", "node/a", false),
        ] {
            assert_eq!(
                pattern.parse::<Glob>().unwrap().matches(path),
                matches,
                "{pattern} {path}"
            );
        }
        let many = format!("node/{}x", "**/a*a*a*/".repeat(60));
        assert!(
            !many
                .parse::<Glob>()
                .unwrap()
                .matches(&format!("node/{}", "aaaa/".repeat(200)))
        );
        for bad in ["", "/etc/x", "etc/x", "node/../x", "node//x", "node/a b"] {
            assert!(bad.parse::<Glob>().is_err(), "{bad}");
        }
    }
}
