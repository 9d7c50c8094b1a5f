//! `nodebake launch`

use std::path::PathBuf;
use std::time::Duration;

use super::shown::{self, Shown, plain};
use super::types::architecture;
use super::watching::Watching;
use super::{Account, Connection, cloud, clouds, connected, json};
use crate::bake::{self, Packer};
use crate::base::Report;
use crate::catalog::Naming;
use crate::cli::consent::consent;
use crate::cli::load::{self, Loaded};
use crate::cli::{Common, Failure, Outcome, Ui};
use crate::cloud::lambda::{self, Choice, Instance, Lambda, Stock, Where, Wish};
use crate::cloud::{Act, Kind, Plan, Trouble};
use crate::pipeline::Built;
use crate::spec::{Credentials, LaunchSpec, check_file_system, check_name, check_region, check_tag};

/// Bake a node and launch it at Lambda.
///
/// What the node's `launch` section leaves out is said here, and what is said
/// here wins. A node that has an instance already gets no second one.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// Which node of a fleet
    #[arg(long = "node", value_name = "NAME")]
    chosen: Option<String>,
    /// Where to launch; `any` takes the first region that has everything
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The SSH key, by name; may be left out if the account has one only
    #[arg(long, value_name = "NAME")]
    ssh_key: Option<String>,
    /// What the instance is called at Lambda; the node's name if left out
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A filesystem to attach, by name
    #[arg(long, value_name = "NAME")]
    file_system: Vec<String>,
    /// A firewall ruleset of the region, by id or name
    #[arg(long, value_name = "ID")]
    firewall_ruleset: Vec<String>,
    /// A tag of the instance
    #[arg(long, value_name = "KEY=VALUE")]
    tag: Vec<String>,
    /// Wait until there is capacity, for so long (30m, 12h) or for ever
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    wait_capacity: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Do not wait until the instance is active
    #[arg(long)]
    no_wait: bool,
    /// The instance as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    common: Common,
}

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
    fn is_over(self, passed: i64) -> bool {
        self.after(passed).wait_capacity == Some(Duration::ZERO)
    }
}

pub(in crate::cli) fn run(ui: &Ui, args: &Args) -> Outcome {
    let how = How {
        wait_capacity: args
            .wait_capacity
            .as_deref()
            .map(time)
            .transpose()
            .map_err(Failure::Usage)?,
        yes: args.yes,
        watch: !args.no_wait,
    };
    let said = Said::of(args).map_err(Failure::Usage)?;
    let loaded = chosen(load::open(ui, &args.node, &args.common)?, args.chosen.as_deref())?;
    let (baked, findings) = loaded.build(|built| wish(&built, &said).map(|wish| (wish, built)));
    load::settle(ui, &findings, &args.common)?;
    let Some((wish, built)) = baked.and_then(|mut baked| baked.pop()) else {
        return Err(Failure::Findings);
    };
    let wish = wish.map_err(Failure::Usage)?;
    connected(ui, &args.account, |connection| {
        let Some(instance) = launch(ui, connection, &wish, how)? else {
            return Ok(());
        };
        if args.json {
            json(ui, &Shown::new(&instance))?;
        } else {
            ui.data(shown::instances(&[&instance]).as_bytes())?;
        }
        ui.talk(&next_steps(&built, &instance));
        Ok(())
    })
}

/// The one node to launch.
fn chosen(mut loaded: Loaded, name: Option<&str>) -> Result<Loaded, Failure> {
    let names: Vec<String> = loaded.nodes.iter().map(|(spec, _)| spec.name.value.clone()).collect();
    match name {
        Some(name) if !names.iter().any(|own| own == name) => {
            let message = format!("there is no node `{name}`: {}", names.join(", "));
            return Err(Failure::Usage(message));
        }
        Some(name) => loaded.nodes.retain(|(spec, _)| spec.name.value == name),
        None if names.len() != 1 => {
            let message = format!("this is a fleet: choose one with --node ({})", names.join(", "));
            return Err(Failure::Usage(message));
        }
        None => {}
    }
    Ok(loaded)
}

/// `30m`, `12h`, `90s`, `2d`; nothing is for ever.
fn time(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Ok(Duration::MAX);
    }
    let wrong = || format!("`{text}` is no time: a number and s, m, h or d, such as 30m");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(seconds * u64::from(number)))
}

/// What the flags say, in the form the cloud takes.
struct Said {
    region: Option<String>,
    ssh_key: Option<String>,
    name: Option<String>,
    file_systems: Vec<String>,
    rulesets: Vec<String>,
    tags: Vec<(String, String)>,
}

impl Said {
    fn of(args: &Args) -> Result<Self, String> {
        args.region.as_deref().map_or(Ok(()), check_region)?;
        args.ssh_key.as_deref().map_or(Ok(()), check_name)?;
        args.name.as_deref().map_or(Ok(()), check_name)?;
        args.file_system.iter().try_for_each(|name| check_file_system(name))?;
        args.firewall_ruleset.iter().try_for_each(|name| check_name(name))?;
        let tags = args.tag.iter().map(|text| {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| format!("`{text}` is no KEY=VALUE"))?;
            check_tag(key, value)?;
            Ok((key.to_owned(), value.to_owned()))
        });
        Ok(Self {
            region: args.region.clone(),
            ssh_key: args.ssh_key.clone(),
            name: args.name.clone(),
            file_systems: args.file_system.clone(),
            rulesets: args.firewall_ruleset.clone(),
            tags: tags.collect::<Result<_, String>>()?,
        })
    }

    /// Over what node.yaml says: one value for another, a list for a list, a tag for a tag.
    fn over(&self, spec: Option<&LaunchSpec>) -> Self {
        let text = |own: &Option<String>, theirs: Option<&crate::base::Located<String>>| {
            own.clone().or_else(|| theirs.map(|text| text.value.clone()))
        };
        let list = |own: &[String], theirs: Option<&Vec<crate::base::Located<String>>>| {
            let theirs = theirs.map(|list| list.iter().map(|text| text.value.clone()).collect());
            if own.is_empty() {
                theirs.unwrap_or_default()
            } else {
                own.to_vec()
            }
        };
        let mut tags: Vec<(String, String)> = spec
            .map(|spec| {
                spec.tags
                    .iter()
                    .map(|(key, value)| (key.value.clone(), value.value.clone()))
                    .collect()
            })
            .unwrap_or_default();
        tags.retain(|(key, _)| self.tags.iter().all(|(own, _)| own != key));
        for (key, value) in &self.tags {
            tags.retain(|(own, _)| own != key);
            tags.push((key.clone(), value.clone()));
        }
        Self {
            region: text(&self.region, spec.and_then(|spec| spec.region.as_ref())),
            ssh_key: text(&self.ssh_key, spec.and_then(|spec| spec.ssh_key.as_ref())),
            name: text(&self.name, spec.and_then(|spec| spec.name.as_ref())),
            file_systems: list(&self.file_systems, spec.map(|spec| &spec.file_systems)),
            rulesets: list(&self.rulesets, spec.map(|spec| &spec.firewall_rulesets)),
            tags,
        }
    }
}

/// What a node that passed every check wishes for; or why it cannot be launched.
fn wish(built: &Built, said: &Said) -> Result<Result<Wish, String>, Report> {
    let plan = &built.plan;
    let provider = &plan.provider.name;
    if provider != "lambda" {
        return Ok(Err(format!(
            "{} is a machine of {provider}: nodebake launches at lambda",
            plan.spec.name.value
        )));
    }
    let Some(family) = plan.image.family.clone() else {
        return Ok(Err(format!(
            "image {} has no family at Lambda to launch with",
            plan.image.name
        )));
    };
    let artifact = bake::user_data(plan, &built.verified, &Packer::default())?;
    let Ok(user_data) = String::from_utf8(artifact.bytes) else {
        return Ok(Err(
            "the user-data is no plain text, which is all that Lambda takes".into()
        ));
    };
    let said = said.over(plan.spec.node().and_then(|node| node.launch.as_ref()));
    let Some(region) = said.region else {
        let message = "no region: say --region or spec.launch.region, or `any`";
        return Ok(Err(message.into()));
    };
    Ok(Ok(Wish {
        node: plan.spec.name.value.clone(),
        instance_type: plan.instance_type.name.clone(),
        architecture: architecture(plan.instance_type.arch),
        family,
        region: if region == "any" {
            Where::Any
        } else {
            Where::Region(region)
        },
        ssh_key: said.ssh_key,
        name: said.name,
        file_systems: said.file_systems,
        rulesets: said.rulesets,
        tags: said.tags,
        user_data,
        catalog_cents: plan.instance_type.usd_per_hour.map(lambda::cents),
    }))
}

/// As [`run`] wishes for it without flags: for commands that launch among other things.
#[allow(dead_code, reason = "`up` launches by it")]
pub(in crate::cli) fn wish_of(built: &Built) -> Result<Result<Wish, String>, Report> {
    let said = Said {
        region: None,
        ssh_key: None,
        name: None,
        file_systems: Vec::new(),
        rulesets: Vec::new(),
        tags: Vec::new(),
    };
    wish(built, &said)
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

/// Brings the node's one instance about: finds it, or plans, asks, launches and watches. `None` if nobody agreed.
pub(in crate::cli) fn launch(
    ui: &Ui,
    connection: &Connection<'_>,
    wish: &Wish,
    how: How,
) -> Result<Option<Instance>, Failure> {
    let api = &connection.api;
    let there = api.instances().map_err(cloud)?;
    if let Some(instance) = running(ui, &there, wish)? {
        return watched(ui, connection, instance, how).map(Some);
    }
    let began = api.clock().now();
    loop {
        let choice = settle(ui, connection, wish, how.after(api.clock().now() - began))?;
        if !consent(ui, &choice.plan, how.yes)? {
            return Ok(None);
        }
        // Another run may have been faster while this one asked.
        let there = api.instances().map_err(cloud)?;
        if let Some(instance) = running(ui, &there, wish)? {
            return watched(ui, connection, instance, how).map(Some);
        }
        let trouble = match carry_out(ui, connection, &choice, wish) {
            Ok(id) => {
                ui.talk(&format!("launched {id}"));
                let found = found(ui, connection, &id, how);
                // Until it was seen, another run might not see it either.
                if found.is_ok() {
                    forget(wish);
                }
                return found.map(Some);
            }
            Err(trouble) => trouble,
        };
        if trouble.kind != Kind::Exhausted {
            return Err(cloud(trouble));
        }
        // What there was when the plan was made is gone.
        if how.wait_capacity.is_none() || how.is_over(api.clock().now() - began) || (connection.stopped)() {
            let now = stock(api, wish).and_then(|stock| lambda::choose(wish, &stock).map_err(last));
            return Err(match now {
                Err(now) if now.kind == Kind::Exhausted => cloud(now),
                _ => cloud(trouble.hint("the list says that it is there: try again, or say --wait-capacity")),
            });
        }
        ui.talk(&format!("{} Waiting on", trouble.message));
        api.clock().sleep(AGAIN);
    }
}

fn last(mut troubles: Vec<Trouble>) -> Trouble {
    troubles
        .pop()
        .unwrap_or_else(|| Trouble::new(Kind::Malformed, "nothing is known to be wrong"))
}

/// The instance that the node has already.
fn running(ui: &Ui, there: &[Instance], wish: &Wish) -> Result<Option<Instance>, Failure> {
    let own = lambda::of_node(there, &wish.node);
    match own.as_slice() {
        [] => Ok(None),
        [one] => {
            let mut plan = Plan::default();
            let address = one.ip.as_deref().map_or_else(|| "no address yet".to_owned(), plain);
            let details = [format!(
                "{} in {}, {}, {address}",
                plain(&one.instance_type.name),
                plain(&one.region.name),
                plain(one.status.as_str()),
            )];
            plan.step(Act::Keep, format!("instance {} of node {}", one.id, wish.node), details);
            ui.talk(plan.to_string().trim_end());
            ui.talk(&format!("node {} has an instance: nothing is launched", wish.node));
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

/// What is left to do, once a machine is there.
fn next_steps(built: &Built, instance: &Instance) -> String {
    let plan = &built.plan;
    let user = &plan.provider.default_user;
    let machine = instance.ip.as_deref().map_or_else(|| "MACHINE".to_owned(), plain);
    let mut steps = Vec::new();
    if let Credentials::AssumeRole(_) | Credentials::User(_) = plan.spec.credentials {
        steps.push(format!(
            "the key: ssh {user}@{machine} sudo install -D -o root -g root -m 600 /dev/stdin /etc/nodebake/aws/source-credentials < key"
        ));
    }
    if plan.profile.naming == Naming::Satellite {
        let identity = &plan.spec.identity;
        if let Some(address) = identity.eni_address.as_ref().or(identity.address.as_ref()) {
            steps.push(format!(
                "the proxy: pass TCP 10250 of {} on to {machine}",
                address.value
            ));
        }
        steps.push("the firewall: nodebake firewall allow --from THE-PROXYS-PUBLIC-ADDRESS".to_owned());
        steps.push(
            "the certificate: kubectl get csr, compare name and address, kubectl certificate approve NAME".to_owned(),
        );
    }
    let log = format!("first boot: ssh {user}@{machine} sudo tail -f /var/log/nodebake-first-boot.log");
    steps.push(log);
    let lines: Vec<String> = steps.iter().map(|step| format!("  {step}")).collect();
    format!("next:\n{}", lines.join("\n"))
}
