//! `nodebake explain`

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{Common, Failure, Loaded, Outcome, Ui, load};
use crate::base::closest;
use crate::plan::{Decision, Plan};

/// Show every value that was decided, where it comes from, and what it overruled.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// A value such as sizing.maxPods, or a group such as sizing; all if left out
    path: Option<String>,
    /// The node of a fleet
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let names: Vec<String> = loaded.nodes.iter().map(|(spec, _)| spec.name.value.clone()).collect();
    let at = match &args.name {
        None if names.len() == 1 => 0,
        None => {
            return Err(Failure::Usage(format!(
                "this is a fleet: choose one with --name ({})",
                names.join(", ")
            )));
        }
        Some(name) => names
            .iter()
            .position(|other| other == name)
            .ok_or_else(|| Failure::Usage(format!("there is no node `{name}`: {}", names.join(", "))))?,
    };
    let Loaded {
        catalog,
        mut nodes,
        policy,
        ..
    } = loaded;
    let (spec, facts) = nodes.swap_remove(at);
    let (plan, findings) = Plan::resolve(spec, &catalog, facts);
    load::settle(ui, &policy.judge(findings), &args.common)?;
    let plan = plan.ok_or(Failure::Findings)?;
    let path = args.path.as_deref().unwrap_or_default();
    let chosen: Vec<(&str, &Decision)> = plan.book.below(path).collect();
    if chosen.is_empty() {
        let all: Vec<&str> = plan.book.below("").map(|(key, _)| key).collect();
        let near = closest(path, all)
            .map(|word| format!(", did you mean `{word}`?"))
            .unwrap_or_default();
        return Err(Failure::Usage(format!("nothing was decided about `{path}`{near}")));
    }
    if args.json {
        return Ok(ui.data(json(&chosen)?.as_bytes())?);
    }
    let mut text = String::new();
    for (key, decision) in chosen {
        text.push_str(&format!("{key} = {}\n", shown(decision.value())));
        let mut layers = decision.layers.iter().rev();
        if let Some((origin, _)) = layers.next() {
            text.push_str(&format!("    {origin}\n"));
        }
        for (origin, value) in layers {
            text.push_str(&format!("    overrules {} ({origin})\n", shown(value)));
        }
    }
    Ok(ui.data(text.as_bytes())?)
}

/// A value on one line; long texts by their first line.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text.contains('\n') => {
            return format!(
                "{} … ({} lines)",
                text.lines().next().unwrap_or_default(),
                text.lines().count()
            );
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.to_string().len() > 30) => {
            return items.iter().map(|item| format!("\n        {}", shown(item))).collect();
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.is_empty() { "(empty)".into() } else { text }
}

#[derive(Serialize)]
struct JsonDecision<'d> {
    path: &'d str,
    value: &'d Value,
    layers: Vec<JsonLayer<'d>>,
}

#[derive(Serialize)]
struct JsonLayer<'d> {
    layer: &'static str,
    origin: String,
    value: &'d Value,
}

fn json(chosen: &[(&str, &Decision)]) -> serde_json::Result<String> {
    let list: Vec<JsonDecision<'_>> = chosen
        .iter()
        .map(|(path, decision)| JsonDecision {
            path,
            value: decision.value(),
            layers: decision
                .layers
                .iter()
                .map(|(origin, value)| JsonLayer {
                    layer: origin.layer(),
                    origin: origin.to_string(),
                    value,
                })
                .collect(),
        })
        .collect();
    serde_json::to_string_pretty(&list).map(|text| text + "\n")
}
