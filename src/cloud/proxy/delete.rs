//! Deleting: the instance first, because it holds the address and the group.

use std::time::Duration;

use super::look::{self, There, cluster_of};
use super::{Desk, KeptAddress};
use crate::cloud::aws::{LADDER, again};
use crate::cloud::{Act, Kind, Ladder, Plan, Trouble};
use crate::plan::PROXY_TAG;

/// How often, and how far apart, an instance is looked at until it ended: ten minutes.
const LOOKS: u32 = 120;
const PAUSE: Duration = Duration::from_secs(5);

/// A group is in use until the interface of the instance is gone, which takes some seconds more.
const IN_USE: Ladder = Ladder { tries: 12, ..LADDER };

/// What there is of a proxy.
#[derive(Debug, Clone)]
pub struct Leftovers {
    name: String,
    there: There,
}

/// Looks for everything of a proxy.
pub fn leftovers(desk: &Desk<'_>, name: &str) -> Result<Leftovers, Trouble> {
    let there = look::there(desk, name)?;
    Ok(Leftovers {
        name: name.to_owned(),
        there,
    })
}

/// What deleting does. Nothing is changed. `keep_address`: the public address stays, for the next proxy of the name.
pub fn decide_delete(leftovers: &Leftovers, keep_address: bool) -> Plan {
    let (there, name) = (&leftovers.there, &leftovers.name);
    let mut plan = Plan::default();
    if let Some(machine) = &there.machine {
        let details = ["nodes behind it answer no logs and no exec from then on".to_owned()];
        let what = format!("instance {} of proxy {name}, {}", machine.id, cluster_of(&machine.tags));
        plan.step(Act::Delete, what, details);
    }
    if let Some(kept) = &there.kept {
        let act = if keep_address { Act::Keep } else { Act::Delete };
        let address = kept.address.map(|one| one.to_string()).unwrap_or_default();
        let what = format!("public address {address} ({}), {}", kept.id, cluster_of(&kept.tags));
        plan.step(act, what, []);
    }
    if let Some(group) = &there.group {
        let what = format!("security group {}, {}", group.id, cluster_of(&group.tags));
        plan.step(Act::Delete, what, []);
    }
    plan
}

/// Carries it out. May be run again whatever ended it: what is gone is no error.
pub fn delete(desk: &Desk<'_>, leftovers: &Leftovers, keep_address: bool) -> Result<(), Trouble> {
    let there = &leftovers.there;
    if let Some(machine) = &there.machine {
        gone(desk.ask(|| desk.ec2.terminate(&machine.id)))?;
    }
    // Those that were ending when we looked, too: they hold the address and the group until they ended.
    wait(desk, &leftovers.name)?;
    if let Some(KeptAddress { id, .. }) = there.kept.as_ref().filter(|_| !keep_address) {
        gone(when_free(desk, || desk.ec2.release(id)))?;
    }
    if let Some(group) = &there.group {
        gone(when_free(desk, || desk.ec2.delete_group(&group.id)))?;
    }
    Ok(())
}

pub(super) fn gone(ended: Result<(), Trouble>) -> Result<(), Trouble> {
    match ended {
        Err(trouble) if trouble.kind == Kind::NotFound => Ok(()),
        ended => ended,
    }
}

fn when_free(desk: &Desk<'_>, call: impl FnMut() -> Result<(), Trouble>) -> Result<(), Trouble> {
    IN_USE.climb(
        desk.clock,
        call,
        |trouble| trouble.kind.may_pass() || trouble.is("DependencyViolation") || trouble.is("InvalidIPAddress.InUse"),
        |trouble, pause| (desk.told)(&again(trouble, pause)),
    )
}

fn wait(desk: &Desk<'_>, name: &str) -> Result<(), Trouble> {
    for _ in 0..LOOKS {
        let all = desk.ask(|| desk.ec2.machines(PROXY_TAG, Some(name)))?;
        let Some(left) = all.iter().find(|machine| machine.state != "terminated") else {
            return Ok(());
        };
        (desk.told)(&format!("waiting until {} is gone: {}", left.id, left.state));
        desk.clock.sleep(PAUSE);
    }
    let message = format!("the instance of {name} did not end within ten minutes");
    Err(Trouble::new(Kind::Unknown, message).hint("run the same command again"))
}
