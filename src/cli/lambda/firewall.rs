//! `nodebake firewall`

use std::net::Ipv4Addr;

use super::{Account, cloud, connected};
use crate::cli::consent::consent;
use crate::cli::table::table;
use crate::cli::{Failure, Outcome, Ui};
use crate::cloud::lambda::firewall::{self, Edit};
use crate::cloud::lambda::{GLOBAL, Lambda, Ruleset};
use crate::cloud::plain;
use crate::cloud::{Kind, Trouble};

/// Show Lambda's firewall, and open TCP 10250 of the nodes to their proxy.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show all rules
    List(ListArgs),
    /// Let a proxy reach the kubelets; all other rules stay
    Allow(ChangeArgs),
    /// Take back what `allow` gave
    Revoke(ChangeArgs),
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
struct ChangeArgs {
    /// The proxy's public address; one address, not a network
    #[arg(long, value_name = "ADDRESS", required = true, value_parser = firewall::proxy_address)]
    from: Vec<Ipv4Addr>,
    /// The ruleset of a region, by id or name; the account's own rules if left
    /// out
    #[arg(long, value_name = "ID", default_value = GLOBAL)]
    ruleset: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    account: Account,
}

pub(in crate::cli) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list(ui, args),
        Command::Allow(args) => change(ui, args, |ruleset| firewall::allow(ruleset, &args.from).map_err(cloud)),
        Command::Revoke(args) => change(ui, args, |ruleset| Ok(firewall::revoke(ruleset, &args.from))),
    }
}

/// All rulesets, the account's own first.
fn rulesets(api: &dyn Lambda) -> Result<Vec<Ruleset>, Failure> {
    let mut all = vec![api.ruleset(GLOBAL).map_err(cloud)?];
    let mut others = api.rulesets().map_err(cloud)?;
    others.retain(|other| other.id != GLOBAL);
    others.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    all.extend(others);
    Ok(all)
}

fn list(ui: &Ui, args: &ListArgs) -> Outcome {
    connected(ui, &args.account, |connection| {
        let all = rulesets(&connection.api)?;
        if args.json {
            return Ok(ui.json(&all)?);
        }
        let mut rows = Vec::new();
        for ruleset in &all {
            let region = ruleset.region.as_ref().map_or("all", |region| region.name.as_str());
            for rule in &ruleset.rules {
                let ports = match rule.ports {
                    None => "-".to_owned(),
                    Some((first, last)) if first == last => first.to_string(),
                    Some((first, last)) => format!("{first}-{last}"),
                };
                rows.push(vec![
                    plain(&ruleset.id),
                    plain(&ruleset.name),
                    plain(region),
                    rule.protocol.as_str().to_owned(),
                    ports,
                    plain(&rule.source),
                    plain(&rule.description),
                ]);
            }
        }
        let heads = ["RULESET", "NAME", "REGION", "PROTOCOL", "PORTS", "FROM", "WHY"];
        Ok(ui.data(table(&heads, &rows).as_bytes())?)
    })
}

fn change(ui: &Ui, args: &ChangeArgs, make: impl Fn(&Ruleset) -> Result<Edit, Failure>) -> Outcome {
    connected(ui, &args.account, |connection| {
        let ruleset = if args.ruleset == GLOBAL {
            connection.api.ruleset(GLOBAL).map_err(cloud)?
        } else {
            named(connection.api.rulesets().map_err(cloud)?, &args.ruleset)?
        };
        let edit = make(&ruleset)?;
        if consent(ui, &edit.plan, args.yes)? {
            firewall::apply(&connection.api, &edit).map_err(cloud)?;
            ui.talk("written, and read back");
        }
        Ok(())
    })
}

fn named(all: Vec<Ruleset>, name: &str) -> Result<Ruleset, Failure> {
    let known: Vec<String> = all
        .iter()
        .map(|one| format!("{} ({})", plain(&one.name), one.id))
        .collect();
    let mut found: Vec<Ruleset> = all
        .into_iter()
        .filter(|one| one.id == name || one.name == name)
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => {
            let message = format!("several firewall rulesets are called `{name}`");
            Err(cloud(Trouble::new(Kind::Refused, message).hint("say the id of one")))
        }
        (None, _) => {
            let message = format!("there is no firewall ruleset `{name}`");
            Err(cloud(
                Trouble::new(Kind::NotFound, message).hint(format!("there are: {}", known.join(", "))),
            ))
        }
    }
}
