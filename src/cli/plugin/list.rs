//! `nodebake plugin list`

use serde::Serialize;

use super::super::load::Inputs;
use super::super::plugins::lock;
use super::super::table::table;
use super::super::{Failure, Outcome, Ui, report};
use super::Of;
use crate::base::Sha256;
use crate::edge::plugin::find;
use crate::syntax::PluginUse;

/// List the plugins that take part in a node, where they are, and whether
/// plugins.lock has them. Runs none of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    of: Of,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let uses = args.of.uses(ui)?;
    let pins = lock(Inputs::Disk, args.of.beside()).map_err(|failed| {
        report::print(ui, &failed, false);
        Failure::Findings
    })?;
    let places = args.of.plugins.places(args.of.beside());
    let row = |one: &PluginUse| {
        let found = find(one.kind, &one.name.value, &places);
        let sha256 = found
            .as_ref()
            .and_then(|found| crate::edge::fs::digest(&found.path).ok());
        let sha256 = sha256.map(|(sha256, _)| sha256);
        let state = match (&found, sha256, pins.get(one.kind, &one.name.value)) {
            (None, ..) => "missing",
            (Some(found), ..) if !found.is_executable => "not executable",
            (Some(_), None, _) => "unreadable",
            (Some(_), Some(_), None) => "untrusted",
            (Some(_), Some(sha256), Some(pin)) if pin.sha256 != sha256 => "changed",
            _ => "trusted",
        };
        Row {
            kind: one.kind.word(),
            name: one.name.value.clone(),
            state,
            path: found.map(|found| found.path.display().to_string()),
            sha256,
        }
    };
    let rows: Vec<Row> = uses.iter().map(row).collect();
    if args.json {
        ui.json(&rows)?;
        return Ok(());
    }
    let lines: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            let path = row.path.unwrap_or_else(|| "-".into());
            vec![row.kind.into(), row.name, row.state.into(), path]
        })
        .collect();
    ui.data(table(&["KIND", "NAME", "STATE", "FILE"], &lines).as_bytes())?;
    Ok(())
}
