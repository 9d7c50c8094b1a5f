//! Real boots: a Debian in qemu becomes a node, comes back after a reboot, and gives everything back at uninstall.
//!
//! `tests/vm/boot` makes a machine and starts it; what it should be is asserted inside (`tests/vm/inside/assert.py`),
//! told as lines of JSON, and judged here. Two machines at a time: each is emulated by one thread, and a small runner has
//! two CPUs.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests reach the disk, processes and the environment, and say what they skip"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde::Deserialize;

use crate::judges::{brought, run};
use crate::support::{have, root, stderr};

/// Each Debian, and how the node comes to it. At the end of the first one, each check is held against a machine that is
/// broken on purpose.
const BOOTS: [(&str, &str); 4] = [
    ("bookworm", "seed"),
    ("bookworm", "bundle"),
    ("trixie", "seed"),
    ("trixie", "bundle"),
];

/// The boots of a machine, and the fewest checks each has: fewer, and something was not asked.
const PHASES: [(&str, usize); 3] = [("first", 24), ("reboot", 25), ("uninstall", 4)];

/// A line of a machine's results.
#[derive(Debug, Deserialize)]
struct Told {
    phase: String,
    /// Seconds since this boot began.
    uptime: u64,
    check: String,
    ok: bool,
    detail: String,
}

#[test]
fn machines_become_nodes_and_give_all_back() {
    if !have("qemu-system-x86_64") {
        return;
    }
    let boots: Vec<_> = BOOTS
        .into_iter()
        .filter(|(suite, _)| brought(&format!("vm/{suite}/disk.img")).is_some())
        .collect();
    let next = AtomicUsize::new(0);
    let lane = || {
        let mut failed = Vec::new();
        while let Some((suite, way)) = boots.get(next.fetch_add(1, Ordering::Relaxed)) {
            failed.extend(machine(suite, way));
        }
        failed
    };
    let failed = std::thread::scope(|scope| {
        let other = scope.spawn(lane);
        let mut failed = lane();
        failed.extend(other.join().unwrap());
        failed
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// One machine from its making to its end; all that is wrong with it.
fn machine(suite: &str, way: &str) -> Vec<String> {
    let begin = Instant::now();
    // It stays where it failed: tests/vm/README.md says how to look inside.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("vm-{suite}-{way}"));
    let mut wrong = boot(suite, way, &folder);
    println!("{suite} by {way}: {} s in all", begin.elapsed().as_secs());
    if wrong.is_empty() {
        std::fs::remove_dir_all(&folder).unwrap();
    } else {
        wrong.push(format!("the machine is in {}\n{}", folder.display(), tail(&folder)));
    }
    wrong
        .into_iter()
        .map(|what| format!("{suite} by {way}, {what}"))
        .collect()
}

/// Boots one machine; all that is wrong with it.
fn boot(suite: &str, way: &str, folder: &Path) -> Vec<String> {
    let mut command = Command::new(root().join("tests/vm/boot"));
    command.args([suite, way]).arg(folder);
    let output = run(command.env("NODEBAKE", env!("CARGO_BIN_EXE_nodebake")));
    let mut wrong = Vec::new();
    if !output.status.success() {
        wrong.push(format!("boot: {} {}", output.status, stderr(&output)));
    }
    let text = std::fs::read_to_string(folder.join("results")).unwrap_or_default();
    let mut checks: BTreeMap<String, usize> = BTreeMap::new();
    let mut ended = false;
    for line in text.lines() {
        let told: Told = match serde_json::from_str(line) {
            Ok(told) => told,
            Err(error) => {
                wrong.push(format!("a line that is no result: {line}: {error}"));
                continue;
            }
        };
        match told.check.as_str() {
            "up" => println!("{suite} by {way}, {} boot: up after {} s", told.phase, told.uptime),
            "end" => ended = true,
            _ => *checks.entry(told.phase.clone()).or_default() += 1,
        }
        if !told.ok {
            wrong.push(format!("{} boot, {}: {}", told.phase, told.check, told.detail));
        }
    }
    let proved = (suite, way) == BOOTS[0];
    for (phase, fewest) in PHASES.into_iter().chain(proved.then_some(("prove", 35))) {
        let count = checks.get(phase).copied().unwrap_or(0);
        println!("{suite} by {way}, {phase}: {count} checks");
        if count < fewest {
            wrong.push(format!("{phase}: {count} checks were told, not {fewest}"));
        }
    }
    if !ended {
        wrong.push("the machine did not come to its end".into());
    }
    wrong
}

/// The end of what it wrote to its console.
fn tail(folder: &Path) -> String {
    let console = std::fs::read(folder.join("console.log")).unwrap_or_default();
    let console = String::from_utf8_lossy(&console);
    let lines: Vec<&str> = console.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
