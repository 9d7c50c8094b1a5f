//! A caller that keeps Lambda's pace and asks again where that is safe.

use std::cell::Cell;
use std::time::Duration;

use super::{Filesystem, FirewallRule, Image, Instance, InstanceOffer, Lambda, Launch, Region, Ruleset, SshKey};
use crate::cloud::{Clock, Kind, Ladder, Trouble};

/// How fast an account may ask. Lambda's numbers are in `profiles/providers/lambda.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between any two requests.
    pub request: Duration,
    /// Between two launches.
    pub launch: Duration,
}

/// Tries of one call: pauses of 2, 4, 8, 16 and 32 seconds, and half of it by chance.
pub const LADDER: Ladder = Ladder {
    tries: 6,
    first: Duration::from_secs(2),
    longest: Duration::from_mins(1),
};

/// Asks an API, patiently. What changes nothing, or may be said twice, is tried again whatever happened; all else only
/// where it was certainly not carried out, and [`Kind::Unknown`] goes to the caller, who looks first.
pub struct Patient<'p> {
    api: &'p dyn Lambda,
    clock: &'p dyn Clock,
    pace: Pace,
    told: &'p dyn Fn(&str),
    asked: Cell<Option<i64>>,
    launched: Cell<Option<i64>>,
}

impl std::fmt::Debug for Patient<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Patient")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl<'p> Patient<'p> {
    /// A caller of `api`. `told` hears of each pause after a failed try.
    pub fn new(api: &'p dyn Lambda, clock: &'p dyn Clock, pace: Pace, told: &'p dyn Fn(&str)) -> Self {
        Self {
            api,
            clock,
            pace,
            told,
            asked: Cell::new(None),
            launched: Cell::new(None),
        }
    }

    /// The clock it waits by.
    pub fn clock(&self) -> &'p dyn Clock {
        self.clock
    }

    /// Waits until `pause` has passed since `last`. The clock counts whole seconds, so one more may pass.
    fn wait(&self, last: &Cell<Option<i64>>, pause: Duration) {
        let now = self.clock.now();
        let pause_seconds = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
        if let Some(last) = last.get() {
            let passed = now.saturating_sub(last);
            if (0..=pause_seconds).contains(&passed) {
                let left = pause.saturating_sub(Duration::from_secs(u64::try_from(passed - 1).unwrap_or(0)));
                self.clock.sleep(left);
            }
        }
        last.set(Some(self.clock.now()));
    }

    fn ask<T>(
        &self,
        what: &str,
        may_repeat: impl Fn(Kind) -> bool,
        call: impl Fn(&dyn Lambda) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        LADDER.climb(
            self.clock,
            || {
                self.wait(&self.asked, self.pace.request);
                call(self.api)
            },
            |trouble| may_repeat(trouble.kind),
            |trouble, pause| {
                let seconds = pause.as_secs_f64().ceil();
                (self.told)(&format!("{what}: {}; again in {seconds} s", trouble.message));
            },
        )
    }

    /// What may be said twice.
    fn repeat<T>(&self, what: &str, call: impl Fn(&dyn Lambda) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.ask(what, Kind::may_pass, call)
    }

    /// What may not.
    fn once<T>(&self, what: &str, call: impl Fn(&dyn Lambda) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.ask(
            what,
            |kind| matches!(kind, Kind::Throttled(_) | Kind::Unreachable),
            call,
        )
    }
}

impl Lambda for Patient<'_> {
    fn regions(&self) -> Result<Vec<Region>, Trouble> {
        self.repeat("regions", |api| api.regions())
    }

    fn instance_types(&self) -> Result<Vec<InstanceOffer>, Trouble> {
        self.repeat("instance types", |api| api.instance_types())
    }

    fn images(&self) -> Result<Vec<Image>, Trouble> {
        self.repeat("images", |api| api.images())
    }

    fn file_systems(&self) -> Result<Vec<Filesystem>, Trouble> {
        self.repeat("filesystems", |api| api.file_systems())
    }

    fn instances(&self) -> Result<Vec<Instance>, Trouble> {
        self.repeat("instances", |api| api.instances())
    }

    fn instance(&self, id: &str) -> Result<Instance, Trouble> {
        self.repeat("instance", |api| api.instance(id))
    }

    fn launch(&self, launch: &Launch) -> Result<String, Trouble> {
        self.once("launch", |api| {
            self.wait(&self.launched, self.pace.launch);
            api.launch(launch)
        })
    }

    fn restart(&self, id: &str) -> Result<(), Trouble> {
        self.once("restart", |api| api.restart(id))
    }

    fn terminate(&self, id: &str) -> Result<(), Trouble> {
        self.repeat("terminate", |api| api.terminate(id))
    }

    fn ssh_keys(&self) -> Result<Vec<SshKey>, Trouble> {
        self.repeat("SSH keys", |api| api.ssh_keys())
    }

    fn add_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKey, Trouble> {
        self.once("SSH key", |api| api.add_ssh_key(name, public_key))
    }

    fn delete_ssh_key(&self, id: &str) -> Result<(), Trouble> {
        self.repeat("SSH key", |api| api.delete_ssh_key(id))
    }

    fn rulesets(&self) -> Result<Vec<Ruleset>, Trouble> {
        self.repeat("firewall", |api| api.rulesets())
    }

    fn ruleset(&self, id: &str) -> Result<Ruleset, Trouble> {
        self.repeat("firewall", |api| api.ruleset(id))
    }

    fn create_ruleset(&self, name: &str, region: &str, rules: &[FirewallRule]) -> Result<Ruleset, Trouble> {
        self.once("firewall", |api| api.create_ruleset(name, region, rules))
    }

    fn set_rules(&self, id: &str, rules: &[FirewallRule]) -> Result<Ruleset, Trouble> {
        self.once("firewall", |api| api.set_rules(id, rules))
    }

    fn delete_ruleset(&self, id: &str) -> Result<(), Trouble> {
        self.repeat("firewall", |api| api.delete_ruleset(id))
    }
}
