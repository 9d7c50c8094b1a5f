//! Taking the interface of a node away.

use super::Desk;
use super::find::{Whose, find};
use super::wait::wait;
use super::{CLUSTER_TAG, NODE_TAG};
use crate::cloud::aws::{LADDER, again};
use crate::cloud::{Act, Interface, Kind, Plan, Trouble};

/// What is going to be taken away.
#[derive(Debug, Clone)]
pub struct Removal {
    /// What is shown before the yes. Nothing to do if the interface is not there.
    pub plan: Plan,
    /// The interface, if it is there.
    pub there: Option<Interface>,
}

/// Looks at what is there. Refused if it is not nodebake's, or something other than an instance has it.
pub fn removal(desk: &Desk<'_>, whose: &Whose) -> Result<Removal, Trouble> {
    let mut plan = Plan::default();
    let there = find(desk, whose)?;
    if let Some(one) = &there {
        may_go(one)?;
        if let Some(instance) = one.attachment.as_ref().and_then(|at| at.instance.as_deref()) {
            plan.step(Act::Delete, format!("attachment to instance {instance}"), []);
        }
        let tag = |key| one.tags.get(key).map_or("-", String::as_str);
        let address = one.address.map_or_else(|| "-".into(), |address| address.to_string());
        plan.step(
            Act::Delete,
            format!("network interface {}", one.id),
            [
                format!("of node {} of cluster {}", tag(NODE_TAG), tag(CLUSTER_TAG)),
                format!("its address {address} may be given to others then"),
            ],
        );
    }
    Ok(Removal { plan, there })
}

/// Carries it out. May be run again whatever ended it.
pub fn remove(desk: &Desk<'_>, removal: &Removal) -> Result<(), Trouble> {
    let Some(one) = &removal.there else { return Ok(()) };
    let id = &one.id;
    LADDER.climb(
        desk.clock,
        || {
            let now = match desk.ec2.interface(id) {
                Err(trouble) if trouble.kind == Kind::NotFound => return Ok(()),
                found => found?,
            };
            may_go(&now)?;
            if let Some(at) = &now.attachment {
                if at.status != "detaching" {
                    gone(desk.ec2.detach_interface(&at.id))?;
                }
                // Detaching takes seconds; it is looked at again before it is deleted.
                gone(wait(desk, id, "detached", |one| one.attachment.is_none()).map(drop))?;
            }
            gone(desk.ec2.delete_interface(id))
        },
        |trouble| trouble.kind.may_pass() || trouble.is("InvalidNetworkInterface.InUse"),
        |trouble, pause| (desk.told)(&again(trouble, pause)),
    )
}

/// What is gone is as good as taken away.
fn gone(done: Result<(), Trouble>) -> Result<(), Trouble> {
    match done {
        Err(trouble) if trouble.kind == Kind::NotFound => Ok(()),
        done => done,
    }
}

fn may_go(one: &Interface) -> Result<(), Trouble> {
    let refused = |why: String, hint: &str| Err(Trouble::new(Kind::Refused, why).hint(hint));
    if !one.tags.contains_key(NODE_TAG) {
        let why = format!("{} has no tag {NODE_TAG}: nodebake did not make it", one.id);
        return refused(why, "`aws ec2 delete-network-interface` deletes it, if nobody needs it");
    }
    if one.managed {
        let why = format!("{} is managed by a service of AWS", one.id);
        return refused(why, "delete what it belongs to");
    }
    let Some(at) = &one.attachment else { return Ok(()) };
    match &at.instance {
        None => refused(
            format!("{} is attached to something that is no instance", one.id),
            "delete what it belongs to",
        ),
        Some(instance) if at.index == 0 => refused(
            format!(
                "{} is the first card of instance {instance}, which cannot be detached",
                one.id
            ),
            "terminate the instance",
        ),
        Some(_) => Ok(()),
    }
}
