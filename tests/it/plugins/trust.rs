//! What may run: found, trusted, unchanged, and recorded in what is baked.

use super::{QUIET, Site};
use crate::support::{have, stderr, stdout};

const DESCRIBES: &str = "#!/bin/sh\nif grep -q '\"describe\"'; then\n  printf '{\"protocol\":1,\"describe\":{\"kind\":\"check\",\"summary\":\"Says nothing\",\"protocols\":[1],\"files\":[\"node/etc/**\"]}}'\nelse\n  printf '{\"protocol\":1,\"findings\":[]}'\nfi\n";

#[test]
fn a_plugin_runs_once_it_is_trusted_and_no_longer_when_it_changes() {
    let site = Site::new("    - check: quiet", &[]);
    let refused = |id: &str, hint: &str| {
        let output = site.run(&["check", "node.yaml"]);
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(
            words.contains(&format!("error[plugin/{id}]")) && words.contains(hint),
            "{words}"
        );
    };
    refused("unknown", "nodebake plugin new check quiet");
    site.folder.write("plugins/quiet", DESCRIBES);
    refused("start", "chmod +x plugins/quiet");
    site.program("quiet", DESCRIBES);
    refused("untrusted", "nodebake plugin trust node.yaml quiet");
    let list = |state: &str| {
        let output = site.command(&["plugin", "list", "node.yaml"]).output().unwrap();
        assert!(stdout(&output).contains(state), "{}", stdout(&output));
    };
    list("untrusted");

    let trusted = site.run(&["plugin", "trust", "node.yaml", "quiet"]);
    assert!(trusted.status.success(), "{}", stderr(&trusted));
    assert!(stderr(&trusted).contains("check/quiet: Says nothing"));
    assert!(stdout(&trusted).contains("+  - check: quiet"), "{}", stdout(&trusted));
    assert!(
        stdout(&trusted).contains("+      - \"node/etc/**\""),
        "{}",
        stdout(&trusted)
    );
    let lock = std::fs::read_to_string(site.path().join("plugins.lock")).unwrap();
    assert!(site.run(&["check", "node.yaml"]).status.success());
    list("trusted");
    let again = site.run(&["plugin", "trust", "node.yaml"]);
    assert!(stderr(&again).contains("nothing to change") && stdout(&again).is_empty());
    assert_eq!(std::fs::read_to_string(site.path().join("plugins.lock")).unwrap(), lock);

    site.program("quiet", &format!("{DESCRIBES}# changed\n"));
    refused("changed", "trusted here");
    list("changed");
    // A guard that was switched off stays off when the program is trusted anew.
    let guarded = site.run(&["plugin", "trust", "node.yaml", "--without", "memory"]);
    assert!(stdout(&guarded).contains("+      - memory"), "{}", stdout(&guarded));
    site.program("quiet", DESCRIBES);
    let anew = site.run(&["plugin", "trust", "node.yaml"]);
    assert!(!stdout(&anew).contains("-      - memory"), "{}", stdout(&anew));
    let wrong = site.run(&["plugin", "trust", "node.yaml", "qiet"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(site.left().is_empty());
}

#[test]
fn not_as_root_unasked() {
    let site = Site::new("    - check: quiet", &[("check", "quiet", QUIET, &[])]);
    let output = crate::support::nodebake(&["check", "node.yaml"], site.path());
    // This test runs as root in some places, as a user in others.
    let is_root = std::fs::metadata("/proc/self").map(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    assert_eq!(stderr(&output).contains("error[plugin/root]"), is_root.unwrap());
}

/// What the lock gives a program that asks for too much is nothing.
#[test]
fn trust_has_its_limits() {
    for (what, message) in [
        ("\"environment\":[\"AWS_SECRET_ACCESS_KEY\"]", "looks like a secret"),
        ("\"reads\":[\"/\"]", "is no path that can be given"),
        ("\"reads\":[\"../..\"]", "is no path that can be given"),
        ("\"writes\":[\"node/**\"]", "`writes` is for patch"),
        ("\"files\":[\"/etc/**\"]", "is no pattern of files"),
        ("\"seconds\":86400", "are not 1 to 3600"),
    ] {
        let program = format!(
            "#!/bin/sh\nprintf '%s' '{{\"protocol\":1,\"describe\":{{\"kind\":\"check\",\"summary\":\"s\",\"protocols\":[1],{what}}}}}'\n"
        );
        let site = Site::new("    - check: greedy", &[]);
        site.program("greedy", &program);
        let output = site.run(&["plugin", "trust", "node.yaml"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(message), "{what}: {}", stderr(&output));
        assert!(!site.path().join("plugins.lock").exists());
    }
    for (say, message) in [
        (
            "\"kind\":\"patch\",\"summary\":\"s\",\"protocols\":[1]",
            "says that it is for patch",
        ),
        (
            "\"kind\":\"check\",\"summary\":\"s\",\"protocols\":[7]",
            "speaks versions [7]",
        ),
    ] {
        let site = Site::new("    - check: liar", &[]);
        site.program(
            "liar",
            &format!("#!/bin/sh\nprintf '%s' '{{\"protocol\":1,\"describe\":{{{say}}}}}'\n"),
        );
        let output = site.run(&["plugin", "trust", "node.yaml"]);
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
}

/// The folder a user names goes before the one beside node.yaml, and that before PATH.
#[test]
fn where_plugins_are_found() {
    let site = Site::new("    - check: one", &[]);
    let said = |args: &[&str]| {
        let mut command = site.command(&["plugin", "list", "node.yaml"]);
        let bin = site.path().join("bin");
        let output = command
            .args(args)
            .env("PATH", format!("relative:{}", bin.display()))
            .output()
            .unwrap();
        stdout(&output)
    };
    assert!(said(&[]).contains("missing"));
    site.folder.write("relative/nodebake-check-one", QUIET);
    assert!(said(&[]).contains("missing"));
    site.folder.write("bin/nodebake-check-one", QUIET);
    assert!(said(&[]).contains("bin/nodebake-check-one"));
    site.folder.write("plugins/one", QUIET);
    assert!(said(&[]).contains("  plugins/one"));
    site.folder.write("mine/one/plugin", QUIET);
    assert!(said(&["--plugin-dir", "mine"]).contains("mine/one/plugin"));
}

/// The lock is read like every file of the user's.
#[test]
fn mistakes_in_the_lock_have_a_place() {
    let site = Site::new("    - check: quiet", &[("check", "quiet", QUIET, &[])]);
    let good = std::fs::read_to_string(site.path().join("plugins.lock")).unwrap();
    for (from, to, id) in [
        ("sha256: \"", "sha256: \"0", "plugin/lock"),
        ("check: quiet", "chekc: quiet", "spec/unknown-key"),
        ("kind: Plugins", "kind: Plugin", "spec/value"),
        ("plugins:\n", "<<<<<<< ours\nplugins:\n", "spec/"),
    ] {
        site.folder.write("plugins.lock", good.replacen(from, to, 1));
        let output = site.run(&["check", "node.yaml", "--short"]);
        assert_eq!(output.status.code(), Some(1));
        let words = stderr(&output);
        assert!(words.contains("plugins.lock:") && words.contains(id), "{words}");
    }
    site.folder
        .write("plugins.lock", format!("{good}    without: [gravity]\n"));
    assert!(stderr(&site.run(&["check", "node.yaml"])).contains("`gravity` is not one of deadline"));
}

/// What a revision renders is rendered with the programs and the lock that it had.
#[test]
fn a_revision_runs_its_own_programs() {
    if !have("git") || !have("python3") {
        return;
    }
    let program = |word: &str| {
        format!(
            "#!/usr/bin/env python3\nimport json\nprint(json.dumps(dict(protocol=1, files=[dict(op='add', path='/etc/motd.d/word', mode='0644', type='lines', text='{word}\\n')])))\n"
        )
    };
    let before = program("before");
    let site = Site::new(
        "    - patch: word",
        &[("patch", "word", &before, &["writes: [node/etc/motd.d/*]"])],
    );
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "commit.gpgsign=false",
        ]);
        let output = git.args(args).current_dir(site.path()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    };
    git(&["init", "-q"]);
    git(&["add", "node.yaml", "cluster.yaml", "plugins.lock", "plugins"]);
    git(&["commit", "-qm", "before"]);
    let after = program("after");
    site.program("word", &after);
    let lock = std::fs::read_to_string(site.path().join("plugins.lock")).unwrap();
    let digest = |text: &str| nodebake::base::Sha256::of(text.as_bytes()).to_string();
    site.folder
        .write("plugins.lock", lock.replace(&digest(&before), &digest(&after)));
    let output = site.run(&["diff", "node.yaml", "--against", "git:HEAD"]);
    let words = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{words} {}", stderr(&output));
    assert!(words.contains("-before") && words.contains("+after"), "{words}");
}
