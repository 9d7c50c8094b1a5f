//! Where the API is.

use reqwest::Url;

use crate::cloud::{Kind, Trouble};

/// Where the API is, if nobody says otherwise. `cloud.lambdalabs.com`, which older clients name, is deprecated.
const DEFAULT: &str = "https://cloud.lambda.ai";

/// The environment variable that says otherwise.
const VARIABLE: &str = "NODEBAKE_LAMBDA_ENDPOINT";

/// Where the API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: String,
    is_loopback: bool,
}

impl Endpoint {
    /// What `given` says, or the environment, or Lambda's own.
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    pub fn find(given: Option<&str>) -> Result<Self, Trouble> {
        let named = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
        Self::parse(given.or(named.as_deref()).unwrap_or(DEFAULT))
    }

    /// Reads one: https, or http of this machine; scheme, host and port, and nothing else. What is wrong with it is told
    /// without it: it may have a password in it.
    pub fn parse(text: &str) -> Result<Self, Trouble> {
        let wrong = |why: &str| {
            Trouble::new(Kind::Refused, format!("the endpoint {why}"))
                .hint(format!("say something like {DEFAULT}, by --endpoint or {VARIABLE}"))
        };
        let url: Url = text.parse().map_err(|_| wrong("is no URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has a user name or a password in it"));
        }
        if url.query().is_some() || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(wrong("has more than a host and a port"));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => {
                return Err(wrong(
                    "is plain http of another machine: the key would be readable on the way",
                ));
            }
            _ => return Err(wrong("is not https")),
        }
        Ok(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            is_loopback,
        })
    }

    /// Whether it is this machine: then it is no cloud, and nobody has to be waited for.
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        let lambda = Endpoint::parse(DEFAULT).unwrap();
        assert_eq!(lambda.url("instances"), "https://cloud.lambda.ai/api/v1/instances");
        assert!(!lambda.is_loopback());
        for here in [
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:8080/",
            "https://127.0.0.1",
        ] {
            assert!(Endpoint::parse(here).unwrap().is_loopback(), "{here}");
        }
        for bad in [
            "http://cloud.lambda.ai",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://cloud.lambda.ai",
            "https://user@cloud.lambda.ai",
            "https://cloud.lambda.ai/api/v1",
            "https://cloud.lambda.ai/?x=y",
            "cloud.lambda.ai",
        ] {
            assert_eq!(Endpoint::parse(bad).unwrap_err().kind, Kind::Refused, "{bad}");
        }
        let secret = Endpoint::parse("https://user:hunter2@cloud.lambda.ai").unwrap_err();
        assert!(!secret.to_string().contains("hunter2"));
    }
}
