//! `nodebake instances`, `restart`, `terminate`

use super::shown::{self, Shown};
use super::watching::Watching;
use super::{Account, Connection, cloud, connected};
use crate::cli::consent::consent;
use crate::cli::{Failure, Outcome, Ui};
use crate::cloud::lambda::{self, Instance, Lambda, dollars};
use crate::cloud::plain;
use crate::cloud::{Act, Kind, Plan, Trouble};

/// Show the instances that nodebake launched at Lambda.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct ListArgs {
    #[command(subcommand)]
    command: Option<ListCommand>,
    /// All instances of the account
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

#[derive(Debug, clap::Subcommand)]
enum ListCommand {
    /// Show one instance
    Get(GetArgs),
}

#[derive(Debug, clap::Args)]
struct GetArgs {
    /// The instance's id, or the node's name
    instance: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

/// Restart an instance. Its disk stays.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RestartArgs {
    /// The instance's id, or the node's name
    instance: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    account: Account,
}

/// Terminate instances, and wait until they are gone. Their disks go with them.
/// What is not there is fine.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TerminateArgs {
    /// Ids of instances, or names of nodes
    #[arg(required = true)]
    instances: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    account: Account,
}

pub(in crate::cli) fn list(ui: &Ui, args: &ListArgs) -> Outcome {
    if let Some(ListCommand::Get(args)) = &args.command {
        return connected(ui, &args.account, |connection| get(ui, args, connection));
    }
    connected(ui, &args.account, |connection| {
        let all = connection.api.instances().map_err(cloud)?;
        let mut shown: Vec<&Instance> = all.iter().filter(|one| args.all || one.node().is_some()).collect();
        shown.sort_by_key(|one| (one.node().is_none(), one.node(), one.id.as_str()));
        if args.json {
            let shown: Vec<Shown<'_>> = shown.iter().map(|one| Shown::new(one)).collect();
            return Ok(ui.json(&shown)?);
        }
        ui.data(shown::instances(&shown).as_bytes())?;
        if shown.len() < all.len() {
            let more = all.len() - shown.len();
            ui.talk(&format!("{more} instances are not nodebake's: --all shows them"));
        }
        Ok(())
    })
}

/// The instances that a word means: one by its id, or those of a node.
fn meant<'i>(all: &'i [Instance], word: &str) -> Vec<&'i Instance> {
    let by_id: Vec<&Instance> = all.iter().filter(|one| one.id == word).collect();
    if by_id.is_empty() {
        let living = all
            .iter()
            .filter(|one| one.node() == Some(word) && !one.status.is_over());
        living.collect()
    } else {
        by_id
    }
}

/// Refuses a name that nodes of several clusters have.
fn of_one_cluster(meant: &[&Instance], word: &str) -> Outcome {
    let clusters: std::collections::BTreeSet<Option<&str>> = meant.iter().map(|one| one.cluster()).collect();
    if clusters.len() < 2 {
        return Ok(());
    }
    let names: Vec<String> = meant
        .iter()
        .map(|one| format!("{} of {}", one.id, plain(one.cluster().unwrap_or("no cluster"))))
        .collect();
    let message = format!("several clusters have a node {}: {}", plain(word), names.join(", "));
    Err(cloud(Trouble::new(Kind::Refused, message).hint("say the id of one")))
}

/// The one instance that a word means.
fn one<'i>(all: &'i [Instance], word: &str) -> Result<&'i Instance, Failure> {
    match meant(all, word).as_slice() {
        [one] => Ok(*one),
        [] => {
            let trouble = Trouble::new(
                Kind::NotFound,
                format!("there is no instance `{word}`, and none of a node so called"),
            );
            Err(cloud(trouble.hint("`nodebake instances --all` shows what there is")))
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
            let message = format!("node {word} has {} instances: {}", several.len(), ids.join(", "));
            Err(cloud(Trouble::new(Kind::Refused, message).hint("say the id of one")))
        }
    }
}

fn get(ui: &Ui, args: &GetArgs, connection: &Connection<'_>) -> Outcome {
    let all = connection.api.instances().map_err(cloud)?;
    let one = one(&all, &args.instance)?;
    if args.json {
        return Ok(ui.json(&Shown::new(one))?);
    }
    Ok(ui.data(shown::instances(&[one]).as_bytes())?)
}

/// An instance in a plan.
fn told(one: &Instance) -> String {
    let node = one
        .node()
        .map(|node| format!(" of node {}", plain(node)))
        .unwrap_or_default();
    format!("instance {}{node}", one.id)
}

fn details(one: &Instance) -> Vec<String> {
    let address = one.ip.as_deref().map_or_else(|| "no address yet".to_owned(), plain);
    vec![format!(
        "{} in {}, {}, {}, {} an hour",
        plain(&one.instance_type.name),
        plain(&one.region.name),
        plain(one.status.as_str()),
        address,
        dollars(one.instance_type.cents_per_hour)
    )]
}

pub(in crate::cli) fn restart(ui: &Ui, args: &RestartArgs) -> Outcome {
    connected(ui, &args.account, |connection| {
        let all = connection.api.instances().map_err(cloud)?;
        let one = one(&all, &args.instance)?;
        let mut plan = Plan::default();
        let mut more = details(one);
        more.push("restart it: what runs there ends, its disk stays".to_owned());
        plan.step(Act::Change, told(one), more);
        if !consent(ui, &plan, args.yes)? {
            return Ok(());
        }
        lambda::restart(&connection.api, &one.id).map_err(cloud)?;
        ui.talk(&format!("{}: restarts; `nodebake instances get {0}` shows it", one.id));
        Ok(())
    })
}

pub(in crate::cli) fn terminate(ui: &Ui, args: &TerminateArgs) -> Outcome {
    connected(ui, &args.account, |connection| {
        let all = connection.api.instances().map_err(cloud)?;
        let mut plan = Plan::default();
        let mut doomed: Vec<Instance> = Vec::new();
        for word in &args.instances {
            let named = meant(&all, word);
            of_one_cluster(&named, word)?;
            let mut named: Vec<Instance> = named.into_iter().cloned().collect();
            if named.is_empty() {
                named.extend(by_id(connection, word)?);
            }
            if named.is_empty() {
                ui.talk(&format!("{}: not there", plain(word)));
            }
            named.retain(|one| doomed.iter().all(|other| other.id != one.id));
            for one in &named {
                plan_end(&mut plan, one);
            }
            doomed.extend(named);
        }
        if !consent(ui, &plan, args.yes)? {
            return Ok(());
        }
        end(ui, connection, &doomed)
    })
}

/// An instance that the list, which may be behind, does not have.
fn by_id(connection: &Connection<'_>, word: &str) -> Result<Option<Instance>, Failure> {
    if word.len() != 32 || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    match connection.api.instance(word) {
        Ok(one) => Ok(Some(one).filter(|one| !one.status.is_over())),
        Err(trouble) if trouble.kind == Kind::NotFound => Ok(None),
        Err(trouble) => Err(cloud(trouble)),
    }
}

/// A step that ends an instance.
pub(in crate::cli) fn plan_end(plan: &mut Plan, one: &Instance) {
    let mut more = details(one);
    more.push("its disk goes with it; filesystems stay".to_owned());
    plan.step(Act::Delete, told(one), more);
}

/// Terminates instances, and waits until they are gone. One that cannot be does not keep the others.
pub(in crate::cli) fn end(ui: &Ui, connection: &Connection<'_>, doomed: &[Instance]) -> Outcome {
    let mut troubles = Vec::new();
    for one in doomed {
        let mut watching = Watching::new(ui, "terminate");
        let ended = lambda::terminate(&connection.api, &one.id, &mut |seen| watching.saw(seen));
        watching.finish();
        match ended {
            Ok(_) => ui.talk(&format!("{}: gone", one.id)),
            Err(trouble) => troubles.push(trouble),
        }
    }
    if troubles.is_empty() {
        return Ok(());
    }
    Err(super::clouds(ui, troubles))
}
