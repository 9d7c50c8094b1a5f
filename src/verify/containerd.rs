//! containerd's configuration, as the version that runs will read it.

use toml::{Table, Value};

use super::{Check, Subject};
use crate::base::{Finding, Severity};
use crate::catalog::Plane;
use crate::syntax;
use crate::tree::{Entry, FileTree};

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "containerd/plugin",
        severity: Severity::Error,
        summary: "Plugin tables are those of the schema",
        reason: "containerd ignores tables of plugins it does not have, 1.6 without a word: the setting stays at its default (containerd docs/cri/config.md).",
        run: Some(plugins),
    },
    Check {
        id: "containerd/runtime",
        severity: Severity::Error,
        summary: "The default runtime is one that is configured, and its program is there",
        reason: "containerd does not start without the entry, and no pod starts without the program (containerd internal/cri/config).",
        run: Some(runtimes),
    },
    Check {
        id: "containerd/clash",
        severity: Severity::Error,
        summary: "No two settings of containerd exclude each other",
        reason: "registry.mirrors beside config_path, and bin_dir beside bin_dirs, keep the CRI plugin from starting; an import on 1.x replaces whole plugin tables (containerd internal/cri/config).",
        run: Some(clashes),
    },
];

const CONFIG: &str = "/etc/containerd/config.toml";

/// The configuration.
#[derive(Debug)]
pub(super) struct Config<'v> {
    /// Its file.
    pub(super) entry: &'v Entry,
    /// What it says.
    pub(super) table: Table,
}

impl<'v> Config<'v> {
    /// Reads it.
    pub(super) fn read(tree: &'v FileTree) -> Option<Self> {
        let entry = tree.get(Plane::Node, CONFIG)?;
        let table = syntax::toml::parse(&entry.text).ok()?;
        Some(Self { entry, table })
    }

    /// The table of the CRI plugin that runs pods.
    pub(super) fn cri(&self) -> Option<&Table> {
        let plugins = self.table.get("plugins")?;
        ["io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
            .iter()
            .find_map(|name| plugins.get(name)?.as_table())
    }

    /// The runtimes of that plugin, by name.
    pub(super) fn runtimes(&self) -> impl Iterator<Item = (&String, &Value)> {
        let containerd = self.cri().and_then(|cri| cri.get("containerd"));
        let runtimes = containerd.and_then(|containerd| containerd.get("runtimes")?.as_table());
        runtimes.into_iter().flatten()
    }
}

/// The configuration, and where findings about it point.
fn config<'s>(subject: &'s Subject<'_>) -> Option<(&'s Table, crate::base::Place)> {
    let Config { entry, table } = subject.containerd()?;
    let own = subject
        .plan
        .spec
        .node()
        .and_then(|node| node.containerd.config.as_ref());
    let own = own.map(|own| own.place.clone());
    Some((table, own.unwrap_or_else(|| entry.origin.clone())))
}

fn at<'v>(table: &'v Table, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// The version of the configuration that the node's containerd reads.
fn schema(subject: &Subject<'_>) -> u64 {
    subject.plan.node.as_ref().map_or(2, |node| node.containerd.schema)
}

/// The CRI plugins of a schema: runtime, images.
fn cri(schema: u64) -> (&'static str, &'static str) {
    if schema == 2 {
        ("io.containerd.grpc.v1.cri", "io.containerd.grpc.v1.cri")
    } else {
        ("io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images")
    }
}

fn plugins(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((config, place)) = config(subject) else {
        return Vec::new();
    };
    let schema = schema(subject);
    let mut findings = Vec::new();
    if at(config, &["version"]).and_then(Value::as_integer) != i64::try_from(schema).ok() {
        let message = format!("{CONFIG} is not written in version {schema}");
        findings.push(Finding::error("containerd/plugin", message, &place));
    }
    for name in at(config, &["plugins"])
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::keys)
    {
        // In version 3 the old CRI plugin keeps the streaming server alone.
        let foreign = if schema == 2 {
            name.starts_with("io.containerd.cri.v1.")
        } else {
            name == "cri"
        };
        if foreign || !name.starts_with("io.containerd.") {
            let message = format!("plugin `{name}` does not exist in version {schema} of the configuration");
            findings
                .push(Finding::error("containerd/plugin", message, &place).hint("containerd would ignore its table"));
        }
    }
    findings
}

fn runtimes(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((config, place)) = config(subject) else {
        return Vec::new();
    };
    let (runtime, _) = cri(schema(subject));
    let mut findings = Vec::new();
    let table = at(config, &["plugins", runtime, "containerd", "runtimes"]).and_then(Value::as_table);
    let default = at(config, &["plugins", runtime, "containerd", "default_runtime_name"]).and_then(Value::as_str);
    match (default, table) {
        (Some(default), Some(table)) if table.contains_key(default) => {}
        _ => {
            let message = format!(
                "default_runtime_name is `{}`, which has no entry",
                default.unwrap_or_default()
            );
            findings.push(Finding::error("containerd/runtime", message, &place));
        }
    }
    let nvidia = subject
        .plan
        .book
        .get("gpu.nvidia")
        .is_some_and(|nvidia| nvidia.value() == true);
    for (name, runtime) in table.into_iter().flatten() {
        let program = runtime
            .get("options")
            .and_then(|options| options.get("BinaryName"))
            .and_then(Value::as_str);
        if program.is_some_and(|program| program.contains("nvidia")) && !nvidia {
            let message = format!("runtime {name} runs NVIDIA's program, which this node does not have");
            findings.push(Finding::error("containerd/runtime", message, &place));
        }
    }
    findings
}

fn clashes(subject: &Subject<'_>) -> Vec<Finding> {
    let Some((config, place)) = config(subject) else {
        return Vec::new();
    };
    let (runtime, images) = cri(schema(subject));
    let has = |path: &[&str]| at(config, path).is_some();
    let mut messages = Vec::new();
    if has(&["plugins", images, "registry", "config_path"]) && has(&["plugins", images, "registry", "mirrors"]) {
        messages.push("registry.mirrors excludes registry.config_path: write hosts.toml files under certs.d");
    }
    if has(&["plugins", runtime, "cni", "bin_dir"]) && has(&["plugins", runtime, "cni", "bin_dirs"]) {
        messages.push("cni.bin_dir excludes cni.bin_dirs");
    }
    let imports = at(config, &["imports"])
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    if imports && subject.plan.has_old_containerd() {
        messages.push("an import replaces whole plugin tables on containerd 1.x: put the settings into this file");
    }
    messages
        .into_iter()
        .map(|message| Finding::error("containerd/clash", message, &place))
        .collect()
}
