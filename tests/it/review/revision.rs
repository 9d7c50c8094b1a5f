//! `nodebake diff --against git:REV`.

use std::process::Command;

use super::{edit, fleet, run};
use crate::support::{TempDir, have, nodebake, stderr, stdout};

fn git(folder: &TempDir, args: &[&str]) {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(args)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
}

/// The fleet with its goldens in a repository.
fn repository() -> Option<TempDir> {
    if !have("git") {
        return None;
    }
    let folder = fleet();
    git(&folder, &["init", "-q"]);
    commit(&folder);
    Some(folder)
}

fn commit(folder: &TempDir) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", "x"]);
}

#[test]
fn the_inputs_of_a_revision_are_rendered_by_this_program() {
    let Some(folder) = repository() else { return };
    let against = |rev: &str| run(&folder, &["diff", "fleet.yaml", "--no-patch", "--against", rev]);
    let same = against("git:HEAD");
    assert_eq!(same.status.code(), Some(0), "{}", stderr(&same));
    assert_eq!(stdout(&same), "");
    assert_eq!(stderr(&same), "HEAD holds what fleet.yaml renders\n");
    // The node, and the cluster file it refers to.
    edit(
        &folder,
        "fleet.yaml",
        "    kubelet:\n",
        "    sizing: { maxPods: 60 }\n    kubelet:\n",
    );
    edit(
        &folder,
        "cluster.yaml",
        "kubernetesVersion: \"1.35\"",
        "kubernetesVersion: \"1.34\"",
    );
    let text = stdout(&against("git:HEAD"));
    assert!(
        text.contains("  maxPods 110 → 60\n    sizing.maxPods: fleet.yaml:"),
        "{text}"
    );
    assert!(text.contains("  kubelet 1.35."), "{text}");
    commit(&folder);
    assert_eq!(against("git:HEAD").status.code(), Some(0));
    assert_eq!(stdout(&against("git:HEAD~1")), text);
    // From elsewhere, and with a relative path.
    let output = nodebake(
        &["diff", "../fleet.yaml", "--no-patch", "--against", "git:HEAD~1"],
        &folder.path().join("snap"),
    );
    assert_eq!(stdout(&output), text.replace("fleet.yaml:", "../fleet.yaml:"));
}

#[test]
fn nodes_of_a_revision_come_and_go() {
    let Some(folder) = repository() else { return };
    edit(&folder, "fleet.yaml", "name: a10-02", "name: a10-09");
    let output = run(&folder, &["diff", "fleet.yaml", "--against", "git:HEAD"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "added a10-09: a new node\nremoved a10-02: the node is gone\n"
    );
    std::fs::copy(folder.path().join("fleet.yaml"), folder.path().join("new.yaml")).unwrap();
    let output = run(&folder, &["diff", "new.yaml", "--against", "git:HEAD"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("HEAD has no new.yaml: all of it is new\n"),
        "{}",
        stderr(&output)
    );
    assert_eq!(stdout(&output).lines().count(), 4);
}

#[test]
fn goldens_of_a_revision_say_which_program_made_them() {
    let Some(folder) = repository() else { return };
    edit(&folder, "snap/a10-01/MANIFEST", "# nodebake ", "# nodebake 0.0.1-");
    commit(&folder);
    let output = run(&folder, &["diff", "fleet.yaml", "snap", "--against", "git:HEAD"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("the goldens were made by nodebake 0.0.1-"),
        "{}",
        stdout(&output)
    );
    let output = run(&folder, &["diff", "fleet.yaml", "nowhere", "--against", "git:HEAD"]);
    assert!(
        stderr(&output).starts_with("HEAD has no goldens in nowhere\n"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_own_catalog_is_that_of_the_revision() {
    let Some(folder) = repository() else { return };
    let template = std::fs::read_to_string(crate::support::root().join("templates/sysctl/node.j2")).unwrap();
    let args = |rev: &'static str| ["diff", "fleet.yaml", "--no-patch", "--catalog", "own", "--against", rev];
    folder.write("own/templates/sysctl/node.j2", &template);
    let output = run(&folder, &args("git:HEAD"));
    assert!(stderr(&output).starts_with("HEAD has no own: its inputs take the built-in catalog\n"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    commit(&folder);
    folder.write(
        "own/templates/sysctl/node.j2",
        template.replace("max_user_instances = 8192", "max_user_instances = 16384"),
    );
    let output = run(&folder, &args("git:HEAD"));
    assert!(
        stdout(&output).contains("  fs.inotify.max_user_instances 8192 → 16384\n"),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
}

#[test]
fn revisions_that_are_none_are_told() {
    let Some(folder) = repository() else { return };
    let said = |rev: &str| {
        let output = run(&folder, &["diff", "fleet.yaml", &format!("--against={rev}")]);
        (output.status.code(), stderr(&output))
    };
    for rev in [
        "git:nope",
        "git:--help",
        "git:HEAD:fleet.yaml",
        "git:HEAD^{tree}",
        "git:-x",
        "git:a\nb",
    ] {
        let (code, words) = said(rev);
        assert_eq!(code, Some(3), "{rev}: {words}");
        assert!(words.contains("there is no revision `"), "{rev}: {words}");
    }
    for rev in ["HEAD", "git:", "svn:1"] {
        let (code, words) = said(rev);
        assert_eq!(code, Some(2), "{rev}: {words}");
        assert!(words.contains("--against git:REV"), "{rev}: {words}");
    }
    // A revision that does not hold: its findings, and that it is that one.
    edit(&folder, "fleet.yaml", "profile: satellite", "profile: nothing");
    commit(&folder);
    edit(&folder, "fleet.yaml", "profile: nothing", "profile: satellite");
    let (code, words) = said("git:HEAD");
    assert_eq!(code, Some(1));
    assert!(words.contains("--> HEAD:fleet.yaml:"), "{words}");
    assert!(words.contains("cannot be rendered with this nodebake"), "{words}");
    std::fs::remove_dir_all(folder.path().join(".git")).unwrap();
    let (code, words) = said("git:HEAD");
    assert_eq!(code, Some(3));
    assert!(words.contains("is in no git repository"), "{words}");
}
