//! `nodebake catalog`

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::table::table;
use super::{Failure, Outcome, Ui, load, report};
use crate::bake::Format;
use crate::base::{KubeMinor, Located, Place, Report, Source, closest};
use crate::catalog::{Catalog, InstanceType};
use crate::verify;

/// Show what nodebake knows.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which part
    #[arg(value_enum)]
    kind: Kind,
    /// One entry of it, in full
    name: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// A folder laid over the built-in catalog
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Kinds of node
    Profiles,
    /// Base images
    Images,
    /// Hardware
    InstanceTypes,
    /// Clouds and how they take user-data
    Providers,
    /// Files and where they go
    Templates,
    /// Rules
    Checks,
    /// Ways to bake
    Formats,
}

/// A list: heads, rows, and the same as JSON.
struct Listing {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    json: Vec<Value>,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let listing = load::catalog(args.catalog.as_deref()).and_then(|catalog| list(&catalog, args.kind));
    let listing = match listing {
        Ok(listing) => listing,
        Err(failed) => {
            report::print(ui, &failed, false);
            return Err(Failure::Findings);
        }
    };
    let text = match &args.name {
        None if args.json => serde_json::to_string_pretty(&listing.json)? + "\n",
        None => table(&listing.heads, &listing.rows),
        Some(name) => {
            let names = listing.rows.iter().map(|row| row[0].as_str());
            let Some(at) = names.clone().position(|other| other == name) else {
                let near = closest(name, names)
                    .map(|word| format!(", did you mean `{word}`?"))
                    .unwrap_or_default();
                return Err(Failure::Usage(format!("the catalog has no `{name}` there{near}")));
            };
            if args.json {
                serde_json::to_string_pretty(&listing.json[at])? + "\n"
            } else {
                sheet(&listing.json[at], 0)
            }
        }
    };
    Ok(ui.data(text.as_bytes())?)
}

/// A JSON object as indented `key: value` lines.
fn sheet(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| match value {
                Value::Object(_) | Value::Array(_) => format!("{pad}{key}:\n{}", sheet(value, indent + 2)),
                Value::String(text) => format!("{pad}{key}: {text}\n"),
                other => format!("{pad}{key}: {other}\n"),
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Object(_) => format!("{pad}-\n{}", sheet(item, indent + 2)),
                Value::String(text) => format!("{pad}- {text}\n"),
                other => format!("{pad}- {other}\n"),
            })
            .collect(),
        other => format!("{pad}{other}\n"),
    }
}

fn named(name: &str) -> Located<String> {
    Located {
        value: name.to_owned(),
        place: Place::new(&Source::new("the command line", name), 0..name.len()),
    }
}

fn list(catalog: &Catalog, kind: Kind) -> Result<Listing, Report> {
    match kind {
        Kind::Profiles => profiles(catalog),
        Kind::Images => images(catalog),
        Kind::InstanceTypes => instance_types(catalog),
        Kind::Providers => providers(catalog),
        Kind::Templates => templates(catalog),
        Kind::Checks => Ok(checks()),
        Kind::Formats => Ok(formats()),
    }
}

fn profiles(catalog: &Catalog) -> Result<Listing, Report> {
    let mut listing = Listing {
        heads: vec!["NAME", "SUMMARY"],
        rows: Vec::new(),
        json: Vec::new(),
    };
    for name in catalog.profile_names() {
        let profile = catalog.profile(&named(name))?;
        let labels: serde_json::Map<String, Value> = profile
            .labels
            .iter()
            .map(|(key, value)| (key.value.as_str().to_owned(), json!(value.value.as_str())))
            .collect();
        let templates: Vec<&str> = profile.templates.iter().map(|name| name.value.as_str()).collect();
        listing.json.push(json!({
            "name": profile.name, "summary": profile.summary, "naming": profile.naming,
            "labels": labels, "templates": templates,
        }));
        listing.rows.push(vec![profile.name.clone(), profile.summary.clone()]);
    }
    Ok(listing)
}

fn images(catalog: &Catalog) -> Result<Listing, Report> {
    let heads = vec![
        "NAME",
        "OS",
        "PROVIDERS",
        "CGROUP",
        "CLOUD-INIT",
        "NETPLAN",
        "NVIDIA",
        "VERIFIED",
    ];
    let mut listing = Listing {
        heads,
        rows: Vec::new(),
        json: Vec::new(),
    };
    for name in catalog.names("images/", ".yaml") {
        let image = catalog.image(&named(name))?;
        listing.rows.push(vec![
            image.name.clone(),
            format!("{} {}", image.os_id, image.os_version),
            image.providers.join(","),
            image.cgroup.to_string(),
            format!("{}+", image.cloud_init),
            format!("{}+", image.netplan),
            json!(image.nvidia_driver).as_str().unwrap_or_default().to_owned(),
            yes_no(image.verified),
        ]);
        let mut sheet = json!(*image);
        sheet["disableUnits"] = image
            .disable_units
            .iter()
            .map(|(unit, why)| json!(format!("{unit}: {why}")))
            .collect();
        sheet["artifacts"] = pins(catalog, &image)?;
        listing.json.push(sheet);
    }
    Ok(listing)
}

/// The downloads behind an image's artifacts, for its newest Kubernetes.
fn pins(catalog: &Catalog, image: &crate::catalog::Image) -> Result<Value, Report> {
    let mut list = Vec::new();
    for arch in &image.arch {
        let newest = image
            .max_kubernetes
            .as_ref()
            .map_or(KubeMinor::new(u32::MAX), |(minor, _)| *minor);
        list.extend(catalog.newest_artifact("kubelet", newest, *arch)?.map(|pin| json!(pin)));
        for (component, version) in &image.artifacts {
            let pin = match version.parse() {
                Ok(version) => catalog.artifact(component, &version, *arch)?,
                Err(_) => catalog.newest_artifact(component, newest, *arch)?,
            };
            list.extend(pin.map(|pin| json!(pin)));
        }
    }
    Ok(Value::Array(list))
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn instance_types(catalog: &Catalog) -> Result<Listing, Report> {
    let heads = vec![
        "NAME", "ARCH", "VCPUS", "MEM GIB", "DISK GIB", "GPUS", "MODEL", "NVSWITCH", "USD/H", "VERIFIED",
    ];
    let mut listing = Listing {
        heads,
        rows: Vec::new(),
        json: Vec::new(),
    };
    let providers: Vec<String> = catalog
        .names("profiles/instance-types/", ".yaml")
        .map(str::to_owned)
        .collect();
    for provider in providers.iter().rev() {
        for kind in catalog.instance_types(provider)? {
            let InstanceType { gpu, .. } = &kind;
            listing.rows.push(vec![
                kind.full_name(),
                kind.arch.as_str().to_owned(),
                kind.vcpus.to_string(),
                kind.memory_gib.to_string(),
                kind.disk_gib.map_or("-".into(), |disk| disk.to_string()),
                gpu.as_ref().map_or("-".into(), |gpu| gpu.count.to_string()),
                gpu.as_ref().map_or("-".into(), |gpu| {
                    format!("{} {} GB {}", gpu.model, gpu.memory_gib, gpu.form)
                }),
                yes_no(kind.nvswitch),
                kind.usd_per_hour.map_or("-".into(), |price| format!("{price:.2}")),
                yes_no(kind.verified),
            ]);
            listing.json.push(json!(kind));
        }
    }
    Ok(listing)
}

fn providers(catalog: &Catalog) -> Result<Listing, Report> {
    let heads = vec!["NAME", "USER-DATA BYTES", "ENCODING", "GZIP", "SUMMARY"];
    let mut listing = Listing {
        heads,
        rows: Vec::new(),
        json: Vec::new(),
    };
    for name in catalog.names("profiles/providers/", ".yaml") {
        let provider = catalog.provider(name)?;
        listing.json.push(json!(*provider));
        listing.rows.push(vec![
            provider.name.clone(),
            provider.max_bytes.to_string(),
            json!(provider.wire_encoding).as_str().unwrap_or_default().to_owned(),
            yes_no(provider.gzip),
            provider.summary.clone(),
        ]);
    }
    Ok(listing)
}

fn templates(catalog: &Catalog) -> Result<Listing, Report> {
    let heads = vec!["NAME", "PLANE", "PATH", "MODE", "WHEN"];
    let mut listing = Listing {
        heads,
        rows: Vec::new(),
        json: Vec::new(),
    };
    for name in catalog.names("templates/", ".j2") {
        let template = catalog.template(name, None)?;
        let when = template
            .when
            .as_ref()
            .map_or("always".to_owned(), |when| when.value.clone());
        listing.json.push(json!({
            "name": template.name, "summary": template.summary, "plane": template.plane, "path": template.path.value,
            "mode": template.mode, "type": template.filetype.word(), "when": when, "source": template.source.name,
        }));
        let plane = template.plane.word().to_owned();
        listing.rows.push(vec![
            template.name.clone(),
            plane,
            template.path.value.clone(),
            template.mode.to_string(),
            when,
        ]);
    }
    Ok(listing)
}

fn checks() -> Listing {
    let mut listing = Listing {
        heads: vec!["ID", "SEVERITY", "SUMMARY"],
        rows: Vec::new(),
        json: Vec::new(),
    };
    for check in verify::checks() {
        listing.rows.push(vec![
            check.id.to_owned(),
            check.severity.to_string(),
            check.summary.to_owned(),
        ]);
        listing.json.push(json!({
            "id": check.id, "severity": check.severity, "summary": check.summary, "reason": check.reason,
        }));
    }
    listing
}

fn formats() -> Listing {
    let mut listing = Listing {
        heads: vec!["NAME", "MAKES"],
        rows: Vec::new(),
        json: Vec::new(),
    };
    for (name, _, makes) in Format::ALL {
        listing.rows.push(vec![name.to_owned(), makes.to_owned()]);
        listing.json.push(json!({ "name": name, "makes": makes }));
    }
    listing
}
