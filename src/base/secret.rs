//! Secrets in text: what the secret scanners of this field look for.

use std::borrow::Cow;
use std::ops::Range;

/// A stretch of a text that is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it is, in bytes.
    pub range: Range<usize>,
    /// What it is, with its article.
    pub what: &'static str,
}

/// All secrets in `text`, in order: key ids and secret keys of IAM, private keys, session tokens, bearer tokens. Text
/// that was escaped for a file is looked through too: `\n` before a key id is no part of it.
pub fn secrets(text: &str) -> Vec<Secret> {
    let mut found = Vec::new();
    private_keys(text, &mut found);
    for prefix in ["AKIA", "ASIA"] {
        tokens(text, prefix, &mut found, |token| {
            let id = token.get(..20)?;
            let good = id
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            good.then_some((20, "an AWS access key id"))
        });
    }
    for prefix in ["IQoJb3JpZ2lu", "FwoGZXIvYXdz"] {
        tokens(text, prefix, &mut found, |token| {
            (token.len() > 100).then_some((token.len(), "an AWS session token"))
        });
    }
    tokens(text, "k8s-aws-v1.", &mut found, |token| {
        (token.len() > 111).then_some((token.len(), "a token of an EKS cluster"))
    });
    tokens(text, "eyJ", &mut found, |token| {
        let good = token.len() > 60 && token.matches('.').count() == 2;
        good.then_some((token.len(), "a bearer token"))
    });
    tokens(text, "ghp_", &mut found, |token| {
        (token.len() >= 40).then_some((token.len(), "a GitHub token"))
    });
    if text.contains("ecret") || text.contains("ECRET") {
        secret_keys(text, &mut found);
    }
    found.sort_by_key(|secret| (secret.range.start, secret.range.end));
    found
}

/// `text` with every secret starred out. It keeps its length in bytes and its lines, so that places in it stay.
pub fn masked(text: &str) -> Cow<'_, str> {
    let found = secrets(text);
    if found.is_empty() {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for Secret { range, .. } in found {
        if range.end > shown.len() {
            shown.push_str(text.get(shown.len()..range.start).unwrap_or_default());
            let star = |c: char| {
                if c == '\n' {
                    "\n".into()
                } else {
                    "*".repeat(c.len_utf8())
                }
            };
            shown.extend(text[shown.len()..range.end].chars().map(star));
        }
    }
    shown.push_str(&text[shown.len()..]);
    shown.into()
}

/// Which bytes words are made of; looked up, because every byte of every file is asked.
static IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'-' | b'_' | b'.');
        byte += 1;
    }
    table
};

fn in_word(byte: u8) -> bool {
    IN_WORD[usize::from(byte)]
}

/// The words of `text`, with the byte where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|byte| in_word(*byte))?;
        at = start + word_len(&bytes[start..]);
        Some((start, &text[start..at]))
    })
}

fn word_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !in_word(*byte)).unwrap_or(bytes.len())
}

/// Every token that begins with `prefix`, even inside a word, as far as the word goes. `judge` says how much of it is a
/// secret, and which.
fn tokens(text: &str, prefix: &str, found: &mut Vec<Secret>, judge: impl Fn(&str) -> Option<(usize, &'static str)>) {
    // Asking whether there is one at all is much faster, and there hardly ever is.
    if !text.contains(prefix) {
        return;
    }
    for (start, _) in text.match_indices(prefix) {
        let rest = &text[start..];
        let token = &rest[..word_len(rest.as_bytes())];
        if let Some((len, what)) = judge(token) {
            let range = start..start + len;
            found.push(Secret { range, what });
        }
    }
}

/// From the header to the footer, or to the end where the footer is missing.
fn private_keys(text: &str, found: &mut Vec<Secret>) {
    if !text.contains("PRIVATE KEY-----") {
        return;
    }
    for (start, marker) in text.match_indices("PRIVATE KEY-----") {
        let body = start + marker.len();
        let line = text[..start].rfind("-----").map_or("", |dashes| &text[dashes..start]);
        let end = if line.starts_with("-----END") {
            body
        } else {
            text[body..].find("-----END").map_or(text.len(), |end| body + end)
        };
        let range = start..end;
        found.push(Secret {
            range,
            what: "a private key",
        });
    }
}

/// Forty characters of base64 after a word that names them; alone they could be anything. One to six more are the
/// escapes of what stands before.
fn secret_keys(text: &str, found: &mut Vec<Secret>) {
    let mut named = false;
    for (start, word) in words(text) {
        let is_key = || {
            let mut bytes = word.bytes();
            (40..=46).contains(&word.len())
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'))
        };
        if named && is_key() {
            let range = start..start + word.len();
            found.push(Secret {
                range,
                what: "an AWS secret key",
            });
        }
        // Every word of every file comes by here.
        named = word.ends_with(['y', 'Y']) && NAMES.iter().any(|name| ends_like(word, name));
    }
}

/// What a secret key is called, in lower case.
const NAMES: [&str; 3] = ["secret_access_key", "secretaccesskey", "secret_key"];

fn ends_like(word: &str, name: &str) -> bool {
    let start = word.len().checked_sub(name.len());
    start.is_some_and(|start| word.as_bytes()[start..].eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    #[test]
    fn secrets_are_seen_and_harmless_text_is_not() {
        let token = format!("token: IQoJb3JpZ2lu{}", "a".repeat(200));
        let eks = format!("k8s-aws-v1.{}", "a".repeat(200));
        let named = [
            "aws_secret_access_key = ",
            "AWS_SECRET_ACCESS_KEY=",
            "\"SecretAccessKey\": \"",
            "secret_key:\n  ",
        ]
        .map(|name| format!("{name}{KEY}"));
        let others = [
            "key: AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN RSA PRIVATE KEY-----",
            "x\\nAKIAIOSFODNN7EXAMPLE",
            &token,
            &eks,
        ];
        for bad in named.iter().map(String::as_str).chain(others) {
            assert_eq!(secrets(bad).len(), 1, "{bad}");
            assert_eq!(masked(bad).len(), bad.len());
            assert_ne!(masked(bad), bad);
        }
        for good in [
            "aws_secret_access_key",
            "read aws_secret_access_key from the file",
            "AKIA",
            "sha256 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf file",
            "-----BEGIN CERTIFICATE-----",
            "IQoJb3JpZ2lu",
            KEY,
            "",
        ] {
            assert_eq!(secrets(good), [], "{good}");
            assert_eq!(masked(good), good);
        }
    }

    #[test]
    fn masks_keep_places() {
        let pem = "ä -----BEGIN PRIVATE KEY-----\nMIIEä\n-----END PRIVATE KEY-----\nend";
        let stars = "ä -----BEGIN ****************\n******\n-----END ****************\nend";
        assert_eq!(masked(pem), stars);
        assert_eq!(masked("a AKIAIOSFODNN7EXAMPLE b"), format!("a {} b", "*".repeat(20)));
        assert_eq!(masked("-----BEGIN PRIVATE KEY-----x"), "-----BEGIN *****************");
    }
}
