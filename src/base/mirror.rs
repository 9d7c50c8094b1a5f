//! Mirrors: where a copy of a public file is looked for.

use std::str::FromStr;

use super::HttpsUrl;

/// A place with copies of public files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The host whose files it has, if it has one host's only.
    host: Option<String>,
    /// A URL, or a folder of this machine.
    base: String,
}

impl Mirror {
    /// Where the mirror has the copy of `url`: a URL, or a path. None if it has no files of that host. A mirror of
    /// everything has each host's files under a folder of its name; a mirror of one host has them as the host does.
    pub fn copy_of(&self, url: &HttpsUrl) -> Option<String> {
        match &self.host {
            None => Some(format!("{}/{}", self.base, url.after_scheme())),
            Some(host) if host == url.authority() => {
                Some(format!("{}{}", self.base, &url.after_scheme()[host.len()..]))
            }
            Some(_) => None,
        }
    }

    /// Whether it is asked over plain http.
    pub fn is_plain_http(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        let rest = self.base.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.split(':').next().unwrap_or_default();
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
    }
}

impl FromStr for Mirror {
    type Err = String;

    /// `URL`, `HOST=URL`, `DIR` or `HOST=DIR`.
    fn from_str(text: &str) -> Result<Self, String> {
        // What is refused may hold a password or a token, so it is not shown.
        let (host, base) = match text.split_once('=') {
            Some((host, base)) if !host.contains("://") => {
                let url: HttpsUrl = format!("https://{host}").parse()?;
                if url.authority() != host {
                    return Err(format!("`{host}` is no host"));
                }
                (Some(host.to_owned()), base)
            }
            _ => (None, text),
        };
        if base.contains("://") && base.contains(['@', '?', '#']) {
            return Err("a mirror's URL has no user name, no password and no query".into());
        }
        match base.split_once("://") {
            Some(("https" | "http", rest)) => {
                let _: HttpsUrl = format!("https://{}", rest.trim_end_matches('/')).parse()?;
            }
            Some((scheme, _)) => return Err(format!("a mirror is https, http or a folder, not {scheme}")),
            None if base.is_empty() => return Err("a mirror is a URL or a folder".into()),
            None => {}
        }
        let base = base.trim_end_matches('/');
        Ok(Self {
            host,
            base: base.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_looked_for_by_host() {
        let url: HttpsUrl = "https://dl.k8s.io/release/kubelet".parse().unwrap();
        for (mirror, copy) in [
            (
                "https://m.example/a/",
                Some("https://m.example/a/dl.k8s.io/release/kubelet"),
            ),
            (
                "http://127.0.0.1:80",
                Some("http://127.0.0.1:80/dl.k8s.io/release/kubelet"),
            ),
            ("/srv/mirror", Some("/srv/mirror/dl.k8s.io/release/kubelet")),
            (
                "dl.k8s.io=https://k.example/x",
                Some("https://k.example/x/release/kubelet"),
            ),
            ("dl.k8s.io=/srv/k", Some("/srv/k/release/kubelet")),
            ("github.com=https://k.example", None),
        ] {
            let mirror: Mirror = mirror.parse().unwrap();
            assert_eq!(mirror.copy_of(&url).as_deref(), copy);
        }
        for bad in [
            "",
            "ftp://x",
            "https://u:p@x",
            "a b=https://x",
            "x=",
            "https://",
            "https://x?y=u:p",
        ] {
            let refused = bad.parse::<Mirror>();
            assert!(refused.is_err(), "{bad}");
            assert!(!refused.unwrap_err().contains("u:p"));
        }
        for (text, loopback) in [
            ("http://127.0.0.1:80/x", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
        ] {
            let mirror: Mirror = text.parse().unwrap();
            assert_eq!((mirror.is_plain_http(), mirror.is_loopback()), (true, loopback));
        }
    }
}
