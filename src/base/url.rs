//! Addresses on the web.

use std::fmt;
use std::str::FromStr;

/// An `https` URL without credentials, query or fragment, and without a trailing slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpsUrl(String);

impl HttpsUrl {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        self.0["https://".len()..].split('/').next().unwrap_or_default()
    }

    /// Everything after `https://`.
    pub fn after_scheme(&self) -> &str {
        &self.0["https://".len()..]
    }
}

impl FromStr for HttpsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` is not an https URL: {why}"));
        let Some(rest) = text.strip_prefix("https://") else {
            return wrong("it must begin with https://");
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
        let host_ok = !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        if !host_ok || port.parse::<u16>().is_err() {
            return wrong("the host is letters, digits, dots and dashes, with an optional port");
        }
        let tame = |c: char| c.is_ascii_alphanumeric() || "/._-~+%:@".contains(c);
        if !rest[authority.len()..].chars().all(tame) {
            return wrong("its path has a character that does not belong there");
        }
        if text.ends_with('/') {
            return wrong("leave the trailing slash out");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for HttpsUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_only() {
        let url: HttpsUrl = "https://mirror.example:8443/a/b".parse().unwrap();
        assert_eq!(
            (url.authority(), url.after_scheme()),
            ("mirror.example:8443", "mirror.example:8443/a/b")
        );
        for bad in [
            "",
            "http://x",
            "https://",
            "https://u:p@x",
            "https://x/",
            "https://x/a b",
            "https://x?q",
            "https://x:99999",
        ] {
            assert!(bad.parse::<HttpsUrl>().is_err(), "{bad}");
        }
    }
}
