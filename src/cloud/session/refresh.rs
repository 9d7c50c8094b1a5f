//! One refresh.

use std::time::Duration;

use serde_json::Value;

use super::config::{session, session_text, source_keys};
use super::explain::{MOST_SKEW, explain};
use super::text::clean;
use super::{AssumeRole, File, Level, Machine, Metrics, Source};
use crate::cloud::{Keys, Ladder, Trouble, moment};

/// A new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// When it ends, in seconds since 1970.
    pub expires: i64,
    /// How long it has, in seconds.
    pub lifetime: i64,
}

/// Why there is no new session. It was told already.
#[derive(Debug)]
pub enum Failed {
    /// A file, a program or the configuration.
    World(String),
    /// STS.
    Cloud(Trouble),
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self::World(why)
    }
}

/// Five tries in half a minute: less than the timer's smallest period, and long enough for a network that comes up.
const LADDER: Ladder = Ladder {
    tries: 5,
    first: Duration::from_secs(2),
    longest: Duration::from_secs(16),
};

/// From how many seconds on a skew is told, though signatures still hold.
const TOLD_SKEW: i64 = 60;

/// Gets a session and puts it in the old one's place. Whatever fails, the old one stays as it is.
pub fn refresh(machine: &dyn Machine) -> Result<Done, Failed> {
    let mut skew = None;
    let got = renew(machine, &mut skew);
    if let Some(skew) = skew.filter(|skew| skew.abs() >= TOLD_SKEW) {
        let line = format!("this clock minus that of AWS is {skew} s; beyond {MOST_SKEW} no signature holds: mend NTP");
        machine.tell(Level::Warning, &line);
    }
    measure(machine, got.as_ref().ok(), skew);
    match &got {
        Ok(done) => {
            let line = format!("session valid until {}", moment::rfc3339(done.expires));
            machine.tell(Level::Info, &line);
        }
        Err(failed) => {
            let why = match failed {
                Failed::World(why) => why.clone(),
                Failed::Cloud(trouble) => trouble.to_string(),
            };
            let (level, left) = left(machine);
            machine.tell(level, &format!("no new session: {why}\n  {left}"));
        }
    }
    got
}

/// What is left of the session that is there, and how bad that is.
fn left(machine: &dyn Machine) -> (Level, String) {
    let text = machine.read(File::Session);
    let old = text.and_then(|text| session(&text, "node", &machine.name(File::Session)));
    match old.ok().and_then(|keys| keys.expires) {
        None => (Level::Critical, "there is no old session".into()),
        Some(end) if end <= machine.now() => (Level::Critical, "the old session is over".into()),
        Some(end) => {
            let minutes = (end - machine.now()) / 60;
            (Level::Error, format!("the old session lives {minutes} min more"))
        }
    }
}

fn renew(machine: &dyn Machine, skew: &mut Option<i64>) -> Result<Done, Failed> {
    let text = machine.read(File::Config)?;
    let keys = match Source::read(&text, &machine.name(File::Config))? {
        Source::AssumeRole(ask) => assume(machine, &ask, skew)?,
        Source::Process(words) => parse(&machine.run(&words)?)?,
    };
    keys.check().map_err(|why| format!("the answer: {why}"))?;
    let (Some(expires), Some(_)) = (keys.expires, &keys.session) else {
        return Err("the answer has no session token, or no end".to_owned().into());
    };
    let now = machine.now();
    if expires <= now {
        let end = moment::rfc3339(expires);
        return Err(format!("the new session expired at {end}; is this clock right?").into());
    }
    machine.write(File::Session, &session_text(&keys))?;
    Ok(Done {
        expires,
        lifetime: expires - now,
    })
}

fn assume(machine: &dyn Machine, ask: &AssumeRole, skew: &mut Option<i64>) -> Result<Keys, Failed> {
    let name = machine.name(File::Source);
    let keys = source_keys(&machine.read(File::Source)?, &ask.profile, &name)?;
    ask.check(&keys)
        .map_err(|why| format!("{}: {why}", machine.name(File::Config)))?;
    let mut tries = 0;
    let answer = LADDER.climb(
        machine,
        || {
            tries += 1;
            let told = machine.assume_role(ask, &keys);
            if let Some(date) = told.date {
                *skew = Some(machine.now() - date);
            }
            told.answer
        },
        |trouble| trouble.kind.may_pass(),
        |trouble, pause| {
            let line = format!("{}; again in {} s", clean(&trouble.message), pause.as_secs().max(1));
            machine.tell(Level::Info, &line);
        },
    );
    answer.map_err(|trouble| {
        let mut told = explain(trouble, ask, *skew);
        if tries > 1 {
            told.message += &format!("; gave up after {tries} tries");
        }
        Failed::Cloud(told)
    })
}

/// What a `credential_process` prints, version 1.
fn parse(bytes: &[u8]) -> Result<Keys, Failed> {
    let odd = "credential_process did not print JSON with Version 1";
    let read: Option<Value> = serde_json::from_slice(bytes).ok();
    let Some(read) = read.filter(|read| read.get("Version").and_then(Value::as_i64) == Some(1)) else {
        return Err(odd.to_owned().into());
    };
    let text = |key: &str| match read.get(key).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("credential_process: {key} is missing")),
    };
    let end = text("Expiration")?;
    let expires = moment::from_rfc3339(&end);
    let strange = || format!("credential_process: {:?} is not an RFC 3339 time", clean(&end));
    Ok(Keys {
        access: text("AccessKeyId")?,
        secret: text("SecretAccessKey")?,
        session: Some(text("SessionToken")?),
        expires: Some(expires.ok_or_else(strange)?),
    })
}

/// Brings the metrics up to date. That they cannot be written is told and is no reason to fail.
fn measure(machine: &dyn Machine, done: Option<&Done>, skew: Option<i64>) {
    let old = machine.read(File::Metrics).unwrap_or_default();
    let mut metrics = Metrics::read(&old);
    metrics.skew = skew.or(metrics.skew);
    match done {
        Some(done) => {
            metrics.expires = Some(done.expires);
            metrics.last_success = Some(machine.now());
        }
        None => metrics.failures = metrics.failures.saturating_add(1),
    }
    if let Err(why) = machine.write(File::Metrics, &metrics.text()) {
        machine.tell(Level::Warning, &format!("the metrics were not written: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;
    use crate::cloud::{Clock, Kind};

    fn trouble(kind: Kind) -> Result<i64, Trouble> {
        Err(Trouble::new(kind, "it is so"))
    }

    fn denied() -> Result<i64, Trouble> {
        Err(Trouble::new(Kind::Denied, "no").code("AccessDenied"))
    }

    /// Not found does not exist here: a role that is not there is denied.
    #[test]
    fn the_ladder() {
        let machine = Fake::new(vec![
            denied(),
            trouble(Kind::Throttled(None)),
            trouble(Kind::Unknown),
            trouble(Kind::Unreachable),
            trouble(Kind::Malformed),
            Ok(3600),
        ]);
        let Err(Failed::Cloud(why)) = refresh(&machine) else {
            panic!("denied")
        };
        assert!(
            why.hint
                .as_deref()
                .is_some_and(|hint| hint.contains("session name n.example"))
        );
        assert_eq!((machine.asked(), machine.text(File::Session)), (1, None));
        let Err(Failed::Cloud(why)) = refresh(&machine) else {
            panic!("malformed")
        };
        assert_eq!(
            (why.kind, why.message.as_str()),
            (Kind::Malformed, "it is so; gave up after 4 tries")
        );
        assert_eq!(machine.slept(), [2, 4, 8].map(Duration::from_secs));
        let done = refresh(&machine).unwrap();
        assert_eq!((done.lifetime, done.expires), (3600, machine.now() + 3600));
        assert_eq!(machine.asked(), 6);
        let metrics = Metrics::read(&machine.text(File::Metrics).unwrap());
        assert_eq!((metrics.failures, metrics.expires), (2, Some(done.expires)));
        assert_eq!((metrics.last_success, metrics.skew), (Some(machine.now()), Some(0)));
    }

    #[test]
    fn what_does_not_pass_in_half_a_minute_is_given_up() {
        let machine = Fake::new((0..9).map(|_| trouble(Kind::Unreachable)).collect());
        assert!(refresh(&machine).is_err());
        assert_eq!((machine.asked(), machine.slept().len()), (5, 4));
        let total: Duration = machine.slept().iter().sum();
        assert!(total <= Duration::from_secs(30), "{total:?}");
    }

    #[test]
    fn how_bad_it_is_depends_on_what_is_left() {
        let machine = Fake::new(vec![denied(), Ok(3600), denied(), denied(), denied()]);
        let _ = refresh(&machine);
        assert_eq!(machine.worst(), Level::Critical);
        assert!(refresh(&machine).is_ok());
        assert_eq!(machine.worst(), Level::Info);
        let _ = refresh(&machine);
        assert_eq!(machine.worst(), Level::Error);
        machine.sleep(Duration::from_hours(1));
        let _ = refresh(&machine);
        assert_eq!(machine.worst(), Level::Critical);
        machine.skew.set(-70);
        let _ = refresh(&machine);
        assert!(
            machine.said().iter().any(|line| line.contains("AWS is -70 s")),
            "{:?}",
            machine.said()
        );
    }

    #[test]
    fn a_session_that_is_over_is_no_session() {
        for life in [0, -5] {
            let machine = Fake::new(vec![Ok(life)]);
            let Err(Failed::World(why)) = refresh(&machine) else {
                panic!("{life}")
            };
            assert!(why.contains("is this clock right?"), "{why}");
            assert_eq!(machine.text(File::Session), None);
        }
    }

    #[test]
    fn what_is_no_answer_of_a_program_is_refused() {
        let good = r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","Expiration":"2100-01-01T00:00:00+01:00"}"#;
        assert_eq!(parse(good.as_bytes()).unwrap().expires, Some(4_102_441_200));
        for (from, to, what) in [
            (":1,", ":2,", "Version 1"),
            ("{", "[", "Version 1"),
            ("Expiration", "End", "Expiration is missing"),
            ("2100", "soon", "is not an RFC 3339 time"),
            ("\"S\"", "\"\"", "SecretAccessKey is missing"),
            ("SessionToken", "Token", "SessionToken is missing"),
        ] {
            let Err(Failed::World(why)) = parse(good.replacen(from, to, 1).as_bytes()) else {
                panic!("{from}")
            };
            assert!(why.contains(what), "{why}");
        }
    }
}
