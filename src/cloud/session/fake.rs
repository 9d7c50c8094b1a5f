//! A machine for tests: its time passes when it sleeps, and its STS says what it was told to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{AssumeRole, File, Level, Machine, Told};
use crate::cloud::{Clock, Keys, Trouble};

/// The machine. It gets its session by a role.
pub(super) struct Fake {
    now: Cell<i64>,
    /// This clock minus that of STS.
    pub(super) skew: Cell<i64>,
    slept: RefCell<Vec<Duration>>,
    /// What STS says next: a session of so many seconds, or a trouble.
    answers: RefCell<std::vec::IntoIter<Result<i64, Trouble>>>,
    asked: Cell<usize>,
    files: RefCell<BTreeMap<&'static str, String>>,
    said: RefCell<Vec<(Level, String)>>,
}

fn key(file: File) -> &'static str {
    match file {
        File::Config => "config",
        File::Source => "source",
        File::Session => "session",
        File::Metrics => "metrics",
    }
}

impl Fake {
    pub(super) fn new(answers: Vec<Result<i64, Trouble>>) -> Self {
        let config = "[profile nodebake]\nregion = us-west-2\nrole_arn = arn:aws:iam::123456789012:role/n\n\
                      source_profile = u\nrole_session_name = n.example\nduration_seconds = 3600\n";
        let source = "[u]\naws_access_key_id = A\naws_secret_access_key = S\n";
        Self {
            now: Cell::new(1_700_000_000),
            skew: Cell::new(0),
            slept: RefCell::default(),
            answers: RefCell::new(answers.into_iter()),
            asked: Cell::new(0),
            files: RefCell::new(BTreeMap::from([("config", config.into()), ("source", source.into())])),
            said: RefCell::default(),
        }
    }

    pub(super) fn slept(&self) -> Vec<Duration> {
        self.slept.borrow().clone()
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.get()
    }

    pub(super) fn text(&self, file: File) -> Option<String> {
        self.files.borrow().get(key(file)).cloned()
    }

    pub(super) fn said(&self) -> Vec<String> {
        self.said.borrow().iter().map(|(_, line)| line.clone()).collect()
    }

    /// The worst that was said, since this was asked last.
    pub(super) fn worst(&self) -> Level {
        let said = self.said.take();
        said.iter().map(|(level, _)| *level).min().unwrap()
    }
}

impl Clock for Fake {
    fn now(&self) -> i64 {
        self.now.get()
    }
    fn sleep(&self, time: Duration) {
        self.slept.borrow_mut().push(time);
        self.now.set(self.now.get() + i64::try_from(time.as_secs()).unwrap());
    }
    fn dice(&self) -> f64 {
        1.0
    }
}

impl Machine for Fake {
    fn name(&self, file: File) -> String {
        key(file).to_owned()
    }
    fn read(&self, file: File) -> Result<String, String> {
        self.text(file).ok_or_else(|| format!("there is no {}", key(file)))
    }
    fn write(&self, file: File, text: &str) -> Result<(), String> {
        self.files.borrow_mut().insert(key(file), text.to_owned());
        Ok(())
    }
    fn assume_role(&self, _: &AssumeRole, _: &Keys) -> Told {
        self.asked.set(self.asked.get() + 1);
        let answer = self.answers.borrow_mut().next().expect("an answer");
        Told {
            answer: answer.map(|life| Keys {
                access: "ASIA".into(),
                secret: "s".into(),
                session: Some("t".into()),
                expires: Some(self.now() + life),
            }),
            date: Some(self.now() - self.skew.get()),
        }
    }
    fn run(&self, _: &[String]) -> Result<Vec<u8>, String> {
        Err("there is no program".into())
    }
    fn tell(&self, level: Level, line: &str) {
        self.said.borrow_mut().push((level, line.to_owned()));
    }
}
