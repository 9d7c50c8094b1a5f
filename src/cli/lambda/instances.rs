//! `nodebake instances`, `restart`, `terminate`

use super::shown::{self, Shown, plain};
use super::watching::Watching;
use super::{Account, Connection, cloud, connected, json};
use crate::cli::consent::consent;
use crate::cli::{Failure, Outcome, Ui};
use crate::cloud::lambda::{self, Instance, Lambda, dollars};
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
            return json(ui, &shown);
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
        lambda::of_node(all, word)
    } else {
        by_id
    }
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
        return json(ui, &Shown::new(one));
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
        let mut doomed: Vec<&Instance> = Vec::new();
        for word in &args.instances {
            let meant = meant(&all, word);
            if meant.is_empty() {
                ui.talk(&format!("{}: not there", plain(word)));
            }
            for one in meant {
                if doomed.iter().any(|other| other.id == one.id) {
                    continue;
                }
                plan_end(&mut plan, one);
                doomed.push(one);
            }
        }
        if !consent(ui, &plan, args.yes)? {
            return Ok(());
        }
        end(ui, connection, &doomed)
    })
}

/// A step that ends an instance.
pub(in crate::cli) fn plan_end(plan: &mut Plan, one: &Instance) {
    let mut more = details(one);
    more.push("its disk goes with it; filesystems stay".to_owned());
    plan.step(Act::Delete, told(one), more);
}

/// Terminates instances, and waits until they are gone. One that cannot be does not keep the others.
pub(in crate::cli) fn end(ui: &Ui, connection: &Connection<'_>, doomed: &[&Instance]) -> Outcome {
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
