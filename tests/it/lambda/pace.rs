//! The pace: one request a second, one launch in twelve, by a clock in which nobody waits.

use std::cell::RefCell;
use std::time::Duration;

use nodebake::catalog::Catalog;
use nodebake::cloud::Clock;
use nodebake::cloud::Trouble;
use nodebake::cloud::lambda::{
    Filesystem, FirewallRule, Image, Instance, InstanceOffer, Lambda, Launch, Pace, Patient, Region, Ruleset, SshKey,
};

use super::Still;
use super::calls::launch;

/// Writes down when it is asked.
struct Log<'c> {
    clock: &'c Still,
    asked: RefCell<Vec<(&'static str, i64)>>,
}

impl Log<'_> {
    fn note(&self, what: &'static str) {
        self.asked.borrow_mut().push((what, self.clock.now()));
    }
}

impl Lambda for Log<'_> {
    fn regions(&self) -> Result<Vec<Region>, Trouble> {
        self.note("ask");
        Ok(Vec::new())
    }
    fn launch(&self, _: &Launch) -> Result<String, Trouble> {
        self.note("launch");
        Ok("1".into())
    }
    fn instance_types(&self) -> Result<Vec<InstanceOffer>, Trouble> {
        unreachable!()
    }
    fn images(&self) -> Result<Vec<Image>, Trouble> {
        unreachable!()
    }
    fn file_systems(&self) -> Result<Vec<Filesystem>, Trouble> {
        unreachable!()
    }
    fn instances(&self) -> Result<Vec<Instance>, Trouble> {
        unreachable!()
    }
    fn instance(&self, _: &str) -> Result<Instance, Trouble> {
        unreachable!()
    }
    fn restart(&self, _: &str) -> Result<(), Trouble> {
        unreachable!()
    }
    fn terminate(&self, _: &str) -> Result<(), Trouble> {
        unreachable!()
    }
    fn ssh_keys(&self) -> Result<Vec<SshKey>, Trouble> {
        unreachable!()
    }
    fn add_ssh_key(&self, _: &str, _: &str) -> Result<SshKey, Trouble> {
        unreachable!()
    }
    fn delete_ssh_key(&self, _: &str) -> Result<(), Trouble> {
        unreachable!()
    }
    fn rulesets(&self) -> Result<Vec<Ruleset>, Trouble> {
        unreachable!()
    }
    fn ruleset(&self, _: &str) -> Result<Ruleset, Trouble> {
        unreachable!()
    }
    fn create_ruleset(&self, _: &str, _: &str, _: &[FirewallRule]) -> Result<Ruleset, Trouble> {
        unreachable!()
    }
    fn set_rules(&self, _: &str, _: &[FirewallRule]) -> Result<Ruleset, Trouble> {
        unreachable!()
    }
    fn delete_ruleset(&self, _: &str) -> Result<(), Trouble> {
        unreachable!()
    }
}

#[test]
fn nobody_is_asked_faster_than_the_catalog_says() {
    let provider = Catalog::embedded().provider("lambda").unwrap();
    let pace = provider.api.as_ref().unwrap();
    assert_eq!((pace.request_seconds, pace.launch_seconds), (1, 12));
    let pace = Pace {
        request: Duration::from_secs(pace.request_seconds),
        launch: Duration::from_secs(pace.launch_seconds),
    };
    let clock = Still::default();
    let log = Log {
        clock: &clock,
        asked: RefCell::default(),
    };
    let patient = Patient::new(&log, &clock, pace, &|_| {});
    for _ in 0..5 {
        patient.regions().unwrap();
    }
    patient.launch(&launch()).unwrap();
    patient.launch(&launch()).unwrap();
    clock.sleep(Duration::from_mins(1));
    patient.launch(&launch()).unwrap();
    let asked = log.asked.borrow();
    for (one, next) in asked.iter().zip(asked.iter().skip(1)) {
        assert!(next.1 - one.1 >= 1, "{asked:?}");
    }
    let launches: Vec<i64> = asked
        .iter()
        .filter(|(what, _)| *what == "launch")
        .map(|(_, at)| *at)
        .collect();
    assert_eq!(launches.len(), 3);
    assert!(launches[1] - launches[0] >= 12, "{asked:?}");
    // After a long pause nobody waits.
    assert_eq!(launches[2] - launches[1], 60, "{asked:?}");
}
