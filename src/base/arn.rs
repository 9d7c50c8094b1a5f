//! Amazon resource names of IAM principals.

use std::fmt;
use std::str::FromStr;

/// What an IAM ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// `…:role/…`
    Role,
    /// `…:user/…`
    User,
}

/// The ARN of an IAM role or user, `arn:aws:iam::111122223333:role/path/name`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IamArn {
    text: String,
}

impl IamArn {
    /// The ARN as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.text.split(':').nth(1).unwrap_or_default()
    }

    /// The twelve digits of the account.
    pub fn account(&self) -> &str {
        self.text.split(':').nth(4).unwrap_or_default()
    }

    fn resource(&self) -> &str {
        self.text.split(':').nth(5).unwrap_or_default()
    }

    /// Whether it is a role or a user.
    pub fn principal(&self) -> Principal {
        if self.resource().starts_with("role/") {
            Principal::Role
        } else {
            Principal::User
        }
    }

    /// The name without its path.
    pub fn name(&self) -> &str {
        self.resource().rsplit('/').next().unwrap_or_default()
    }

    /// Whether the name has a path before it. STS leaves the path out, so aws-auth must too.
    pub fn has_path(&self) -> bool {
        self.resource().matches('/').count() > 1
    }

    /// The ARN without the path, the form aws-iam-authenticator compares
    /// (kubernetes-sigs/aws-iam-authenticator, `pkg/arn`).
    #[must_use]
    pub fn without_path(&self) -> String {
        let kind = if self.principal() == Principal::Role {
            "role"
        } else {
            "user"
        };
        format!(
            "arn:{}:iam::{}:{kind}/{}",
            self.partition(),
            self.account(),
            self.name()
        )
    }
}

impl FromStr for IamArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` is not the ARN of an IAM role or user: {why}"));
        let parts: Vec<&str> = text.split(':').collect();
        let &[arn, partition, service, region, account, resource] = parts.as_slice() else {
            return wrong("it has six parts, arn:aws:iam::111122223333:role/NAME");
        };
        if arn != "arn" || !matches!(partition, "aws" | "aws-cn" | "aws-us-gov") {
            return wrong("it begins with arn:aws:, arn:aws-cn: or arn:aws-us-gov:");
        }
        if service == "sts" {
            return wrong("that is a session (sts); the role itself is arn:aws:iam::ACCOUNT:role/NAME");
        }
        if service != "iam" || !region.is_empty() {
            return wrong("the service is iam and the region is empty");
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("the account is twelve digits");
        }
        let path = resource
            .strip_prefix("role/")
            .or_else(|| resource.strip_prefix("user/"));
        let tame = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
        match path {
            Some(path) if !path.is_empty() && !path.ends_with('/') && path.chars().all(tame) => {
                Ok(Self { text: text.to_owned() })
            }
            _ => wrong("it ends in role/NAME or user/NAME"),
        }
    }
}

impl fmt::Display for IamArn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for IamArn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_users() {
        let role: IamArn = "arn:aws:iam::605454121064:role/nodes/gh62-satellite".parse().unwrap();
        assert_eq!(
            (role.account(), role.name(), role.has_path()),
            ("605454121064", "gh62-satellite", true)
        );
        assert_eq!(role.without_path(), "arn:aws:iam::605454121064:role/gh62-satellite");
        let user: IamArn = "arn:aws-cn:iam::605454121064:user/gyuho".parse().unwrap();
        assert_eq!((user.principal(), user.partition()), (Principal::User, "aws-cn"));
        for bad in [
            "",
            "gh62-satellite",
            "arn:aws:iam::1234:role/x",
            "arn:aws:iam::605454121064:role/",
            "arn:aws:iam::605454121064:group/x",
            "arn:aws:sts::605454121064:assumed-role/x/y",
            "arn:gcp:iam::605454121064:role/x",
            "arn:aws:iam:us-east-1:605454121064:role/x",
            "arn:aws:iam::605454121064:role/a b",
        ] {
            assert!(bad.parse::<IamArn>().is_err(), "{bad}");
        }
    }
}
