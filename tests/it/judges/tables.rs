//! Our tables against what the real programs and the kernel say of themselves.

use std::collections::BTreeSet;
use std::path::Path;

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

/// The programs hold each key as `Section.Key`; older spellings are among them.
#[test]
fn keys_of_networks_are_in_the_network_manager() {
    let mut programs = vec![Path::new("/usr/lib/systemd/systemd-networkd").to_owned()];
    programs.extend(brought("trixie").map(|root| root.join("usr/lib/systemd/systemd-networkd")));
    let newest = programs
        .pop()
        .filter(|program| program.is_file() && programs.len() == 1);
    let Some(newest) = newest else { return };
    let bytes = std::fs::read(newest).unwrap();
    let words: BTreeSet<&str> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|word| std::str::from_utf8(word).ok())
        .filter(|word| word.contains('.') && word.len() < 80)
        .collect();
    let catalog = Catalog::embedded();
    let mut seen = 0;
    for row in catalog.rows("profiles/systemd/keys.csv").all() {
        let columns: Vec<&str> = row.split(',').collect();
        if matches!(columns[0], "network" | "netdev") {
            let name = format!("{}.{}", columns[1], columns[2]);
            // A linker keeps a word that another one ends with only once.
            let there = words.contains(name.as_str()) || words.iter().any(|word| word.ends_with(&name));
            assert!(there, "systemd-networkd has no {name}");
            seen += 1;
        }
    }
    assert!(seen > 500, "{seen} keys");
}

/// This machine's kernel has no setting that the table has not, but for what hardware and modules of its own bring.
#[test]
fn settings_of_the_kernel_are_in_the_table() {
    if !have("sysctl") {
        return;
    }
    let output = std::process::Command::new("/usr/sbin/sysctl")
        .args(["-aN"])
        .output()
        .unwrap();
    let catalog = Catalog::embedded();
    let rows = catalog.rows("profiles/sysctl/names.csv");
    let names: BTreeSet<&str> = rows.all().filter_map(|row| row.split(',').next()).collect();
    let (mut known, mut unknown) = (0, Vec::new());
    for name in stdout(&output).lines() {
        let parts: Vec<&str> = name.split('.').collect();
        // Interfaces stand as `*`; a name with a dot in it is told by a slash.
        let pattern = match parts.as_slice() {
            [net, family, kind @ ("conf" | "neigh"), _, last] => format!("{net}.{family}.{kind}.*.{last}"),
            _ => name.to_owned(),
        };
        let above = |at: usize| names.contains(format!("{}.*", &name[..at]).as_str());
        if names.contains(pattern.as_str()) || name.match_indices('.').any(|(at, _)| above(at)) {
            known += 1;
        } else {
            unknown.push(name.to_owned());
        }
    }
    println!("not in the table: {unknown:?}");
    assert!(known > 300, "{known} settings known");
    assert!(unknown.len() * 20 < known, "the table misses {unknown:?}");
}
