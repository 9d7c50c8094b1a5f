//! The node's files: how a session is got, the key it is got with, and the session itself.

use super::text::words;
use crate::base::{IamArn, Principal};
use crate::cloud::profiles::EXPIRES;
use crate::cloud::{Keys, moment};
use crate::syntax::ini;

/// Shortest and longest session STS gives, in seconds (AssumeRole, `DurationSeconds`).
const SESSION_SECONDS: (u64, u64) = (900, 43_200);

/// The longest session that one session may get for another (AssumeRole, role chaining).
const CHAINED_SECONDS: u64 = 3600;

/// How a session is got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A key assumes a role.
    AssumeRole(AssumeRole),
    /// A program prints it: its words.
    Process(Vec<String>),
}

/// What is asked of STS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// The node's role.
    pub role_arn: String,
    /// The session's name, which the trust policy pins.
    pub session_name: String,
    /// The session's lifetime in seconds.
    pub seconds: u64,
    /// The region whose STS is asked.
    pub region: String,
    /// The section with the key.
    pub profile: String,
}

/// One section of a text, or what is wrong with it. Never shows a line: it may hold a key.
struct Section<'t> {
    file: &'t str,
    pairs: Vec<ini::Pair>,
}

impl<'t> Section<'t> {
    fn read(text: &str, name: &str, file: &'t str) -> Result<Self, String> {
        let pairs = ini::parse(text).map_err(|line| format!("{file}:{line}: this is not the AWS config format"))?;
        let pairs: Vec<ini::Pair> = pairs.into_iter().filter(|pair| pair.section == name).collect();
        if pairs.is_empty() {
            return Err(format!("{file} has no section [{name}], or nothing in it"));
        }
        Ok(Self { file, pairs })
    }

    fn get(&self, key: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|pair| pair.key.eq_ignore_ascii_case(key));
        pair.map(|pair| pair.value.as_str()).filter(|value| !value.is_empty())
    }

    fn need(&self, key: &str) -> Result<String, String> {
        let value = self
            .get(key)
            .filter(|value| value.bytes().all(|byte| byte.is_ascii_graphic()));
        let missing = || format!("{}: {key} is missing or malformed", self.file);
        value.map(str::to_owned).ok_or_else(missing)
    }

    fn keys(&self) -> Result<Keys, String> {
        let expires = match self.get(EXPIRES) {
            None => None,
            Some(text) => {
                let strange = || format!("{}: {EXPIRES} is not an RFC 3339 time", self.file);
                Some(moment::from_rfc3339(text).ok_or_else(strange)?)
            }
        };
        let keys = Keys {
            access: self.need("aws_access_key_id")?,
            secret: self.need("aws_secret_access_key")?,
            session: self.get("aws_session_token").map(str::to_owned),
            expires,
        };
        keys.check().map_err(|why| format!("{}: {why}", self.file))?;
        Ok(keys)
    }
}

impl Source {
    /// Reads `[profile nodebake]` of a config file, which is called `file` in messages.
    pub fn read(text: &str, file: &str) -> Result<Self, String> {
        let section = Section::read(text, "profile nodebake", file)?;
        if let Some(command) = section.get("credential_process") {
            let words = words(command).filter(|words| !words.is_empty());
            let odd = || format!("{file}: credential_process has a quote that does not end");
            return words.map(Self::Process).ok_or_else(odd);
        }
        let seconds = section.need("duration_seconds")?;
        let odd = |_| format!("{file}: duration_seconds is not a number");
        Ok(Self::AssumeRole(AssumeRole {
            role_arn: section.need("role_arn")?,
            session_name: section.need("role_session_name")?,
            seconds: seconds.parse().map_err(odd)?,
            region: section.need("region")?,
            profile: section.need("source_profile")?,
        }))
    }
}

impl AssumeRole {
    /// Whether STS could say yes, as far as that is known here. Role chaining is known by the key: one with a session
    /// token is a session's.
    pub fn check(&self, keys: &Keys) -> Result<(), String> {
        let (least, most) = SESSION_SECONDS;
        let good = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
        let role = self.role_arn.parse::<IamArn>();
        if !(least..=most).contains(&self.seconds) {
            Err(format!("duration_seconds {} is not in {least} to {most}", self.seconds))
        } else if keys.session.is_some() && self.seconds > CHAINED_SECONDS {
            Err(format!(
                "duration_seconds {} is more than {CHAINED_SECONDS}, the most that a session may get for another role: \
                 use an IAM user's key, or ask for less",
                self.seconds
            ))
        } else if !(2..=64).contains(&self.session_name.len()) || !good(&self.session_name) {
            Err("role_session_name is not 2 to 64 letters, digits and _+=,.@-".into())
        } else if !role.is_ok_and(|arn| arn.principal() == Principal::Role) {
            Err("role_arn is not the ARN of a role".into())
        } else {
            Ok(())
        }
    }
}

/// Whether a key may be sent to an STS at `url`: over https, or to this machine.
pub fn endpoint(url: &str) -> Result<(), String> {
    let host = |rest: &str| {
        let authority = rest.split('/').next().unwrap_or_default();
        let port = authority
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        port.map_or(authority, |(host, _)| host).to_owned()
    };
    match url.split_once("://") {
        Some((_, rest)) if rest.is_empty() || rest.contains(['@', '?', '#', ' ']) => Err("is no address".into()),
        Some(("https", _)) => Ok(()),
        Some(("http", rest)) if ["localhost", "127.0.0.1", "[::1]"].contains(&host(rest).as_str()) => Ok(()),
        _ => Err("must be https (http only on this machine)".into()),
    }
}

/// The long-lived key, in its section.
pub(super) fn source_keys(text: &str, profile: &str, file: &str) -> Result<Keys, String> {
    Section::read(text, profile, file)?.keys()
}

/// A key or session in a section of a file.
pub(super) fn session(text: &str, profile: &str, file: &str) -> Result<Keys, String> {
    Section::read(text, profile, file)?.keys()
}

/// The session file.
pub(super) fn session_text(keys: &Keys) -> String {
    let expires = keys.expires.map(moment::rfc3339);
    let pairs = [
        ("aws_access_key_id", Some(&keys.access)),
        ("aws_secret_access_key", Some(&keys.secret)),
        ("aws_session_token", keys.session.as_ref()),
        (EXPIRES, expires.as_ref()),
    ];
    let lines: String = pairs
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| format!("{key} = {value}\n")))
        .collect();
    format!("[node]\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[profile nodebake]\nregion = us-west-2\nrole_arn = arn:aws:iam::123456789012:role/n\n\
                          source_profile = u\nrole_session_name = n.example\nduration_seconds = 14400\n";

    fn ask() -> AssumeRole {
        match Source::read(CONFIG, "c").unwrap() {
            Source::AssumeRole(ask) => ask,
            Source::Process(words) => panic!("{words:?}"),
        }
    }

    fn keys(session: Option<&str>) -> Keys {
        Keys {
            access: "A".into(),
            secret: "S".into(),
            session: session.map(Into::into),
            expires: Some(1_692_938_720),
        }
    }

    #[test]
    fn a_configuration_is_read() {
        assert_eq!((ask().seconds, ask().region.as_str()), (14_400, "us-west-2"));
        let process = Source::read("[profile nodebake]\ncredential_process = /h 'a b'\n", "c");
        assert_eq!(process, Ok(Source::Process(vec!["/h".into(), "a b".into()])));
        for (text, what) in [
            ("[default]\nregion = x\n", "no section [profile nodebake]"),
            ("[profile nodebake]\nregion\n", "c:2: this is not the AWS config format"),
            ("[profile nodebake]\nregion = x\n", "duration_seconds is missing"),
            ("[profile nodebake]\ncredential_process = 'a\n", "does not end"),
        ] {
            let why = Source::read(text, "c").unwrap_err();
            assert!(why.contains(what), "{why}");
        }
        assert!(
            Source::read(&CONFIG.replace("14400", "4h"), "c")
                .unwrap_err()
                .contains("not a number")
        );
    }

    #[test]
    fn what_sts_would_refuse_is_not_asked() {
        assert_eq!(ask().check(&keys(None)), Ok(()));
        let told = |ask: AssumeRole, session| ask.check(&keys(session)).unwrap_err();
        for seconds in [0, 899, 43_201] {
            assert!(told(AssumeRole { seconds, ..ask() }, None).contains("900 to 43200"));
        }
        assert!(told(ask(), Some("T")).contains("more than 3600"));
        let hour = AssumeRole { seconds: 3600, ..ask() };
        assert_eq!(hour.check(&keys(Some("T"))), Ok(()));
        for name in ["a", "a b", &"a".repeat(65)] {
            let ask = AssumeRole {
                session_name: name.into(),
                ..ask()
            };
            assert!(told(ask, None).contains("role_session_name"), "{name}");
        }
        for arn in ["x", "arn:aws:iam::123456789012:user/n"] {
            let ask = AssumeRole {
                role_arn: arn.into(),
                ..ask()
            };
            assert!(told(ask, None).contains("role_arn"), "{arn}");
        }
    }

    #[test]
    fn a_key_goes_nowhere_in_clear_text() {
        for good in [
            "https://sts.example",
            "http://127.0.0.1:80",
            "http://[::1]:8080/",
            "http://localhost",
        ] {
            assert_eq!(endpoint(good), Ok(()), "{good}");
        }
        for bad in [
            "http://sts.us-west-2.amazonaws.com",
            "http://127.0.0.1@sts.example.com",
            "http://127.0.0.1.example.com",
            "file:///etc/passwd",
            "ftp://127.0.0.1",
            "127.0.0.1",
            "",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_session_file_is_read_back() {
        let text = session_text(&keys(Some("T")));
        assert_eq!(
            text,
            "[node]\naws_access_key_id = A\naws_secret_access_key = S\naws_session_token = T\n\
             x_security_token_expires = 2023-08-25T04:45:20Z\n"
        );
        assert_eq!(session(&text, "node", "f"), Ok(keys(Some("T"))));
        assert!(session(&text, "other", "f").unwrap_err().contains("no section [other]"));
    }
}
