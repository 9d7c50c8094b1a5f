//! Writing YAML that `PyYAML` (YAML 1.1, cloud-init), go-yaml (kubelet) and libyaml (netplan) read back as the same text.

use std::fmt::Write;

use super::json::is_yaml11_boolean;
use crate::base::is_plain_ascii;

/// A string as one flow scalar: plain where every YAML version reads plain text, else in double quotes with escapes.
pub fn scalar(text: &str) -> String {
    if is_plain_safe(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // Everything that is not printable to all three readers, C1 controls and the byte order mark too.
            c if is_printable(c) => quoted.push(c),
            c if u32::from(c) <= 0xff => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if u32::from(c) <= 0xffff => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that may stand in a stream as they are (YAML 1.1 `c-printable` without the line breaks of 1.1).
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// Words and paths that cannot be taken for anything but text: a letter, `/` or `_` first, then a tame alphabet, and
/// none of the words of YAML 1.1.
fn is_plain_safe(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '-' | '@' | '+' | '='))
        && !is_yaml11_boolean(text)
        && !matches!(text.to_ascii_lowercase().as_str(), "null" | "nan" | "inf")
}

/// Whether [`block_scalar`] can carry `text`: lines of printable characters, ended by exactly one newline, the first
/// not indented, so that `|` needs no indicator and loses nothing.
pub fn is_block_safe(text: &str) -> bool {
    text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n', '\t'])
        && (is_plain_ascii(text) || text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c)))
}

/// `text` as a literal block scalar whose lines are indented by `indent` spaces. The text must be
/// [block safe](is_block_safe).
pub fn block_scalar(text: &str, indent: usize) -> String {
    let mut block = String::from("|\n");
    block.reserve(text.len() + text.len() / 4);
    for line in text.lines() {
        // A blank line carries no indentation: trailing blanks would be noise in every diff.
        if !line.is_empty() {
            block.extend(std::iter::repeat_n(' ', indent));
            block.push_str(line);
        }
        block.push('\n');
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Source;
    use crate::syntax::yaml::parse;

    #[test]
    fn plain_only_when_nobody_can_misread_it() {
        for plain in ["kubelet", "/etc/hosts", "a.b-c_d", "gz+b64"] {
            assert_eq!(scalar(plain), plain);
        }
        for quoted in [
            "", "no", "Yes", "y", "null", "0644", "12:30", "=", "<<", "-", "a: b", "a #b", "{x}", "~", "1",
        ] {
            assert!(scalar(quoted).starts_with('"'), "{quoted}");
        }
        assert_eq!(scalar("\u{7f}\u{feff}\n\"\\"), "\"\\x7f\\ufeff\\n\\\"\\\\\"");
    }

    #[test]
    fn blocks_come_back() {
        let text = "#!/bin/sh\n\nif x; then\n\techo\nfi\n";
        assert!(is_block_safe(text));
        let source = Source::new("t", format!("a: {}", block_scalar(text, 2)));
        assert_eq!(parse(&source).unwrap().get("a").unwrap().text(), Some(text));
        for bad in ["", "x", " x\n", "x\n\n", "x\r\n", "\n", "x\u{1}\n"] {
            assert!(!is_block_safe(bad), "{bad:?}");
        }
    }
}
