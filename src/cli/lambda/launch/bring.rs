//! One instance for a node: found, or launched once, and watched until it is active.

use std::time::Duration;

use super::super::watching::Watching;
use super::super::{Connection, cloud, clouds};
use crate::cli::consent::consent;
use crate::cli::{Failure, Ui};
use crate::cloud::lambda::{self, Choice, Instance, Lambda, Stock, Wish};
use crate::cloud::plain;
use crate::cloud::{Act, Kind, Plan, Trouble};

/// How to go about a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct How {
    /// For how long to wait for capacity at most, if at all.
    pub(in crate::cli) wait_capacity: Option<Duration>,
    /// Whether the plan is agreed to.
    pub(in crate::cli) yes: bool,
    /// Whether to watch it until it is active.
    pub(in crate::cli) watch: bool,
}

/// After the cloud said that capacity which it lists is not there.
const AGAIN: Duration = Duration::from_secs(30);

impl How {
    /// With what is left of the wait after so many seconds.
    fn after(self, passed: i64) -> Self {
        let passed = Duration::from_secs(u64::try_from(passed).unwrap_or(0));
        Self {
            wait_capacity: self.wait_capacity.map(|longest| longest.saturating_sub(passed)),
            ..self
        }
    }

    /// Whether nothing is left of it.
    fn is_over(self) -> bool {
        self.wait_capacity == Some(Duration::ZERO)
    }
}

/// What there is for a wish.
#[derive(Debug)]
pub(in crate::cli) enum Looked {
    /// The node has an instance.
    There(Box<Instance>),
    /// It has none; so it would be launched.
    Launch(Box<Choice>),
}

impl Looked {
    /// What is shown before the yes.
    pub(in crate::cli) fn plan(&self) -> Plan {
        match self {
            Self::There(instance) => kept(instance),
            Self::Launch(choice) => choice.plan.clone(),
        }
    }
}

/// Looks for the node's instance; if there is none, settles the launch of one. Changes nothing.
pub(in crate::cli) fn look(ui: &Ui, connection: &Connection<'_>, wish: &Wish, how: How) -> Result<Looked, Failure> {
    match running(connection, wish)? {
        Some(instance) => Ok(Looked::There(Box::new(instance))),
        None => Ok(Looked::Launch(Box::new(settle(ui, connection, wish, how)?))),
    }
}

/// Brings the node's one instance about: finds it, or plans, asks, launches and watches. `None` if nobody agreed.
pub(super) fn launch(ui: &Ui, connection: &Connection<'_>, wish: &Wish, how: How) -> Result<Option<Instance>, Failure> {
    let clock = connection.api.clock();
    let began = clock.now();
    loop {
        let how = how.after(clock.now() - began);
        let looked = look(ui, connection, wish, how)?;
        if let Looked::There(_) = looked {
            ui.talk(looked.plan().to_string().trim_end());
            ui.talk(&format!("node {} has an instance: nothing is launched", wish.node));
        } else if !consent(ui, &looked.plan(), how.yes)? {
            return Ok(None);
        }
        if let Some(instance) = bring_about(ui, connection, wish, looked, how)? {
            return Ok(Some(instance));
        }
        clock.sleep(AGAIN);
    }
}

/// Carries out what was looked at and agreed to, and watches. `None` if the capacity was gone and may be waited for.
pub(in crate::cli) fn bring_about(
    ui: &Ui,
    connection: &Connection<'_>,
    wish: &Wish,
    looked: Looked,
    how: How,
) -> Result<Option<Instance>, Failure> {
    let choice = match looked {
        Looked::There(instance) => return watched(ui, connection, *instance, how).map(Some),
        Looked::Launch(choice) => choice,
    };
    // Another run may have been faster while this one asked.
    if let Some(instance) = running(connection, wish)? {
        return watched(ui, connection, instance, how).map(Some);
    }
    if (connection.stopped)() {
        return Err(anyhow::anyhow!("stopped: nothing was launched").into());
    }
    (connection.hold)();
    let trouble = match carry_out(ui, connection, &choice, wish) {
        Ok(id) => {
            ui.talk(&format!("launched {id}"));
            let found = found(ui, connection, &id, how)?;
            // Until it was seen, another run might not see it either.
            forget(wish);
            return Ok(Some(found));
        }
        Err(trouble) => trouble,
    };
    if trouble.kind != Kind::Exhausted {
        return Err(cloud(trouble));
    }
    // What there was when the plan was made is gone.
    if how.wait_capacity.is_none() || how.is_over() || (connection.stopped)() {
        let now = stock(&connection.api, wish).and_then(|stock| lambda::choose(wish, &stock).map_err(last));
        return Err(match now {
            Err(now) if now.kind == Kind::Exhausted => cloud(now),
            _ => cloud(trouble.hint("the list says that it is there: try again, or say --wait-capacity")),
        });
    }
    ui.talk(&format!("{} Waiting on", trouble.message));
    Ok(None)
}

/// What the account and the cloud have, of what is wished.
fn stock(api: &dyn Lambda, wish: &Wish) -> Result<Stock, Trouble> {
    Ok(Stock {
        regions: api.regions()?,
        offers: api.instance_types()?,
        images: api.images()?,
        ssh_keys: api.ssh_keys()?,
        file_systems: if wish.file_systems.is_empty() {
            Vec::new()
        } else {
            api.file_systems()?
        },
        rulesets: if wish.rulesets.is_empty() {
            Vec::new()
        } else {
            api.rulesets()?
        },
    })
}

fn last(mut troubles: Vec<Trouble>) -> Trouble {
    troubles
        .pop()
        .unwrap_or_else(|| Trouble::new(Kind::Malformed, "nothing is known to be wrong"))
}

/// The instance that the node has already.
fn running(connection: &Connection<'_>, wish: &Wish) -> Result<Option<Instance>, Failure> {
    let there = connection.api.instances().map_err(cloud)?;
    match lambda::of_node(&there, &wish.node, &wish.cluster).as_slice() {
        [] => Ok(None),
        [one] => {
            forget(wish);
            Ok(Some((*one).clone()))
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
            let message = format!("node {} has {} instances: {}", wish.node, several.len(), ids.join(", "));
            Err(cloud(
                Trouble::new(Kind::Exists, message).hint("terminate all but one: `nodebake terminate ID`"),
            ))
        }
    }
}

/// A plan that leaves an instance as it is.
fn kept(one: &Instance) -> Plan {
    let mut plan = Plan::default();
    let address = one.ip.as_deref().map_or_else(|| "no address yet".to_owned(), plain);
    let details = [format!(
        "{} in {}, {}, {address}",
        plain(&one.instance_type.name),
        plain(&one.region.name),
        plain(one.status.as_str()),
    )];
    let node = one.node().map(|node| format!(" of node {}", plain(node)));
    plan.step(
        Act::Keep,
        format!("instance {}{}", one.id, node.unwrap_or_default()),
        details,
    );
    plan
}

/// A choice that can be carried out, waiting for capacity if that is wanted and all that is missing.
fn settle(ui: &Ui, connection: &Connection<'_>, wish: &Wish, how: How) -> Result<Choice, Failure> {
    let mut choice = None;
    let mut stopper: Option<Vec<Trouble>> = None;
    let mut look = |api: &lambda::Patient<'_>| {
        match lambda::choose(wish, &stock(api, wish)?) {
            Ok(made) => choice = Some(made),
            Err(troubles) if troubles.iter().all(|trouble| trouble.kind == Kind::Exhausted) => {
                stopper = Some(troubles);
                return Ok(false);
            }
            Err(troubles) => stopper = Some(troubles),
        }
        Ok(true)
    };
    if let Some(longest) = how.wait_capacity {
        (connection.listen)();
        let mut watching = Watching::new(ui, "capacity");
        let mut told = |passed: i64| {
            let minutes = passed / 60;
            watching.say(&format!("no {} yet, after {minutes} minutes", wish.instance_type));
        };
        let waited = lambda::wait_for_capacity(&connection.api, longest, &mut look, &mut told, connection.stopped);
        watching.finish();
        waited.map_err(cloud)?;
    } else {
        look(&connection.api).map_err(cloud)?;
    }
    match choice {
        Some(choice) => Ok(choice),
        None => Err(clouds(ui, stopper.unwrap_or_default())),
    }
}

#[cfg(feature = "lambda")]
fn carry_out(ui: &Ui, connection: &Connection<'_>, choice: &Choice, wish: &Wish) -> Result<String, Trouble> {
    let note = crate::edge::lambda::Note::of(&wish.node);
    let was_tried = note.is_there();
    note.write();
    let ended = lambda::carry_out(&connection.api, &choice.launch, was_tried, &|line| ui.talk(line));
    if let Err(trouble) = &ended
        && !matches!(trouble.kind, Kind::Unknown | Kind::Malformed)
    {
        note.remove();
    }
    ended
}

/// A launch is known to have gone well: nobody needs to look for it longer.
fn forget(wish: &Wish) {
    #[cfg(feature = "lambda")]
    crate::edge::lambda::Note::of(&wish.node).remove();
    #[cfg(not(feature = "lambda"))]
    let _ = wish;
}

#[cfg(not(feature = "lambda"))]
fn carry_out(ui: &Ui, connection: &Connection<'_>, choice: &Choice, _: &Wish) -> Result<String, Trouble> {
    lambda::carry_out(&connection.api, &choice.launch, false, &|line| ui.talk(line))
}

/// An instance that was just launched, by its id.
fn found(ui: &Ui, connection: &Connection<'_>, id: &str, how: How) -> Result<Instance, Failure> {
    if how.watch {
        return watch(ui, connection, id);
    }
    // The list may be a little behind.
    let mut seen = None;
    let stop = std::cell::Cell::new(false);
    let mut saw = |instance: &Instance| {
        seen = Some(instance.clone());
        stop.set(true);
    };
    let watched = lambda::watch(&connection.api, id, &mut saw, &|| stop.get());
    match (watched, seen) {
        (_, Some(instance)) => Ok(instance),
        (Err(trouble), None) => Err(cloud(trouble)),
        (Ok(_), None) => {
            Err(anyhow::anyhow!("instance {id} was launched; `nodebake instances get {id}` shows it").into())
        }
    }
}

fn watched(ui: &Ui, connection: &Connection<'_>, instance: Instance, how: How) -> Result<Instance, Failure> {
    if how.watch {
        watch(ui, connection, &instance.id)
    } else {
        Ok(instance)
    }
}

/// Watches an instance until it is active.
pub(in crate::cli) fn watch(ui: &Ui, connection: &Connection<'_>, id: &str) -> Result<Instance, Failure> {
    (connection.listen)();
    let mut watching = Watching::new(ui, "launch");
    let ended = lambda::watch(
        &connection.api,
        id,
        &mut |instance| watching.saw(instance),
        connection.stopped,
    );
    watching.finish();
    match ended.map_err(cloud)? {
        Some(instance) => Ok(instance),
        None => Err(anyhow::anyhow!(
            "stopped watching; instance {id} goes on, and costs money\n  `nodebake instances get {id}` shows it, the same \
             launch again goes on watching, `nodebake terminate {id}` ends it"
        )
        .into()),
    }
}
