//! `nodebake ssh-keys`

use std::path::PathBuf;

use super::{Account, cloud, connected};
use crate::cli::consent::consent;
use crate::cli::table::table;
use crate::cli::{Failure, Outcome, Ui};
use crate::cloud::lambda::{Lambda, keys};
use crate::cloud::plain;
use crate::cloud::{Act, Plan};
use crate::edge::fs;
use crate::spec::check_name;

/// Show, add and delete the account's SSH keys at Lambda.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the keys
    List(ListArgs),
    /// Add a public key; Lambda is never asked to make a private one
    Add(AddArgs),
    /// Delete a key; instances that have it keep it
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// What it is to be called
    name: String,
    /// The file with the public key, whose name ends with .pub
    file: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    account: Account,
}

#[derive(Debug, clap::Args)]
struct DeleteArgs {
    /// Its name, or its id
    name: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    account: Account,
}

pub(in crate::cli) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list(ui, args),
        Command::Add(args) => add(ui, args),
        Command::Delete(args) => delete(ui, args),
    }
}

fn list(ui: &Ui, args: &ListArgs) -> Outcome {
    connected(ui, &args.account, |connection| {
        let mut all = connection.api.ssh_keys().map_err(cloud)?;
        all.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        if args.json {
            return Ok(ui.json(&all)?);
        }
        let rows: Vec<Vec<String>> = all
            .iter()
            .map(|key| vec![plain(&key.name), key.id.clone(), plain(&key.public_key)])
            .collect();
        Ok(ui.data(table(&["NAME", "ID", "KEY"], &rows).as_bytes())?)
    })
}

fn add(ui: &Ui, args: &AddArgs) -> Outcome {
    check_name(&args.name).map_err(Failure::Usage)?;
    let bytes = fs::read_bytes(&args.file)?;
    let key = keys::public_key(&String::from_utf8_lossy(&bytes))
        .map_err(|why| Failure::Usage(format!("{} {why}", args.file.display())))?;
    connected(ui, &args.account, |connection| {
        let there = connection.api.ssh_keys().map_err(cloud)?;
        let plan = keys::plan_add(&there, &args.name, &key).map_err(cloud)?;
        if consent(ui, &plan, args.yes)? {
            keys::add(&connection.api, &args.name, &key).map_err(cloud)?;
            ui.talk(&format!("added {}", args.name));
        }
        Ok(())
    })
}

fn delete(ui: &Ui, args: &DeleteArgs) -> Outcome {
    connected(ui, &args.account, |connection| {
        let there = connection.api.ssh_keys().map_err(cloud)?;
        let Some(key) = keys::find(&there, &args.name) else {
            let near = keys::near(&there, &args.name);
            let hint = near
                .map(|near| format!("; there is `{}`", plain(near)))
                .unwrap_or_default();
            ui.talk(&format!("there is no SSH key `{}`: nothing to do{hint}", args.name));
            return Ok(());
        };
        let mut plan = Plan::default();
        plan.step(Act::Delete, format!("SSH key {} ({})", plain(&key.name), key.id), []);
        if consent(ui, &plan, args.yes)? {
            keys::delete(&connection.api, &key.id).map_err(cloud)?;
            ui.talk(&format!("deleted {}", plain(&key.name)));
        }
        Ok(())
    })
}
