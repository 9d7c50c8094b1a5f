//! The account's key. It has full power over the account: there are no lesser ones.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::cloud::{Kind, Trouble};

/// The environment variable with the key.
pub const KEY_VARIABLE: &str = "LAMBDA_API_KEY";

/// Far more than any key has.
const MAX_BYTES: u64 = 4096;

/// A key. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("ApiKey(…)")
    }
}

impl ApiKey {
    /// From the file, else from the environment, else by asking on the terminal, without echo.
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    pub fn find(file: Option<&Path>) -> Result<Self, Trouble> {
        if let Some(path) = file {
            return Self::from_file(path);
        }
        if let Some(text) = std::env::var(KEY_VARIABLE).ok().filter(|text| !text.is_empty()) {
            return Self::parse(&text, KEY_VARIABLE);
        }
        let missing = || {
            Trouble::new(Kind::Denied, "no key of Lambda's API is known").hint(format!(
                "put it into {KEY_VARIABLE}, or into a file of mode 0600 for --api-key-file"
            ))
        };
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(missing());
        }
        let text = rpassword::prompt_password("Lambda API key: ").map_err(|_| missing())?;
        Self::parse(&text, "what was typed")
    }

    /// From a file that nobody else may read.
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    fn from_file(path: &Path) -> Result<Self, Trouble> {
        let name = path.display();
        let wrong = |why: String| Trouble::new(Kind::Denied, format!("the key file {name} {why}"));
        let unreadable = |error: io::Error| wrong(format!("cannot be read: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        // The mode of what was opened: what the name leads to may change meanwhile.
        let about = file.metadata().map_err(unreadable)?;
        let mode = about.permissions().mode() & 0o7777;
        if about.is_file() && mode & 0o177 != 0 {
            let trouble = wrong(format!("has mode {mode:04o}: others could read or change it"));
            return Err(trouble.hint(format!("chmod 600 {name}")));
        }
        let mut text = String::new();
        let read = Read::by_ref(&mut file).take(MAX_BYTES + 1).read_to_string(&mut text);
        // Not what it holds, even where it is not text.
        read.map_err(|error| wrong(format!("cannot be read: {}", error.kind())))?;
        Self::parse(&text, &format!("the key file {name}"))
    }

    /// Reads one. What is wrong is told without it.
    pub fn parse(text: &str, whence: &str) -> Result<Self, Trouble> {
        let text = text.trim();
        let wrong = |why: &str| Err(Trouble::new(Kind::Denied, format!("{whence} {why}")));
        if text.is_empty() {
            return wrong("is empty");
        }
        if text.len() as u64 > MAX_BYTES {
            return wrong("is too long for a key");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("holds more than one word: a key and nothing else is wanted");
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text without the key.
    pub(super) fn masked(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "this is the edge")]
    use super::*;

    #[test]
    fn a_key_is_one_word_and_never_shown() {
        let key = ApiKey::parse(" secret_abc_123 \n", "it").unwrap();
        assert_eq!(key.reveal(), "secret_abc_123");
        assert!(!format!("{key:?}").contains("secret"));
        assert_eq!(key.masked("a secret_abc_123 b"), "a *** b");
        for bad in ["", "  ", "two words", "line\nline", "k\u{e4}y"] {
            let trouble = ApiKey::parse(bad, "it").unwrap_err();
            assert_eq!(trouble.kind, Kind::Denied);
            assert!(
                bad.trim().is_empty() || !trouble.to_string().contains(bad.trim()),
                "{trouble}"
            );
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let path = std::env::temp_dir().join(format!("nodebake-key-{}", std::process::id()));
        std::fs::write(&path, "secret_abc_123\n").unwrap();
        for (mode, good) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o700, false),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = ApiKey::find(Some(&path));
            assert_eq!(read.is_ok(), good, "{mode:o}");
            if let Err(trouble) = read {
                assert!(!trouble.to_string().contains("secret_abc"), "{trouble}");
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
}
