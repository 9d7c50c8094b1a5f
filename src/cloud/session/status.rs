//! What a node has, without what is secret in it.

use serde::Serialize;

use super::config::session;
use super::{File, Machine, Source};
use crate::cloud::moment;

/// Whether there is something to ask AWS with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// There is, now.
    Valid,
    /// There was.
    Expired,
    /// There is no such file or section, or it cannot be read.
    Missing,
}

/// How a session is got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// By a role.
    #[serde(rename_all = "camelCase")]
    AssumeRole {
        /// The role.
        role_arn: String,
        /// The session's name.
        session_name: String,
        /// Its lifetime.
        seconds: u64,
    },
    /// By a program: its path.
    Process(String),
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The file.
    pub file: String,
    /// Its section.
    pub profile: String,
    /// Whether it is of use.
    pub state: State,
    /// Why it is not, in words.
    pub why: Option<String>,
    /// Whether it is a session; a user's own key is none.
    pub is_session: bool,
    /// When it ends; not every writer says it.
    pub expires: Option<String>,
    /// How long that is from now on, in seconds.
    pub seconds_left: Option<i64>,
    /// How it is got, where this machine refreshes it.
    pub how: Option<How>,
}

/// Looks at the session, in the section `profile` of its file.
pub fn status(machine: &dyn Machine, profile: &str) -> Status {
    let file = machine.name(File::Session);
    let read = machine
        .read(File::Session)
        .and_then(|text| session(&text, profile, &file));
    let config = machine.read(File::Config);
    let how = config
        .and_then(|text| Source::read(&text, &machine.name(File::Config)))
        .ok();
    let mut status = Status {
        file,
        profile: profile.to_owned(),
        state: State::Valid,
        why: None,
        is_session: false,
        expires: None,
        seconds_left: None,
        how: how.map(|source| match source {
            Source::AssumeRole(ask) => How::AssumeRole {
                role_arn: ask.role_arn,
                session_name: ask.session_name,
                seconds: ask.seconds,
            },
            Source::Process(words) => How::Process(words.into_iter().next().unwrap_or_default()),
        }),
    };
    match read {
        Err(why) => {
            status.state = State::Missing;
            status.why = Some(why);
        }
        Ok(keys) => {
            status.is_session = keys.session.is_some();
            status.expires = keys.expires.map(moment::rfc3339);
            status.seconds_left = keys.expires.map(|end| end - machine.now());
            if status.seconds_left.is_some_and(|left| left <= 0) {
                status.state = State::Expired;
            }
        }
    }
    status
}

impl std::fmt::Display for Status {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.is_session { "a session" } else { "a key" };
        let place = format!("[{}] of {}", self.profile, self.file);
        match (self.state, &self.expires, self.seconds_left) {
            (State::Missing, ..) => writeln!(out, "nothing: {}", self.why.as_deref().unwrap_or_default())?,
            (State::Expired, Some(end), _) => writeln!(out, "{what} that expired at {end}, {place}")?,
            (_, Some(end), Some(left)) => writeln!(out, "{what} until {end}, {} min more, {place}", left / 60)?,
            _ => writeln!(out, "{what} whose end is not told, {place}")?,
        }
        match &self.how {
            None => Ok(()),
            Some(How::Process(program)) => writeln!(out, "got by {program}"),
            Some(How::AssumeRole {
                role_arn,
                session_name,
                seconds,
            }) => writeln!(out, "got by assuming {role_arn} as {session_name}, for {seconds} s"),
        }
    }
}
