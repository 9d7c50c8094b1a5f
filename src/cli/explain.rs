//! `nodebake explain`

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{Common, Failure, Loaded, Outcome, Ui, load};
use crate::base::{closest, masked};
use crate::catalog::Catalog;
use crate::plan::{Decision, Plan};
use crate::render;

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
    /// Why this template is left out, or why not
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "path")]
    why_not: Option<String>,
    /// As JSON
    #[arg(long, conflicts_with = "why_not")]
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
    if let Some(template) = &args.why_not {
        return Ok(ui.data(why_not(&plan, &catalog, template)?.as_bytes())?);
    }
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
        return Ok(ui.data(masked(&json(&chosen)?).as_bytes())?);
    }
    let text: String = chosen
        .into_iter()
        .map(|(key, decision)| decision_lines(key, Some(decision)))
        .collect();
    Ok(ui.data(masked(&text).as_bytes())?)
}

/// A decision with its layers, strongest first.
fn decision_lines(key: &str, decision: Option<&Decision>) -> String {
    let Some(decision) = decision else { return String::new() };
    let mut text = format!("{key} = {}\n", shown(decision.value()));
    for (at, (origin, value)) in decision.layers.iter().rev().enumerate() {
        if at == 0 {
            text.push_str(&format!("    {origin}\n"));
        } else {
            text.push_str(&format!("    overrules {} ({origin})\n", shown(value)));
        }
    }
    text
}

/// What keeps a template out of the node: its profile, or its condition with the values it asks for.
fn why_not(plan: &Plan, catalog: &Catalog, name: &str) -> Result<String, Failure> {
    let template = catalog.template(name, None).map_err(|_| {
        let near = closest(name, catalog.names("templates/", ".j2"));
        let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        Failure::Usage(format!("there is no template `{name}`{hint}"))
    })?;
    let listed = plan.profile.templates.iter().find(|listed| listed.value == name);
    let Some(listed) = listed else {
        return Ok(format!(
            "{name} is left out: profile {} does not list it\n    {}\n",
            plan.profile.name, plan.profile.place
        ));
    };
    let made = render::holds(plan, &template).map_err(|finding| anyhow::anyhow!("{}", finding.message))?;
    let Some(when) = &template.when else {
        return Ok(format!(
            "{name} is made: profile {} lists it, and it has no condition\n    {}\n",
            plan.profile.name, listed.place
        ));
    };
    let word = if made {
        "is made: this holds"
    } else {
        "is left out: this does not hold"
    };
    let mut text = format!("{name} {word}\n    {}\n    {}\n", when.value, when.place);
    for path in render::paths_in(&when.value) {
        text.push_str(&decision_lines(path, plan.book.get(path)));
    }
    Ok(text)
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
