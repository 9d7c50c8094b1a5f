//! Places and times that two programs must agree on.

use toml::Value;

use super::containerd::Config;
use super::documents::{brought, plane};
use super::{Check, Subject};
use crate::base::{Finding, Severity};
use crate::catalog::Plane;
use crate::syntax::yaml::Node;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "cni/folders",
        severity: Severity::Error,
        summary: "containerd looks for CNI where it is",
        reason: "A conf_dir without a list leaves the node NotReady (`cni plugin not initialized`), a bin_dir without the program leaves every pod in ContainerCreating (containerd docs/cri/config.md).",
        run: Some(cni_folders),
    },
    Check {
        id: "cni/program",
        severity: Severity::Error,
        summary: "Every CNI plugin of a list is there",
        reason: "A type is the name of a program in bin_dir; the package of containernetworking/plugins has a fixed set, everything else must be brought.",
        run: Some(cni_programs),
    },
    Check {
        id: "containerd/reference",
        severity: Severity::Error,
        summary: "Files that containerd's runtimes name are brought",
        reason: "A base_runtime_spec that is missing keeps the CRI plugin from starting, a BinaryName fails every pod of its runtime (containerd internal/cri/server).",
        run: Some(runtime_files),
    },
    Check {
        id: "containerd/shim",
        severity: Severity::Error,
        summary: "Every runtime's shim is there",
        reason: "io.containerd.NAME.V is the program containerd-shim-NAME-V. runc's v1 went with containerd 2.0 and is kept in a configuration without a word; every pod of the runtime fails (tried on containerd 2.3.4).",
        run: Some(shims),
    },
    Check {
        id: "credentials/refresh",
        severity: Severity::Error,
        summary: "The session is refreshed twice at least before it ends",
        reason: "A timer slower than half of the session's life leaves no room for one failed try: the kubelet loses the cluster (STS AssumeRole, DurationSeconds).",
        run: Some(refresh),
    },
];

const LISTS: &str = "/etc/cni/net.d";
/// What the release archive of containernetworking/plugins has.
const PACKAGED: [&str; 18] = [
    "bandwidth",
    "bridge",
    "dhcp",
    "dummy",
    "firewall",
    "host-device",
    "host-local",
    "ipvlan",
    "loopback",
    "macvlan",
    "portmap",
    "ptp",
    "sbr",
    "static",
    "tap",
    "tuning",
    "vlan",
    "vrf",
];

/// The folders in which containerd looks for plugins.
fn program_folders(cni: &Value) -> Vec<String> {
    let many = cni.get("bin_dirs").and_then(Value::as_array);
    let many = many.into_iter().flatten().filter_map(Value::as_str);
    let one = cni.get("bin_dir").and_then(Value::as_str);
    many.chain(one).map(str::to_owned).collect()
}

/// Where the archive of plugins is unpacked.
fn packaged_in<'s>(subject: &Subject<'s>) -> Option<&'s str> {
    let artifacts = &subject.plan.artifacts;
    let archive = artifacts.iter().find(|artifact| artifact.component == "cni-plugins")?;
    Some(&archive.dest)
}

fn cni_folders(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(config) = subject.containerd() else {
        return Vec::new();
    };
    let Some(cni) = config.cri().and_then(|cri| cri.get("cni")) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut wrong = |message: String| findings.push(Finding::error("cni/folders", message, &config.entry.origin));
    let lists = cni.get("conf_dir").and_then(Value::as_str).unwrap_or(LISTS);
    if lists != LISTS {
        wrong(format!("conf_dir is {lists}, the list of plugins is in {LISTS}"));
    }
    let folders = program_folders(cni);
    if let Some(dest) = packaged_in(subject)
        && !folders.is_empty()
        && !folders.iter().any(|folder| folder == dest)
    {
        wrong(format!("bin_dir is {}, the plugins are in {dest}", folders.join(", ")));
    }
    findings
}

fn cni_programs(subject: &Subject<'_>) -> Vec<Finding> {
    let cri = subject.containerd().and_then(Config::cri);
    let folders = cri.and_then(|cri| cri.get("cni")).map(program_folders);
    let folders = folders.filter(|folders| !folders.is_empty()).unwrap_or_default();
    let is_there = |kind: &str| {
        let packaged = packaged_in(subject).is_some() && PACKAGED.contains(&kind);
        // What an archive brings is known by name only; other programs are files of the tree.
        let file = |folder: &String| subject.tree.get(Plane::Node, &format!("{folder}/{kind}")).is_some();
        packaged || folders.iter().any(file)
    };
    let mut findings = Vec::new();
    for (entry, node) in plane(subject, Plane::Node) {
        if !entry.path.is_below(LISTS) {
            continue;
        }
        for plugin in node.get("plugins").map(Node::items).unwrap_or_default() {
            let address = plugin.get("ipam");
            for (holder, what) in [(Some(plugin), "plugin"), (address, "address plugin")] {
                let Some(kind) = holder.and_then(|holder| holder.get("type")) else {
                    continue;
                };
                let name = kind.text().unwrap_or_default();
                // A name that is none is told by `cni/form`.
                if name.is_empty() || name.contains('/') || is_there(name) {
                    continue;
                }
                let message = format!("nothing brings the {what} `{name}`");
                findings.push(Finding::error("cni/program", message, &kind.place).hint("bring it to /opt/cni/bin"));
            }
        }
    }
    findings
}

fn runtime_files(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(config) = subject.containerd() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (name, runtime) in config.runtimes() {
        let options = runtime.get("options");
        for (key, holder) in [("base_runtime_spec", Some(runtime)), ("BinaryName", options)] {
            let path = holder.and_then(|holder| holder.get(key)).and_then(Value::as_str);
            let Some(path) = path.filter(|path| path.starts_with('/')) else {
                continue;
            };
            // NVIDIA's runtime is the image's; whether the node has one is told by `containerd/runtime`. So is runc
            // where containerd is.
            let of_image = path.contains("nvidia") || path.ends_with("/runc");
            if !of_image && !brought(subject, path) {
                let message = format!("{key} of the runtime {name} is {path}, which nothing brings");
                findings.push(Finding::error("containerd/reference", message, &config.entry.origin));
            }
        }
    }
    findings
}

fn shims(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(config) = subject.containerd() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (name, runtime) in config.runtimes() {
        let kind = runtime.get("runtime_type").and_then(Value::as_str).unwrap_or_default();
        let with_containerd = match kind {
            "io.containerd.runc.v2" => true,
            "io.containerd.runc.v1" => subject.plan.has_old_containerd(),
            _ => false,
        };
        // A path says itself which program it is.
        let stated = runtime.get("runtime_path").and_then(Value::as_str);
        if with_containerd || stated.is_some_and(|path| brought(subject, path)) {
            continue;
        }
        let program = kind
            .strip_prefix("io.containerd.")
            .map(|rest| format!("containerd-shim-{}", rest.replace('.', "-")));
        let file = |program: &String| {
            let folders = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"];
            let mut paths = folders.iter().map(|folder| format!("{folder}/{program}"));
            paths.any(|path| subject.tree.get(Plane::Node, &path).is_some())
        };
        if !program.as_ref().is_some_and(file) {
            let message = match program {
                Some(program) => format!("the runtime {name} is {kind}: nothing brings {program}"),
                None => format!("the runtime {name} is `{kind}`, which names no shim"),
            };
            let hint = "io.containerd.runc.v2 comes with containerd";
            findings.push(Finding::error("containerd/shim", message, &config.entry.origin).hint(hint));
        }
    }
    findings
}

/// A time span of systemd in seconds: `90`, `5min`, `1h 30min`; `None` for what is none.
fn seconds(span: &str) -> Option<u64> {
    let mut total = 0;
    let mut rest = span.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            _ => return None,
        };
        total += number.checked_mul(unit)?;
        rest = rest[letters..].trim_start();
    }
    Some(total)
}

fn refresh(subject: &Subject<'_>) -> Vec<Finding> {
    let book = &subject.plan.book;
    let life = book.get("credentials.durationSeconds");
    let Some(life) = life.and_then(|life| life.value().as_u64()) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let units = subject.tree.plane(Plane::Node);
    for entry in units.filter(|entry| entry.path.file_name() == "nodebake-credentials.timer") {
        for line in &subject.systemd(entry).assignments {
            if line.key != "OnUnitActiveSec" {
                continue;
            }
            let period = seconds(&line.value);
            if period.is_none_or(|period| period * 2 > life) {
                let message = format!("refreshed every {}, a session lives {life} s", line.value);
                let place = crate::base::Place::line_of(&entry.source(), line.line);
                let hint = "a third of its life lets two tries fail";
                findings.push(Finding::error("credentials/refresh", message, &place).hint(hint));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans() {
        assert_eq!(seconds("4800"), Some(4800));
        assert_eq!(seconds("1h 20min"), Some(4800));
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("soon"), None);
    }
}
