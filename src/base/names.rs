//! Names with rules: nodes, labels.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Whether `text` is a DNS-1123 label: lower-case letters, digits, inner dashes, at most 63.
pub fn is_dns1123_label(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(|c| alphanumeric(c) || c == '-')
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
}

/// Whether `text` is a DNS-1123 subdomain: labels joined by dots, at most 253.
pub fn is_dns1123_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns1123_label)
}

/// The name of a Kubernetes node. A DNS-1123 subdomain of at most 63 characters: kubelet copies it into the label
/// `kubernetes.io/hostname`, whose value ends there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeName(String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name by one address: `fargate-ip-10-0-2-233.us-east-1.compute.internal`. The prefix makes EKS' cloud controller
    /// look for an ENI with that address (cloud-provider-aws, `variant/fargate`); the rest after the first dot is free.
    pub fn of_address(address: Ipv4Addr, region: &str) -> Result<Self, String> {
        let address = address.to_string().replace('.', "-");
        format!("fargate-ip-{address}.{region}.compute.internal").parse()
    }
}

impl FromStr for NodeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > 63 {
            return Err(format!(
                "`{text}` has {} characters, a node name has at most 63",
                text.len()
            ));
        }
        if !is_dns1123_subdomain(text) {
            return Err(format!(
                "`{text}` is not a node name: lower-case letters, digits, `-` and `.`"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for NodeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Letters, digits and inner `-`, `_`, `.`, at most 63: the part of a label key after the slash, and a label value.
fn is_qualified(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// A label or taint key: `name` or `domain/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelKey(String);

impl LabelKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain before the slash, if there is one.
    pub fn domain(&self) -> Option<&str> {
        self.0.split_once('/').map(|(domain, _)| domain)
    }
}

impl FromStr for LabelKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (domain, name) = match text.split_once('/') {
            Some((domain, name)) => (Some(domain), name),
            None => (None, text),
        };
        if !is_qualified(name) || domain.is_some_and(|domain| !is_dns1123_subdomain(domain)) {
            return Err(format!(
                "`{text}` is not a label key: `name` or `domain/name`, the name at most 63 of A-Za-z0-9-_."
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A label value: empty, or at most 63 of `A-Za-z0-9-_.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelValue(String);

impl LabelValue {
    /// The value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LabelValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && !is_qualified(text) {
            return Err(format!(
                "`{text}` is not a label value: at most 63 of A-Za-z0-9-_., beginning and ending with a letter or digit"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names() {
        for good in [
            "fargate-ip-10-0-14-170.us-east-1.compute.internal",
            "a",
            "mi-0123456789abcdef0",
        ] {
            assert_eq!(good.parse::<NodeName>().unwrap().as_str(), good);
        }
        let long = "a".repeat(64);
        for bad in ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a b", long.as_str()] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn labels() {
        for good in ["nvidia.com/gpu.present", "x", "eks.amazonaws.com/compute-type", "A_b.c"] {
            assert!(good.parse::<LabelKey>().is_ok(), "{good}");
        }
        for bad in ["", "/x", "x/", "a/b/c", "-x", "A.B/x", "a b"] {
            assert!(bad.parse::<LabelKey>().is_err(), "{bad}");
        }
        for good in ["", "gpu_1x_a10", "true", "1.2"] {
            assert!(good.parse::<LabelValue>().is_ok(), "{good}");
        }
        for bad in ["a b", "-a", "a/b", "ä"] {
            assert!(bad.parse::<LabelValue>().is_err(), "{bad}");
        }
        assert_eq!(
            "nvidia.com/gpu".parse::<LabelKey>().unwrap().domain(),
            Some("nvidia.com")
        );
    }
}
