//! A launch, until it is certain that there is one instance and no second.

use std::time::Duration;

use super::{CLUSTER_TAG, Instance, LAUNCH_TAG, Lambda, Launch, NODE_TAG, Patient, Status};
use crate::cloud::{Kind, Trouble};

/// How often a launch whose outcome is not known is looked for in the list, before it counts as not carried out.
const LOOKS: u32 = 6;

/// Between two looks: the list may be a little behind.
const LOOK_PAUSE: Duration = Duration::from_secs(10);

/// How often a launch is said at most.
const TRIES: u32 = 3;

/// Between two looks at an instance that starts.
const WATCH_PAUSE: Duration = Duration::from_secs(10);

/// How long an instance may be missing from the list after its launch, in seconds.
const MAY_BE_MISSING: i64 = 120;

/// How long an instance may take to start, in seconds. Machines with several GPUs take 10 to 15 minutes by Lambda's
/// documentation of October 2024.
const LONGEST_START: i64 = 2700;

/// Between two looks for capacity.
const CAPACITY_PAUSE: Duration = Duration::from_secs(30);

/// The instances of a node of a cluster that are not gone or going.
pub fn of_node<'i>(instances: &'i [Instance], node: &str, cluster: &str) -> Vec<&'i Instance> {
    let own = instances
        .iter()
        .filter(|one| one.node() == Some(node) && one.cluster() == Some(cluster) && !one.status.is_over());
    own.collect()
}

/// The instance of a node whose launch was begun and not seen to end, if it comes up in the list in time.
pub fn find_late(api: &Patient<'_>, node: &str, cluster: &str) -> Result<Option<Instance>, Trouble> {
    look(api, |all| of_node(all, node, cluster).first().map(|one| (*one).clone()))
}

/// Carries out a launch; the instance's id. After an answer that leaves open whether there is an instance, it is looked
/// for by its tag, and only if it is not found it is launched again. `was_tried` says that an earlier run may have.
pub fn carry_out(api: &Patient<'_>, launch: &Launch, was_tried: bool, told: &dyn Fn(&str)) -> Result<String, Trouble> {
    if was_tried {
        told("an earlier run may have launched it: looking for its tag");
        let (node, cluster) = (tag(launch, NODE_TAG), tag(launch, CLUSTER_TAG));
        if let Some(one) = find_late(api, node, cluster).map_err(|trouble| unsure(&trouble))? {
            return Ok(one.id);
        }
    }
    let mut tried = 0;
    loop {
        tried += 1;
        let trouble = match api.launch(launch) {
            Ok(id) => return Ok(id),
            Err(trouble) => trouble,
        };
        if !matches!(trouble.kind, Kind::Unknown | Kind::Malformed) {
            return Err(trouble);
        }
        told(&format!(
            "{}: looking whether there is an instance all the same",
            trouble.message
        ));
        let wanted = Some(tag(launch, LAUNCH_TAG));
        let ours = |one: &&Instance| one.tag(LAUNCH_TAG) == wanted && !one.status.is_over();
        let found = look(api, |all| all.iter().find(ours).map(|one| one.id.clone()));
        if let Some(id) = found.map_err(|trouble| unsure(&trouble))? {
            return Ok(id);
        }
        // An answer that cannot be read was an answer: the next one would be like it.
        if tried >= TRIES || trouble.kind == Kind::Malformed {
            return Err(trouble
                .hint("no instance has its tag; look again with `nodebake instances` before you launch once more"));
        }
    }
}

/// The value of a tag that every launch of ours has.
fn tag<'l>(launch: &'l Launch, key: &str) -> &'l str {
    let found = launch.tags.iter().find(|(own, _)| own == key);
    found.map_or("", |(_, value)| value.as_str())
}

/// Nobody knows whether there is an instance, because nobody could look.
fn unsure(trouble: &Trouble) -> Trouble {
    let message = format!("whether there is an instance is not known: {}", trouble.message);
    Trouble::new(Kind::Unknown, message)
        .hint("there may be one, which costs money: look with `nodebake instances`, then say the same again")
}

/// What `find` finds in the list, while the list may be behind.
fn look<T>(api: &Patient<'_>, find: impl Fn(&[Instance]) -> Option<T>) -> Result<Option<T>, Trouble> {
    for at in 0..LOOKS {
        if at > 0 {
            api.clock().sleep(LOOK_PAUSE);
        }
        if let Some(found) = find(&api.instances()?) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Watches an instance until it is active. `saw` hears of it at every look; `stopped` ends the watch early, and leaves
/// the instance as it is.
pub fn watch(
    api: &Patient<'_>,
    id: &str,
    saw: &mut dyn FnMut(&Instance),
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Instance>, Trouble> {
    let began = api.clock().now();
    loop {
        let passed = api.clock().now() - began;
        match api.instance(id) {
            Ok(instance) => {
                saw(&instance);
                if let Some(ended) = judge(instance, id)? {
                    return Ok(Some(ended));
                }
            }
            Err(trouble) if trouble.kind == Kind::NotFound && passed < MAY_BE_MISSING => {}
            Err(trouble) if trouble.kind == Kind::NotFound => {
                let message = format!("instance {id} is gone");
                return Err(Trouble::new(Kind::NotFound, message).hint("somebody terminated it, or the cloud did"));
            }
            Err(trouble) => return Err(trouble),
        }
        if stopped() {
            return Ok(None);
        }
        if passed > LONGEST_START {
            let message = format!("instance {id} did not start within {} minutes", LONGEST_START / 60);
            return Err(Trouble::new(Kind::Unknown, message).hint(format!(
                "it is still there and costs money: `nodebake instances get {id}`, `nodebake terminate {id}`"
            )));
        }
        api.clock().sleep(WATCH_PAUSE);
        if stopped() {
            return Ok(None);
        }
    }
}

/// Whether it is up; an error if it never will be.
fn judge(instance: Instance, id: &str) -> Result<Option<Instance>, Trouble> {
    let (message, hint) = match instance.status {
        Status::Active => return Ok(Some(instance)),
        Status::Booting | Status::Other(_) => return Ok(None),
        Status::Unhealthy => (
            format!("instance {id} is unhealthy: it runs and does not answer Lambda"),
            format!("it costs money: `nodebake restart {id}` may help, `nodebake terminate {id}` ends it"),
        ),
        Status::Terminating | Status::Terminated => (
            format!("instance {id} is {}: somebody terminated it", instance.status.as_str()),
            "it is gone with its disk; launch again".to_owned(),
        ),
        Status::Preempted => (
            format!("instance {id} was preempted: Lambda took it back"),
            "it is gone with its disk; launch again".to_owned(),
        ),
    };
    Err(Trouble::new(Kind::Refused, message).hint(hint))
}

/// Waits until `ready` says that there is capacity, up to `longest`. False if there was none in that time. `told` hears
/// of each look in vain.
pub fn wait_for_capacity(
    api: &Patient<'_>,
    longest: Duration,
    ready: &mut dyn FnMut(&Patient<'_>) -> Result<bool, Trouble>,
    told: &mut dyn FnMut(i64),
    stopped: &dyn Fn() -> bool,
) -> Result<bool, Trouble> {
    let began = api.clock().now();
    let mut looked = false;
    loop {
        match ready(api) {
            Ok(true) => return Ok(true),
            Ok(false) => looked = true,
            // A wait of hours outlives an outage; one that begins with it is told.
            Err(trouble) if looked && trouble.kind.may_pass() => {}
            Err(trouble) => return Err(trouble),
        }
        let passed = api.clock().now() - began;
        if passed >= i64::try_from(longest.as_secs()).unwrap_or(i64::MAX) || stopped() {
            return Ok(false);
        }
        told(passed);
        api.clock().sleep(CAPACITY_PAUSE);
        if stopped() {
            return Ok(false);
        }
    }
}

/// Terminates an instance and waits until it is gone; true if it was there. One that is not there is fine.
pub fn terminate(api: &Patient<'_>, id: &str, saw: &mut dyn FnMut(&Instance)) -> Result<bool, Trouble> {
    match api.terminate(id) {
        Ok(()) => {}
        Err(trouble) if trouble.kind == Kind::NotFound => return Ok(false),
        // It may be on its way already: then its state tells.
        Err(trouble) if trouble.kind == Kind::Refused => match api.instance(id) {
            Ok(instance) if instance.status.is_over() => {}
            _ => return Err(trouble),
        },
        Err(trouble) => return Err(trouble),
    }
    let began = api.clock().now();
    loop {
        match api.instance(id) {
            Ok(instance) if matches!(instance.status, Status::Terminated | Status::Preempted) => return Ok(true),
            Ok(instance) => saw(&instance),
            Err(trouble) if trouble.kind == Kind::NotFound => return Ok(true),
            Err(trouble) => return Err(trouble),
        }
        if api.clock().now() - began > LONGEST_START {
            let message = format!("instance {id} is not gone after {} minutes", LONGEST_START / 60);
            return Err(Trouble::new(Kind::Unknown, message).hint("say it again, or look at Lambda's console"));
        }
        api.clock().sleep(WATCH_PAUSE);
    }
}

/// Restarts an instance. It is said twice only if the instance shows that the first time was not heard.
pub fn restart(api: &Patient<'_>, id: &str) -> Result<(), Trouble> {
    let mut tried = 0;
    loop {
        tried += 1;
        match api.restart(id) {
            Ok(()) => return Ok(()),
            Err(trouble) if trouble.kind == Kind::Unknown && tried < TRIES => {
                let instance = api.instance(id)?;
                if instance.status == Status::Booting || !instance.may_restart {
                    return Ok(());
                }
            }
            Err(trouble) => return Err(trouble),
        }
    }
}
