//! `nodebake launch`

pub(in crate::cli) mod bring;
mod said;

use std::path::PathBuf;
use std::time::Duration;

use super::shown::{self, Shown};
use super::{Account, connected};
use crate::cli::load::{self, Loaded};
use crate::cli::next::next;
use crate::cli::{Common, Failure, Outcome, Ui};
use bring::{How, launch};
pub(in crate::cli) use said::{Said, wish};

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
            ui.json(&Shown::new(&instance))?;
        } else {
            ui.data(shown::instances(&[&instance]).as_bytes())?;
        }
        let address = instance.ip.as_deref().and_then(|ip| ip.parse().ok());
        ui.talk(next(&built, address, None, false).trim_end());
        Ok(())
    })
}

/// The one node to launch.
pub(in crate::cli) fn chosen(mut loaded: Loaded, name: Option<&str>) -> Result<Loaded, Failure> {
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
