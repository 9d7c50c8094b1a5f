//! Our tables of systemd's keys and specifiers against what the real ones say of themselves.

use std::collections::BTreeSet;

use nodebake::base::Version;
use nodebake::catalog::Catalog;

use super::{Machine, brought, namespaces};
use crate::support::{have, stdout};

/// Gone before 252, and in no image's version.
const GONE: &str = "ManagedOOMMemoryPressureLimitPercent";

/// `kind,section,key` of every key of units that a systemd of `version` has by our table.
fn ours(version: &Version) -> BTreeSet<String> {
    let catalog = Catalog::embedded();
    let rows = catalog.rows("profiles/systemd/keys.csv").all();
    rows.filter(|row| {
        !["network,", "netdev,", "link,"]
            .iter()
            .any(|kind| row.starts_with(kind))
    })
    .filter_map(|row| {
        let (key, since) = row.rsplit_once(',').unwrap();
        let there = since.is_empty() || since.parse::<Version>().unwrap() <= *version;
        there.then(|| key.to_owned())
    })
    .collect()
}

/// The same from systemd itself, and its version.
fn real(machine: &Machine) -> (BTreeSet<String>, Version) {
    // Not as the first process of its namespace: there it would start the machine.
    let say = |flag: &str| stdout(&machine.run(&["bash", "-c", &format!("/usr/lib/systemd/systemd {flag}; true")]));
    let version = say("--version");
    let version = version.split_whitespace().nth(1).unwrap().parse().unwrap();
    let dump = say("--dump-configuration-items");
    let mut section = "";
    let mut keys = BTreeSet::new();
    for line in dump.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once('=')
            && key != GONE
        {
            let kind = match section {
                "Unit" | "Install" => "unit".to_owned(),
                other => other.to_lowercase(),
            };
            keys.insert(format!("{kind},{section},{key}"));
        }
    }
    (keys, version)
}

fn agrees(machine: &Machine) {
    let (real, version) = real(machine);
    assert!(real.len() > 1000, "{version}: {} keys", real.len());
    let ours = ours(&version);
    let missing: Vec<&String> = real.difference(&ours).collect();
    let invented: Vec<&String> = ours.difference(&real).collect();
    assert!(missing.is_empty(), "systemd {version} knows, we do not: {missing:?}");
    assert!(invented.is_empty(), "we know, systemd {version} does not: {invented:?}");
}

#[test]
fn keys_are_those_of_the_installed_systemd() {
    if have("systemd-analyze") && namespaces() {
        agrees(&Machine::empty());
    }
}

#[test]
fn keys_are_those_of_other_systemds() {
    for suite in ["bullseye", "trixie"] {
        if let Some(root) = brought(suite).filter(|_| namespaces()) {
            agrees(&Machine::empty().userland(&root));
        }
    }
}
