//! bash, shellcheck, Python and sysctl read what is written for them.

use std::collections::BTreeMap;
use std::process::Command;

use nodebake::catalog::Plane;
use nodebake::syntax::FileType;
use nodebake::syntax::shell::unfinished;

use super::{PYTHON, nodes, refused, run};
use crate::support::{TempDir, have, root, stderr, stdout};

/// Every different file of a type, with the first node that has it.
fn files(filetype: FileType) -> Vec<(String, &'static str)> {
    let mut found: BTreeMap<&'static str, String> = BTreeMap::new();
    for node in nodes() {
        for entry in node
            .built
            .verified
            .tree()
            .plane(Plane::Node)
            .filter(|entry| entry.filetype == filetype)
        {
            found
                .entry(entry.text.as_str())
                .or_insert_with(|| format!("{}: {}", node.name, entry.path));
        }
    }
    found.into_iter().map(|(text, name)| (name, text)).collect()
}

fn shellcheck(folder: &TempDir, script: &str, options: &[&str]) -> Option<String> {
    let file = folder.write("script", script);
    refused(&run(Command::new("shellcheck")
        .args(options)
        .args(["-s", "bash", "-f", "gcc"])
        .arg(file)))
}

fn bash(folder: &TempDir, script: &str) -> Option<String> {
    let file = folder.write("script", script);
    let output = run(Command::new("bash").arg("-n").arg(file));
    refused(&output).or_else(|| Some(stderr(&output)).filter(|said| !said.is_empty()))
}

#[test]
fn bash_and_shellcheck_have_nothing_against_the_scripts() {
    let folder = TempDir::new();
    let scripts = files(FileType::Bash);
    assert!(scripts.len() >= 2);
    for (name, script) in scripts {
        assert_eq!(bash(&folder, script), None, "{name}");
        if have("shellcheck") {
            assert_eq!(shellcheck(&folder, script, &[]), None, "{name}");
        }
    }
    for (name, variables) in files(FileType::Env) {
        assert_eq!(bash(&folder, variables), None, "{name}");
        if have("shellcheck") {
            // They are used by the scripts that read the file.
            assert_eq!(shellcheck(&folder, variables, &["-e", "SC2034"]), None, "{name}");
        }
    }
}

#[test]
fn the_scripts_of_this_repository_are_held_to_the_same() {
    let folder = TempDir::new();
    let mut count = 0;
    for place in ["tests/fixtures/tools", ".ci"] {
        for entry in std::fs::read_dir(root().join(place)).into_iter().flatten() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            if text.starts_with("#!/bin/bash") && have("shellcheck") {
                assert_eq!(shellcheck(&folder, &text, &[]), None, "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 0 || !have("shellcheck"));
}

#[test]
fn a_broken_script_is_refused() {
    let folder = TempDir::new();
    let (_, good) = files(FileType::Bash).remove(0);
    assert!(bash(&folder, &format!("{good}\nif true; then\n")).is_some());
    if have("shellcheck") {
        let said = shellcheck(
            &folder,
            &format!("{good}\nfor item in $(ls $somewhere); do echo $item; done\n"),
            &[],
        );
        assert!(said.is_some_and(|said| said.contains("SC2086")));
    }
}

/// Values arrive in the shell as they were decided, whatever quotes the file needed.
#[test]
fn the_shell_reads_the_values_that_were_written() {
    let folder = TempDir::new();
    for node in nodes() {
        let file = folder.write("node.env", super::text(&node.built, "/etc/nodebake/node.env").unwrap());
        let script = "set -eu; . \"$1\"; printf '%s\\n' \"$NB_NODE_NAME\" \"$NB_NODE_IP\" \"$NB_KUBERNETES_VERSION\"";
        let output = run(Command::new("bash").args(["-c", script, "-"]).arg(file));
        assert_eq!(refused(&output), None);
        let word = |path: &str| super::decided(&node.built, path).as_str().unwrap().to_owned();
        let expected = [
            word("identity.nodeName"),
            word("identity.nodeIp"),
            node.built.plan.node.as_ref().unwrap().kubelet_version.to_string(),
        ];
        assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected, "{}", node.name);
    }
}

/// Whether Python of a version can read a script.
fn python(folder: &TempDir, script: &str, version: &str) -> Option<String> {
    let file = folder.write("script.py", script);
    let check = "import ast, sys\nwith open(sys.argv[1], encoding='utf-8') as file:\n    text = file.read()\n\
                 ast.parse(text, feature_version=tuple(map(int, sys.argv[2].split('.')[:2])))\n\
                 compile(text, sys.argv[1], 'exec')\n";
    refused(&run(Command::new(PYTHON)
        .args(["-W", "error", "-c", check])
        .arg(file)
        .arg(version)))
}

#[test]
fn python_reads_the_helper_on_every_image() {
    if !have("python3") {
        return;
    }
    let folder = TempDir::new();
    for node in nodes() {
        let version = node.built.plan.image.python.to_string();
        for entry in node.built.verified.tree().plane(Plane::Node) {
            if entry.filetype == FileType::Python {
                assert_eq!(
                    python(&folder, &entry.text, &version),
                    None,
                    "{}: {}",
                    node.name,
                    entry.path
                );
            }
        }
    }
    assert!(!files(FileType::Python).is_empty());
    assert!(python(&folder, "match 1:\n    case 1: pass\n", "3.8").is_some());
    assert!(python(&folder, "match 1:\n    case 1: pass\n", "3.10").is_none());
}

/// What sysctl would set, and what it has against a file. It does not set anything.
fn sysctl(folder: &TempDir, file: &str) -> (Vec<String>, Vec<String>) {
    let file = folder.write("sysctl.conf", file);
    let output = run(Command::new("/usr/sbin/sysctl").args(["--dry-run", "-p"]).arg(file));
    // These keys are there once br_netfilter is loaded, which a file of the node's sees to.
    let other = |line: &&str| !line.contains("/proc/sys/net/bridge/");
    let complaints = stderr(&output).lines().filter(other).map(str::to_owned).collect();
    (stdout(&output).lines().map(str::to_owned).collect(), complaints)
}

#[test]
fn sysctl_knows_every_key() {
    if !have("sysctl") {
        return;
    }
    let folder = TempDir::new();
    let bridge = |line: &str| line.starts_with("net.bridge.");
    let all = files(FileType::Sysctl);
    assert!(!all.is_empty());
    for (name, text) in all {
        let (set, complaints) = sysctl(&folder, text);
        assert_eq!(complaints, [""; 0], "{name}");
        let expected = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#') && !bridge(line));
        assert_eq!(
            set.iter().filter(|line| !bridge(line)).collect::<Vec<_>>(),
            expected.collect::<Vec<_>>(),
            "{name}"
        );
        let (_, complaints) = sysctl(&folder, &text.replace("kernel.panic =", "kernel.panik ="));
        assert!(
            complaints.iter().any(|line| line.contains("panik")),
            "{name}: {complaints:?}"
        );
    }
}

/// What the scan calls unfinished, bash refuses too: on every shell script of this machine, and on ours with a
/// character missing.
#[test]
fn bash_refuses_what_the_scan_calls_unfinished() {
    let folder = TempDir::new();
    let mut scripts: Vec<String> = Vec::new();
    for place in ["/usr/bin", "/usr/sbin", "/etc/init.d"] {
        for entry in std::fs::read_dir(place).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            let first = text.lines().next().unwrap_or_default();
            if first.starts_with("#!") && (first.contains("/sh") || first.contains("bash")) {
                scripts.push(text);
            }
        }
    }
    assert!(scripts.len() > 20, "{}", scripts.len());
    for (_, text) in files(FileType::Bash) {
        scripts.push(text.to_owned());
        let marks = text.match_indices(['\'', '"', '(', ')', '{', '}', '`']);
        // Every eleventh of them: bash takes its time.
        for (at, mark) in marks.step_by(11) {
            scripts.push(format!("{}{}", &text[..at], &text[at + mark.len()..]));
        }
    }
    let mut found = 0;
    for script in scripts {
        if let Some(open) = unfinished(&script) {
            found += 1;
            let said = bash(&folder, &script);
            assert!(said.is_some(), "{open:?} in a script that bash takes:\n{script}");
        }
    }
    assert!(found > 20, "only {found} were called unfinished");
}
