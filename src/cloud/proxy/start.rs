//! Starting the instance, and waiting until it runs.

use std::time::Duration;

use super::delete::gone;
use super::launch::fits;
use super::look;
use super::want::USER_DATA_TAG;
use super::{Ami, Desk, Machine, NewMachine, Want};
use crate::cloud::aws::{LADDER, again};
use crate::cloud::{Kind, Trouble};

/// How often, and how far apart, an instance is looked at until it runs: five minutes.
const LOOKS: u32 = 60;
const PAUSE: Duration = Duration::from_secs(5);

/// For so many looks an instance may be unknown after it was started: EC2's answers come from copies that learn of it a
/// little later.
const UNKNOWN: u32 = 12;

/// So many tokens are tried. EC2 lists an instance for about an hour after it ended, and remembers its token for a day:
/// one is used up by each instance of this proxy that ended in between.
const ROUNDS: u32 = 5;

fn new_machine(want: &Want, ended: &[String], ami: &Ami, group: &str, round: u32) -> NewMachine {
    let mut tags = want.tags();
    tags.insert(USER_DATA_TAG.to_owned(), want.user_data_mark());
    let own = std::iter::once(want.address);
    NewMachine {
        ami: ami.id.clone(),
        root: ami.root.clone(),
        kind: want.kind.clone(),
        subnet: want.subnet.clone(),
        group: group.to_owned(),
        addresses: own.chain(want.satellites.iter().copied()).collect(),
        // Without one the first boot has no network to install from; a kept one comes when the instance runs.
        with_public: true,
        user_data: want.user_data.clone(),
        tags,
        token: want.token(&ami.id, group, ended, round),
    }
}

/// Starts the instance of a proxy that has none but those that `ended`, and waits until it runs.
pub(super) fn start(
    desk: &Desk<'_>,
    want: &Want,
    ended: &[String],
    ami: &Ami,
    group: &str,
) -> Result<Machine, Trouble> {
    let look = || Ok(look::machine(desk, &want.name)?.0);
    let mut refused = None;
    for round in 0..ROUNDS {
        let new = new_machine(want, ended, ami, group, round);
        let started = LADDER.climb(
            desk.clock,
            || match look()? {
                Some(machine) => Ok(machine),
                None => desk.ec2.run(&new),
            },
            // The group that was made a moment ago may not be known to every copy yet.
            |trouble| trouble.kind.may_pass() || trouble.is("InvalidGroup.NotFound"),
            |trouble, pause| (desk.told)(&again(trouble, pause)),
        );
        let started = match started {
            Ok(machine) if machine.is_over() => {
                let message = format!("EC2 answers with {}, which ended a while ago", machine.id);
                (desk.told)(&format!("{message}: starting another one"));
                refused = Some(Trouble::new(Kind::Unknown, message));
                continue;
            }
            Ok(machine) => machine,
            Err(trouble) if is_used_up(&trouble) => {
                // It may be about one that runs, which no copy of EC2's knew when we looked.
                desk.clock.sleep(PAUSE);
                let Some(machine) = desk.ask(look)? else {
                    (desk.told)(&format!("{}: starting another one", trouble.message));
                    refused = Some(trouble);
                    continue;
                };
                fits(want, &machine, Some(group))?;
                machine
            }
            Err(trouble) => return Err(advise(trouble, want)),
        };
        let id = started.id.clone();
        match wait(desk, want, started) {
            Err(trouble) if trouble.kind == Kind::NotFound => {
                (desk.told)(&format!("{id} ended a while ago: starting another one"));
                // If it is there after all, it shall not be left over beside the next one.
                gone(desk.ask(|| desk.ec2.terminate(&id)))?;
                refused = Some(trouble);
            }
            ended => return ended,
        }
    }
    let trouble = refused.unwrap_or_else(|| Trouble::new(Kind::Unknown, "no instance could be started"));
    Err(advise(trouble, want))
}

/// Whether a token is that of an instance that ended.
fn is_used_up(trouble: &Trouble) -> bool {
    trouble.is("IdempotentInstanceTerminated") || trouble.is("IdempotentParameterMismatch")
}

/// What mends a refused launch.
fn advise(trouble: Trouble, want: &Want) -> Trouble {
    let hint = match trouble.code.as_deref().unwrap_or_default() {
        "InsufficientInstanceCapacity" | "Unsupported" => format!(
            "the zone of {} has no {} left, or none at all: name a subnet of another zone, or take another type",
            want.subnet, want.kind
        ),
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => {
            "the account runs as many instances as it may here: ask AWS to raise the quota".into()
        }
        "IdempotentParameterMismatch" => {
            "a launch of this proxy with other values was asked for a moment ago: `nodebake proxy list` shows what came of it".into()
        }
        "InvalidIPAddress.InUse" | "InvalidParameterValue" if trouble.message.contains("address") => {
            "another interface has one of the addresses: `nodebake eni list` shows interfaces; delete it, or take a free address".into()
        }
        _ => return trouble,
    };
    trouble.hint(hint)
}

/// Waits until the instance runs.
pub(super) fn wait(desk: &Desk<'_>, want: &Want, started: Machine) -> Result<Machine, Trouble> {
    let (mut machine, mut unknown) = (started, 0);
    for _ in 0..LOOKS {
        match machine.state.as_str() {
            "running" => return Ok(machine),
            "pending" => {}
            state => {
                let message = format!("{} is {state}: it did not come up", machine.id);
                return Err(Trouble::new(Kind::Refused, message)
                    .hint("its system log in the EC2 console says why; then run the same command again"));
            }
        }
        (desk.told)(&format!("waiting until {} runs: {}", machine.id, machine.state));
        desk.clock.sleep(PAUSE);
        let all = desk.ask(|| desk.ec2.machines(crate::plan::PROXY_TAG, Some(&want.name)))?;
        match all.into_iter().find(|one| one.id == machine.id) {
            Some(one) => machine = one,
            None if unknown < UNKNOWN => unknown += 1,
            None => {
                let message = format!("EC2 does not know {}, which it started", machine.id);
                return Err(Trouble::new(Kind::NotFound, message).hint("run the same command again"));
            }
        }
    }
    let message = format!(
        "{} does not run after five minutes: it is {}",
        machine.id, machine.state
    );
    Err(Trouble::new(Kind::Unknown, message).hint("run the same command again: it goes on with this instance"))
}
