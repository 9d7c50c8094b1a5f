//! netplan files, ours and the user's, as the image's netplan reads them.

mod keys;
mod values;

use std::collections::BTreeMap;

use super::documents;
use super::{Check, Subject};
use crate::base::{Finding, Place, Severity, Version};
use crate::catalog::Plane;
use crate::syntax::yaml::Node;
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "netplan/key",
        severity: Severity::Error,
        summary: "netplan files have only keys that the image's netplan knows",
        reason: "netplan before 1.1 makes no configuration at all when it meets one unknown key, not even that of the card the machine is reached by (tried on 0.106: `dummy-devices`, which came with 0.107).",
        run: Some(keys::known),
    },
    Check {
        id: "netplan/value",
        severity: Severity::Error,
        summary: "Versions, renderers, names and addresses have the form netplan takes",
        reason: "An address without its prefix, another version than 2, a word for a boolean: each stops the whole generation (canonical/netplan src/parse.c).",
        run: Some(values::forms),
    },
    Check {
        id: "netplan/renderer",
        severity: Severity::Warning,
        summary: "Interfaces are made by systemd-networkd",
        reason: "Ubuntu's server images run systemd-networkd; what is handed to NetworkManager is configured by nobody there.",
        run: Some(values::renderers),
    },
    Check {
        id: "netplan/deprecated",
        severity: Severity::Warning,
        summary: "Default routes are routes",
        reason: "gateway4 and gateway6 are deprecated since netplan 0.103, and two of them on one machine are refused.",
        run: Some(deprecated),
    },
    Check {
        id: "netplan/type-change",
        severity: Severity::Error,
        summary: "An interface has one type in all files",
        reason: "netplan merges all files by id; an id under a second type stops the whole generation (`Updated definition changes device type`).",
        run: Some(type_changes),
    },
    Check {
        id: "netplan/merge",
        severity: Severity::Warning,
        summary: "An interface is described in one file",
        reason: "Files are merged in the order of their names: values of the later one win, lists grow. A /32 meant to be alone is not.",
        run: Some(merges),
    },
    Check {
        id: "netplan/file",
        severity: Severity::Error,
        summary: "netplan reads the file, and nobody else writes it",
        reason: "netplan reads /etc/netplan/*.yaml only; 50-cloud-init.yaml is cloud-init's own and is written anew from the provider's data (cloudinit/net/netplan.py).",
        run: Some(names),
    },
    Check {
        id: "netplan/order",
        severity: Severity::Warning,
        summary: "netplan files sort after cloud-init's",
        reason: "Where two files say something of one interface the later name wins: before 50-cloud-init.yaml a file is overruled.",
        run: Some(order),
    },
];

const FOLDER: &str = "/etc/netplan";
const OF_CLOUD_INIT: &str = "50-cloud-init.yaml";
/// `default` as a destination came when gateway4 went (netplan 0.103, changelog).
const DEFAULT_ROUTES: &str = "0.103";

/// Every file that netplan will read, in the order in which it does.
fn files<'s>(subject: &'s Subject<'_>) -> Vec<(&'s Entry, &'s Node)> {
    documents::plane(subject, Plane::Node)
        .filter(|(entry, _)| entry.path.is_below(FOLDER) && wrong_name(entry).is_none())
        .collect()
}

fn wrong_name(entry: &Entry) -> Option<&'static str> {
    let name = entry.path.as_str().strip_prefix(FOLDER)?.strip_prefix('/')?;
    match name {
        OF_CLOUD_INIT => Some("is cloud-init's own and will be written anew"),
        _ if name.contains('/') => Some("lies in a folder that netplan does not look into"),
        _ if name.rsplit('.').next() != Some("yaml") => Some("is not read: netplan takes *.yaml only"),
        _ => None,
    }
}

fn names(subject: &Subject<'_>) -> Vec<Finding> {
    let below = subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| entry.path.is_below(FOLDER));
    let wrong = below.filter_map(|entry| Some((entry, wrong_name(entry)?)));
    wrong
        .map(|(entry, why)| {
            let message = format!("{} {why}", entry.path);
            Finding::error("netplan/file", message, &entry.origin).hint("such as /etc/netplan/60-mine.yaml")
        })
        .collect()
}

fn order(subject: &Subject<'_>) -> Vec<Finding> {
    let early = |entry: &Entry| entry.path.file_name() < OF_CLOUD_INIT;
    files(subject)
        .into_iter()
        .filter(|(entry, _)| early(entry))
        .map(|(entry, _)| {
            let message = format!("{} sorts before {OF_CLOUD_INIT}, which overrules it", entry.path);
            Finding::warning("netplan/order", message, &entry.origin).hint("give it a number above 50")
        })
        .collect()
}

/// One definition of an interface.
struct Device<'s> {
    entry: &'s Entry,
    kind: &'s str,
    id: &'s str,
    place: &'s Place,
    node: &'s Node,
}

/// What is in `network` beside the devices.
const NO_DEVICES: [&str; 3] = ["version", "renderer", "openvswitch"];

fn devices<'s>(subject: &'s Subject<'_>) -> Vec<Device<'s>> {
    let mut all = Vec::new();
    for (entry, node) in files(subject) {
        let kinds = node.get("network").map(Node::entries).unwrap_or_default();
        for kind in kinds.iter().filter(|kind| !NO_DEVICES.contains(&kind.key.as_str())) {
            all.extend(kind.value.entries().iter().map(|device| Device {
                entry,
                kind: &kind.key,
                id: &device.key,
                place: &device.key_place,
                node: &device.value,
            }));
        }
    }
    all
}

fn type_changes(subject: &Subject<'_>) -> Vec<Finding> {
    let mut first: BTreeMap<&str, Device<'_>> = BTreeMap::new();
    let mut findings = Vec::new();
    for device in devices(subject) {
        match first.get(device.id) {
            Some(other) if other.kind != device.kind => {
                let message = format!("`{}` is in {} and in {}", device.id, other.kind, device.kind);
                let finding = Finding::error("netplan/type-change", message, device.place);
                findings.push(finding.note(other.place, "the other one"));
            }
            Some(_) => {}
            None => drop(first.insert(device.id, device)),
        }
    }
    findings
}

fn merges(subject: &Subject<'_>) -> Vec<Finding> {
    let mut first: BTreeMap<&str, Device<'_>> = BTreeMap::new();
    let mut findings = Vec::new();
    for device in devices(subject) {
        match first.get(device.id) {
            Some(other) if other.kind == device.kind && other.entry.path != device.entry.path => {
                let message = format!("`{}` is described in {} too", device.id, other.entry.path);
                let finding = Finding::warning("netplan/merge", message, device.place);
                findings.push(
                    finding
                        .note(other.place, "the first time")
                        .hint("describe it in one of them"),
                );
            }
            Some(_) => {}
            None => drop(first.insert(device.id, device)),
        }
    }
    findings
}

fn deprecated(subject: &Subject<'_>) -> Vec<Finding> {
    let floor = &subject.plan.image.netplan;
    if DEFAULT_ROUTES.parse::<Version>().is_ok_and(|since| since > *floor) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for device in devices(subject) {
        for entry in device.node.entries() {
            if matches!(entry.key.as_str(), "gateway4" | "gateway6") {
                let message = format!("`{}` is deprecated", entry.key);
                let finding = Finding::warning("netplan/deprecated", message, &entry.key_place);
                findings.push(finding.hint("routes: [{ to: default, via: ADDRESS }]"));
            }
        }
    }
    findings
}
