//! `nodebake instance-types`

use serde::Serialize;

use super::{Account, cloud, connected};
use crate::catalog::{Arch, Catalog, InstanceType};
use crate::cli::table::table;
use crate::cli::{Failure, Outcome, Ui};
use crate::cloud::lambda::{Architecture, InstanceOffer, Lambda, cents, dollars, gpu_memory};
use crate::cloud::plain;

/// Show Lambda's instance types: price and size, with --live capacity too, and
/// where the catalog says otherwise.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Ask Lambda; without it the catalog is shown
    #[arg(long)]
    live: bool,
    /// Only those that this region has now
    #[arg(long, value_name = "REGION", requires = "live")]
    region: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

/// A type as programs read it.
#[derive(Debug, Serialize)]
struct Live<'o> {
    #[serde(flatten)]
    offer: &'o InstanceOffer,
    /// How the catalog's row differs; empty if it does not, null if there is none.
    differences: Option<Vec<String>>,
}

pub(in crate::cli) fn run(ui: &Ui, args: &Args) -> Outcome {
    let rows = Catalog::embedded().instance_types("lambda");
    let rows = rows.map_err(|_| anyhow::anyhow!("the catalog has no types of Lambda"))?;
    if !args.live {
        return catalog(ui, &rows, args.json);
    }
    connected(ui, &args.account, |connection| {
        let mut offers = connection.api.instance_types().map_err(cloud)?;
        if let Some(region) = &args.region {
            offers.retain(|offer| offer.regions.iter().any(|own| own.name == *region));
        }
        let live: Vec<Live<'_>> = offers
            .iter()
            .map(|offer| Live {
                offer,
                differences: rows
                    .iter()
                    .find(|row| row.name == offer.kind.name)
                    .map(|row| differences(row, offer)),
            })
            .collect();
        if args.json {
            return Ok(ui.json(&live)?);
        }
        shown(ui, &live)?;
        if args.region.is_none() {
            let gone = rows
                .iter()
                .filter(|row| offers.iter().all(|offer| offer.kind.name != row.name));
            let gone: Vec<&str> = gone.map(|row| row.name.as_str()).collect();
            if !gone.is_empty() {
                ui.talk(&format!("in the catalog, and not offered: {}", gone.join(", ")));
            }
        }
        Ok(())
    })
}

fn shown(ui: &Ui, live: &[Live<'_>]) -> Outcome {
    let rows: Vec<Vec<String>> = live
        .iter()
        .map(|one| {
            let kind = &one.offer.kind;
            let regions: Vec<&str> = one.offer.regions.iter().map(|region| region.name.as_str()).collect();
            vec![
                plain(&kind.name),
                plain(&kind.description),
                kind.vcpus.to_string(),
                kind.memory_gib.to_string(),
                kind.storage_gib.to_string(),
                dollars(kind.cents_per_hour),
                if regions.is_empty() {
                    "-".to_owned()
                } else {
                    plain(&regions.join(","))
                },
            ]
        })
        .collect();
    let heads = ["TYPE", "WHAT", "VCPUS", "MEMORY", "DISK", "AN HOUR", "CAPACITY IN"];
    ui.data(table(&heads, &rows).as_bytes())?;
    for one in live {
        let name = plain(&one.offer.kind.name);
        match &one.differences {
            None => ui.talk(&format!("{name}: not in the catalog; nodes cannot be sized for it yet")),
            Some(all) if all.is_empty() => {}
            Some(all) => ui.talk(&format!("{name}: {}", all.join("; "))),
        }
    }
    Ok(())
}

/// Where the catalog's row says otherwise.
fn differences(row: &InstanceType, offer: &InstanceOffer) -> Vec<String> {
    let kind = &offer.kind;
    let mut found = Vec::new();
    let mut number = |what: &str, ours: Option<u64>, theirs: u64| {
        if let Some(ours) = ours.filter(|ours| *ours != theirs) {
            found.push(format!("{what} {theirs}, {ours} in the catalog"));
        }
    };
    number("vCPUs", Some(row.vcpus), kind.vcpus);
    number("memory GiB", Some(row.memory_gib), kind.memory_gib);
    number("disk GiB", row.disk_gib, kind.storage_gib);
    number("GPUs", Some(row.gpu.as_ref().map_or(0, |gpu| gpu.count)), kind.gpus);
    if let (Some(gpu), Some(theirs)) = (&row.gpu, gpu_memory(kind)) {
        number("GPU memory GB", Some(gpu.memory_gib), theirs);
    }
    if let Some(ours) = row.usd_per_hour.map(cents).filter(|ours| *ours != kind.cents_per_hour) {
        let (ours, theirs) = (dollars(ours), dollars(kind.cents_per_hour));
        found.push(format!("{theirs} an hour, {ours} in the catalog"));
    }
    let ours = architecture(row.arch);
    if let Some(theirs) = kind.architecture.filter(|theirs| *theirs != ours) {
        found.push(format!("{}, {} in the catalog", theirs.as_str(), ours.as_str()));
    }
    found
}

/// As the API says it.
pub(super) fn architecture(arch: Arch) -> Architecture {
    match arch {
        Arch::Amd64 => Architecture::X86_64,
        Arch::Arm64 => Architecture::Arm64,
    }
}

fn catalog(ui: &Ui, rows: &[InstanceType], as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(ui.json(&rows)?);
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.name.clone(),
                row.vcpus.to_string(),
                row.memory_gib.to_string(),
                row.disk_gib.map_or_else(|| "-".to_owned(), |disk| disk.to_string()),
                row.usd_per_hour
                    .map_or_else(|| "-".to_owned(), |usd| dollars(cents(usd))),
            ]
        })
        .collect();
    ui.data(table(&["TYPE", "VCPUS", "MEMORY", "DISK", "AN HOUR"], &cells).as_bytes())?;
    ui.talk("as the catalog has them; --live asks Lambda for prices and capacity of now");
    Ok(())
}
