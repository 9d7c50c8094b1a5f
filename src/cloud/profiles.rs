//! The files in which AWS' tools keep profiles: `~/.aws/config` and `~/.aws/credentials`.
//!
//! Only what a profile says itself is read here. A profile that points elsewhere (a role, single sign-on, a program) is
//! the SDK's business.

use std::collections::BTreeMap;

use super::{Keys, moment};

/// When a session ends, as tools that write sessions into a credentials file call it.
pub const EXPIRES: &str = "x_security_token_expires";

/// What makes a profile point elsewhere; with one of these its own keys are not what the SDK takes.
const ELSEWHERE: [&str; 8] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "login_session",
];

/// One section.
pub type Profile = BTreeMap<String, String>;

/// Which file is read: in a config file profiles are called `[profile NAME]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// `~/.aws/config`.
    Config,
    /// `~/.aws/credentials`.
    Credentials,
}

/// The section of a profile in a file's text; `None` if there is none. As generous as the tools: what is indented
/// belongs to the line above and is skipped, and so is a line that is none.
pub fn section(text: &str, file: File, profile: &str) -> Option<Profile> {
    let mut found: Option<Profile> = None;
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let name = rest.split(']').next().unwrap_or_default().trim();
            let own = match (file, name.split_once([' ', '\t'])) {
                (File::Config, Some(("profile", name))) => name.trim() == profile,
                (File::Config, _) => name == "default" && profile == "default",
                (File::Credentials, _) => name == profile,
            };
            inside = own;
            if own {
                found.get_or_insert_default();
            }
            continue;
        }
        if inside
            && !line.starts_with([' ', '\t'])
            && let (Some((key, value)), Some(found)) = (trimmed.split_once('='), &mut found)
        {
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.split(" ;").next().unwrap_or_default();
            found.insert(key.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    found
}

/// Whether the profile leads to credentials: its own, or somebody else's. One that says a region alone does not.
pub fn leads(profile: &Profile) -> bool {
    let own = ["aws_access_key_id", "aws_secret_access_key"];
    ELSEWHERE.iter().chain(&own).any(|key| profile.contains_key(*key))
}

/// The profile's own keys, if it has some and points nowhere else. `Err` says what is wrong with them.
pub fn keys(profile: &Profile) -> Option<Result<Keys, String>> {
    if ELSEWHERE.iter().any(|key| profile.contains_key(*key)) {
        return None;
    }
    let get = |key: &str| profile.get(key).filter(|value| !value.is_empty());
    if !profile
        .keys()
        .any(|key| key == "aws_access_key_id" || key == "aws_secret_access_key")
    {
        return None;
    }
    let expires = match get(EXPIRES) {
        None => None,
        Some(text) => match moment::from_rfc3339(text) {
            Some(end) => Some(end),
            None => return Some(Err(format!("{EXPIRES} is not an RFC 3339 time"))),
        },
    };
    let keys = Keys {
        access: get("aws_access_key_id").cloned().unwrap_or_default(),
        secret: get("aws_secret_access_key").cloned().unwrap_or_default(),
        session: get("aws_session_token").cloned(),
        expires,
    };
    Some(match keys.check() {
        Ok(()) => Ok(keys),
        Err(why) => Err(why.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_in_both_files() {
        let config =
            "[default]\nregion = a\n[profile  two]\nregion=b\ns3 =\n  region = c\n[sso-session two]\nregion = d\n";
        let region = |name| section(config, File::Config, name).map(|profile| profile["region"].clone());
        assert_eq!(region("default"), Some("a".into()));
        assert_eq!(region("two"), Some("b".into()));
        assert_eq!(region("three"), None);
        let text = "# c\n[two]\naws_access_key_id = A ; mine\nAWS_SECRET_ACCESS_KEY = S=+/ # yes\n[two]\naws_session_token=T\n";
        let found = keys(&section(text, File::Credentials, "two").unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.access, found.secret, found.session),
            ("A".into(), "S=+/".into(), Some("T".into()))
        );
    }

    #[test]
    fn a_profile_that_points_elsewhere_has_no_keys_of_its_own() {
        let with = |more: &str| {
            let text = format!("[x]\naws_access_key_id = A\naws_secret_access_key = S\n{more}\n");
            keys(&section(&text, File::Credentials, "x").unwrap())
        };
        assert!(with("").unwrap().is_ok());
        for key in ELSEWHERE {
            assert_eq!(with(&format!("{key} = y")), None, "{key}");
            assert!(leads(&Profile::from([(key.to_owned(), "y".to_owned())])), "{key}");
        }
        assert!(!leads(&Profile::from([("region".to_owned(), "r".to_owned())])));
        assert_eq!(keys(&Profile::new()), None);
    }

    #[test]
    fn half_a_key_and_a_strange_end_are_told_without_them() {
        let told = |text: &str| {
            keys(&section(text, File::Credentials, "x").unwrap())
                .unwrap()
                .unwrap_err()
        };
        assert!(told("[x]\naws_access_key_id = A\n").contains("aws_secret_access_key is missing"));
        assert!(told("[x]\naws_secret_access_key = S\n").contains("aws_access_key_id is missing"));
        let end = "[x]\naws_access_key_id = A\naws_secret_access_key = S\nx_security_token_expires = soon\n";
        assert_eq!(told(end), "x_security_token_expires is not an RFC 3339 time");
    }
}
