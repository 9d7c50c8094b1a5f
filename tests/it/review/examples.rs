//! `examples/pull-request/`: the workflow is one, and the hook keeps bad goldens out.

use std::process::{Command, Output};

use nodebake::base::Source;
use nodebake::syntax::yaml::{self, Node};

use super::{edit, fleet, run};
use crate::support::{TempDir, have, root, stderr, stdout};

fn workflow() -> Node {
    let text = std::fs::read_to_string(root().join("examples/pull-request/review.yml")).unwrap();
    yaml::parse(&Source::new("review.yml", text)).unwrap_or_else(|report| panic!("{report:?}"))
}

fn steps(root: &Node) -> &[Node] {
    let job = root.get("jobs").and_then(|jobs| jobs.get("review")).unwrap();
    job.get("steps").unwrap().items()
}

/// What GitHub asks for; and no expression stands in a script, where a branch's name would be run.
#[test]
fn the_workflow_is_one() {
    let root = workflow();
    assert!(root.get("on").and_then(|on| on.get("pull_request")).is_some());
    let permissions = root.get("permissions").unwrap();
    assert_eq!(permissions.get("contents").unwrap().text(), Some("read"));
    for step in steps(&root) {
        assert!(step.get("uses").is_some() != step.get("run").is_some());
        if let Some(run) = step.get("run") {
            assert!(!run.text().unwrap().contains("${{"), "{run:?}");
        }
    }
}

/// Each script is bash that shellcheck has nothing against, and the commands it runs are ours.
#[test]
fn the_scripts_of_the_workflow_and_the_hook_are_clean() {
    if !have("shellcheck") {
        return;
    }
    let folder = TempDir::new();
    for (at, step) in steps(&workflow()).iter().enumerate() {
        if let Some(run) = step.get("run").and_then(Node::text) {
            folder.write(&format!("{at}.sh"), format!("#!/bin/bash\nset -e\n{run}"));
        }
    }
    let hook = std::fs::read(root().join("examples/pull-request/pre-commit")).unwrap();
    folder.write("hook.sh", hook);
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 5);
    let output = Command::new("shellcheck").args(&names).output().unwrap();
    assert!(output.status.success(), "{}", stdout(&output));
}

/// The comparison of the workflow, run as it stands in a repository with a base and a change.
#[test]
fn the_workflow_compares_with_its_base() {
    if !have("git") {
        return;
    }
    let folder = repository();
    edit(
        &folder,
        "fleet.yaml",
        "    kubelet:\n",
        "    sizing: { maxPods: 60 }\n    kubelet:\n",
    );
    let root = workflow();
    let step = steps(&root)
        .iter()
        .find(|step| step.get("name").and_then(Node::text) == Some("What changes on the machines"))
        .unwrap();
    let script = |base: &str| {
        let mut command = bash(&folder, &["-e", "-c", step.get("run").unwrap().text().unwrap()]);
        command
            .env("FILE", "fleet.yaml")
            .env("GOLDENS", "snap")
            .env("BASE", base)
            .env("GITHUB_STEP_SUMMARY", folder.path().join("summary.md"));
        command.output().unwrap()
    };
    let output = script("HEAD");
    assert!(output.status.success(), "{}", stderr(&output));
    let summary = std::fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert!(
        summary.starts_with("<!-- nodebake diff -->\n### nodebake: `fleet.yaml` changes 4 of 4 nodes"),
        "{summary}"
    );
    assert!(!script("nope").status.success());
}

fn bash(folder: &TempDir, args: &[&str]) -> Command {
    let path = std::env::var("PATH").unwrap();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_nodebake")).parent().unwrap();
    let mut command = Command::new("bash");
    command
        .args(args)
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", bin.display()));
    for (name, value) in [("NAME", "x"), ("EMAIL", "x@example.com")] {
        command.env(format!("GIT_AUTHOR_{name}"), value);
        command.env(format!("GIT_COMMITTER_{name}"), value);
    }
    command
}

fn repository() -> TempDir {
    let folder = fleet();
    let hook = root().join("examples/pull-request/pre-commit");
    let script = format!(
        "git init -q && git config nodebake.goldens snap && git add -A && git commit -qm 1 && install -m 755 '{}' .git/hooks/pre-commit",
        hook.display()
    );
    let output = bash(&folder, &["-e", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    folder
}

#[test]
fn the_hook_looks_at_what_is_committed() {
    if !have("git") {
        return;
    }
    let folder = repository();
    let commit = |what: &str| -> Output {
        let script = format!("git add {what} && git commit -qm x");
        bash(&folder, &["-c", &script]).output().unwrap()
    };
    edit(
        &folder,
        "fleet.yaml",
        "    kubelet:\n",
        "    sizing: { maxPods: 60 }\n    kubelet:\n",
    );
    let refused = commit("fleet.yaml");
    assert_eq!(refused.status.code(), Some(1));
    let words = stderr(&refused);
    assert!(words.contains(": error: kubelet maxPods 110 → 60"), "{words}");
    assert!(
        words.contains("pre-commit: `nodebake golden update fleet.yaml snap`"),
        "{words}"
    );
    // Right in the working tree, and not added.
    assert_eq!(
        run(&folder, &["golden", "update", "fleet.yaml", "snap"]).status.code(),
        Some(0)
    );
    assert_eq!(commit("fleet.yaml").status.code(), Some(1));
    let taken = commit("-A");
    assert!(taken.status.success(), "{}", stderr(&taken));
}
