//! Units that nothing starts, and files that nothing reads.

use std::collections::BTreeSet;

use super::machine::{Machine, started_by};
use super::reading::{NETWORK, NETWORK_TYPES, TYPES, UNITS, UnitFile};
use crate::base::{Finding, Place};
use crate::catalog::Plane;
use crate::verify::Subject;

/// What first boot enables and starts.
fn enabled<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = &'s str> {
    let book = &subject.plan.book;
    ["firstBoot.gpuUnits", "firstBoot.enableUnits"]
        .into_iter()
        .filter_map(|list| book.get(list)?.value().as_str())
        .flat_map(str::split_whitespace)
}

pub(super) fn without_install(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = Machine::of(subject);
    let mut findings = Vec::new();
    for unit in enabled(subject) {
        let mut files = machine.about(unit);
        let Some(file) = files.next().filter(|file| !file.drop_in) else {
            continue;
        };
        let installs = machine.about(unit).flat_map(UnitFile::lines).any(|line| {
            let key = matches!(
                line.key.as_str(),
                "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias" | "Also"
            );
            key && line.section == "Install" && !line.value.is_empty()
        });
        if !installs {
            let message = format!("first boot enables {unit}, which has no [Install] with a WantedBy=");
            findings.push(
                Finding::error("systemd/no-install", message, &file.place(1))
                    .hint("without it the unit does not start at the next boot"),
            );
        }
    }
    findings
}

pub(super) fn never_started(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = Machine::of(subject);
    let mut started: BTreeSet<String> = enabled(subject).map(str::to_owned).collect();
    for file in machine.files() {
        started.extend(started_by(machine, file));
        for line in file.lines() {
            let starts = matches!(
                line.key.as_str(),
                "Wants" | "Requires" | "BindsTo" | "Upholds" | "OnFailure" | "OnSuccess" | "Sockets" | "Also"
            );
            if starts {
                started.extend(line.value.split_whitespace().map(str::to_owned));
            }
        }
    }
    let mut findings = Vec::new();
    // One that cannot be read has no lines, and a finding already.
    for file in machine.files().filter(|file| !file.drop_in && !file.lines().is_empty()) {
        let kind = matches!(
            file.kind,
            "service" | "timer" | "path" | "socket" | "mount" | "automount" | "swap"
        );
        // The image may have enabled one of the same name; instances and names on the bus are asked for elsewhere.
        let elsewhere = file.name.contains('@')
            || machine.image_rows(file.name).next().is_some()
            || file.values("Service", "BusName").next().is_some()
            || file.values("Install", "Alias").next().is_some();
        if kind && !elsewhere && !started.contains(file.name) {
            let message = format!("nothing starts {}: first boot does not enable it", file.name);
            findings.push(
                Finding::warning("systemd/never-started", message, &file.place(1))
                    .hint("have a unit that is started want it, such as kubelet.service by a drop-in with Wants="),
            );
        }
    }
    findings
}

pub(super) fn ignored_files(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in subject.tree.plane(Plane::Node) {
        let path = entry.path.as_str();
        let (folder, types) = if entry.path.is_below(UNITS) {
            (UNITS, TYPES.as_slice())
        } else if entry.path.is_below(NETWORK) {
            (NETWORK, NETWORK_TYPES.as_slice())
        } else {
            continue;
        };
        let name = &path[folder.len() + 1..];
        let why = match name.split_once('/') {
            None => {
                let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
                (!types.contains(&kind)).then(|| format!("it is none of .{}", types.join(", .")))
            }
            Some((folder, file)) => {
                let drop_in = folder.strip_suffix(".d").is_some();
                let read = drop_in && file.strip_suffix(".conf").is_some() && !file.contains('/');
                (!read).then(|| "a drop-in is NAME.d/FILE.conf".to_owned())
            }
        };
        if let Some(why) = why {
            let message = format!("nothing reads {path}: {why}");
            findings.push(
                Finding::error("systemd/ignored-file", message, &Place::line_of(&entry.source(), 1))
                    .hint("rename it, or put it elsewhere"),
            );
        }
    }
    findings
}
