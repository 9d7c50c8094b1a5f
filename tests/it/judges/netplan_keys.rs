//! The table of netplan's keys against two real netplans.

use std::process::Command;

use nodebake::base::Version;
use nodebake::catalog::{Catalog, NetplanKey};

use super::{brought, run};
use crate::support::{TempDir, have, stderr};

/// The generator of Debian 12's netplan, if it is that one.
fn old() -> Option<(Command, Version)> {
    const GENERATE: &str = "/usr/libexec/netplan/generate";
    let installed = have("netplan") && std::path::Path::new(GENERATE).exists();
    // It says no version of its own.
    let output = Command::new("dpkg-query")
        .args(["-W", "-f", "${Version}", "netplan.io"])
        .output()
        .ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    let version: Version = version.split('-').next()?.parse().ok()?;
    installed.then(|| (Command::new(GENERATE), version))
}

/// Debian 13's.
fn new() -> Option<(Command, Version)> {
    let root = brought("trixie")?;
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    command
        .arg("--library-path")
        .arg(libraries)
        .arg(root.join("usr/libexec/netplan/generate"));
    Some((command, "1.1.2".parse().unwrap()))
}

/// Whether the generator knows a key: it may well refuse its value, but then not its name.
fn knows(generator: &Command, around: &str, key: &str) -> bool {
    let folder = TempDir::new();
    folder.write("etc/netplan/a.yaml", around.replace("KEY", key));
    let mut command = Command::new(generator.get_program());
    command.args(generator.get_args()).arg("--root-dir").arg(folder.path());
    !stderr(&run(&mut command)).contains("unknown key")
}

/// Each map of the table with a place where it stands.
const PLACES: [(&str, &str); 14] = [
    ("network", "network: { KEY: {} }\n"),
    ("ethernets", "network: { ethernets: { x: { KEY: {} } } }\n"),
    ("wifis", "network: { wifis: { x: { KEY: {} } } }\n"),
    ("modems", "network: { modems: { x: { KEY: {} } } }\n"),
    ("vlans", "network: { vlans: { x: { KEY: {} } } }\n"),
    ("tunnels", "network: { tunnels: { x: { KEY: {} } } }\n"),
    ("dummy-devices", "network: { dummy-devices: { x: { KEY: {} } } }\n"),
    (
        "virtual-ethernets",
        "network: { virtual-ethernets: { x: { KEY: {} } } }\n",
    ),
    ("match", "network: { ethernets: { x: { match: { KEY: {} } } } }\n"),
    (
        "nameservers",
        "network: { ethernets: { x: { nameservers: { KEY: {} } } } }\n",
    ),
    ("route", "network: { ethernets: { x: { routes: [{ KEY: {} }] } } }\n"),
    (
        "policy",
        "network: { ethernets: { x: { routing-policy: [{ KEY: {} }] } } }\n",
    ),
    (
        "bridge-parameters",
        "network: { bridges: { x: { parameters: { KEY: {} } } } }\n",
    ),
    (
        "bond-parameters",
        "network: { bonds: { x: { parameters: { KEY: {} } } } }\n",
    ),
];

#[test]
fn the_table_knows_what_netplan_knows() {
    let table = Catalog::embedded().netplan_table().unwrap();
    let mut tried = 0;
    for (generator, version) in [old(), new()].into_iter().flatten() {
        let fresh = |row: &NetplanKey| row.since.as_ref().is_none_or(|since| *since <= version);
        for (map, around) in PLACES {
            let device = table.keys("network").into_iter().find(|row| row.key == map);
            if device.is_some_and(|row| !fresh(row)) {
                continue;
            }
            for row in table.keys(map) {
                let expected = fresh(row);
                assert_eq!(
                    knows(&generator, around, &row.key),
                    expected,
                    "netplan {version}: {map}.{}",
                    row.key
                );
                tried += 1;
            }
            assert!(!knows(&generator, around, "nonsense"), "netplan {version}: {map}");
        }
    }
    println!("{tried} keys tried");
}
