//! AWS credentials, once they were found.

use std::fmt;

/// A key of AWS, and the session it belongs to. Says nothing of itself but when it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The key's id: `AKIA…` of a user, `ASIA…` of a session.
    pub access: String,
    /// The secret key.
    pub secret: String,
    /// The session's token; a user's own key has none.
    pub session: Option<String>,
    /// When the session ends, in seconds since 1970, where that is known.
    pub expires: Option<i64>,
}

impl Keys {
    /// Whether every part is there and printable, without blanks: nothing that could break out of a header or of a line
    /// in a file. Says which part is not.
    pub fn check(&self) -> Result<(), &'static str> {
        let printable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable(&self.access) {
            Err("aws_access_key_id is missing or malformed")
        } else if !printable(&self.secret) {
            Err("aws_secret_access_key is missing or malformed")
        } else if !self.session.as_deref().is_none_or(printable) {
            Err("aws_session_token is missing or malformed")
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Keys")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let keys = Keys {
            access: "AKIDEXAMPLE".into(),
            secret: "verySecret".into(),
            session: Some("aToken".into()),
            expires: Some(7),
        };
        assert_eq!(format!("{keys:?}"), "Keys { expires: Some(7), .. }");
        assert_eq!(keys.check(), Ok(()));
        let split = Keys {
            session: Some("a\nb".into()),
            ..keys
        };
        assert!(split.check().unwrap_err().starts_with("aws_session_token"));
    }
}
