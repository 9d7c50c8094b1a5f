//! `nodebake golden`, and what is told of goldens that hands touched.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{edit, fleet, read, run};
use crate::support::{TempDir, stderr, stdout};

const SNAP: [&str; 4] = ["golden", "check", "fleet.yaml", "snap"];
const UPDATE: [&str; 4] = ["golden", "update", "fleet.yaml", "snap"];

/// Each finding of a check that fails: its id, its file and its line.
fn findings(folder: &TempDir) -> Vec<(String, String, u64)> {
    let output = run(folder, &[&SNAP[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    let all: Vec<Value> = serde_json::from_str(&stdout(&output)).unwrap();
    all.iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            (text("id"), text("file"), one["line"].as_u64().unwrap_or_default())
        })
        .collect()
}

fn is_fine(folder: &TempDir) {
    let output = run(folder, &SNAP);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "snap holds what fleet.yaml renders\n");
}

fn row(id: &str, file: &str, line: u64) -> (String, String, u64) {
    (id.to_owned(), file.to_owned(), line)
}

/// The line of a text, counted from 1.
fn line_of(text: &str, what: &str) -> u64 {
    let at = text.lines().position(|line| line.contains(what)).unwrap();
    at as u64 + 1
}

#[test]
fn findings_stand_at_the_line_that_decided_and_else_at_the_goldens() {
    let folder = fleet();
    is_fine(&folder);
    edit(
        &folder,
        "fleet.yaml",
        "    kubelet:\n",
        "    sizing: { maxPods: 60 }\n    kubelet:\n",
    );
    let fleet_line = line_of(&read(&folder, "fleet.yaml"), "maxPods");
    let golden = "snap/a10-01/node/etc/kubernetes/kubelet/kubelet-config.yaml";
    let golden_line = line_of(&read(&folder, golden), "kubeReserved");
    assert_eq!(
        findings(&folder),
        [
            row("golden/differs", "fleet.yaml", fleet_line),
            row("golden/differs", golden, golden_line)
        ]
    );
    let output = run(&folder, &[&SNAP[..], &["--short"]].concat());
    assert!(
        stderr(&output).contains("kubelet maxPods 110 → 60 (kubelet restart), on all 4 nodes"),
        "{}",
        stderr(&output)
    );
    assert_eq!(run(&folder, &UPDATE).status.code(), Some(0));
    is_fine(&folder);
}

/// Nothing but what changed is written: other files keep their time.
#[test]
fn an_update_writes_what_changed_and_nothing_else() {
    let folder = fleet();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let mut all = Vec::new();
    walk(&folder.path().join("snap"), &mut all);
    for path in &all {
        std::fs::File::open(path).unwrap().set_modified(long_ago).unwrap();
    }
    let output = run(&folder, &UPDATE);
    assert_eq!(stderr(&output), "snap is up to date: nothing is written\n");
    edit(
        &folder,
        "fleet.yaml",
        "kubelet: { labels: { example.com/team: training } }",
        "kubelet: { labels: { example.com/team: inference } }",
    );
    let output = run(&folder, &UPDATE);
    assert_eq!(stderr(&output), "snap/h100-01: 2 written, 0 removed\n");
    let mut touched: Vec<String> = all
        .iter()
        .filter(|path| path.metadata().unwrap().modified().unwrap() != long_ago)
        .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    touched.sort();
    assert_eq!(
        touched,
        [
            "snap/h100-01/MANIFEST",
            "snap/h100-01/node/etc/systemd/system/kubelet.service.d/10-node.conf"
        ]
    );
    is_fine(&folder);
}

fn walk(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn a_new_name_is_refused_unless_it_is_allowed() {
    let folder = fleet();
    edit(&folder, "fleet.yaml", "10.0.2.102", "10.0.2.109");
    let line = line_of(&read(&folder, "fleet.yaml"), "10.0.2.109");
    let found = findings(&folder);
    let names: Vec<_> = found.iter().filter(|(id, ..)| id == "golden/new-name").collect();
    assert_eq!(names, [&row("golden/new-name", "fleet.yaml", line)]);
    let before = read(&folder, "snap/a10-02/MANIFEST");
    let output = run(&folder, &UPDATE);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("error[golden/new-name]"),
        "{}",
        stderr(&output)
    );
    assert_eq!(read(&folder, "snap/a10-02/MANIFEST"), before);
    let diff = run(&folder, &["diff", "fleet.yaml", "snap"]);
    assert!(stderr(&diff).contains("error[golden/new-name]"), "{}", stderr(&diff));
    assert!(
        stdout(&diff).contains("1 of 4 nodes: a10-02: new node name\n"),
        "{}",
        stdout(&diff)
    );
    let diff = run(&folder, &["diff", "fleet.yaml", "snap", "--allow-new-name"]);
    assert!(!stderr(&diff).contains("golden/new-name"), "{}", stderr(&diff));
    let output = run(&folder, &[&UPDATE[..], &["--allow-new-name"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    is_fine(&folder);
}

#[test]
fn nodes_come_and_go() {
    let folder = fleet();
    edit(&folder, "fleet.yaml", "name: a10-02", "name: a10-09");
    let line = line_of(&read(&folder, "fleet.yaml"), "name: a10-09");
    assert_eq!(
        findings(&folder),
        [row("golden/node", "", 0), row("golden/node", "fleet.yaml", line)]
    );
    folder.write("snap/a10-02/node/etc/mine", "x\n");
    let output = run(&folder, &UPDATE);
    let said = stderr(&output);
    assert!(said.contains("snap/a10-09: 30 written, 0 removed\n"), "{said}");
    assert!(
        said.contains("snap/a10-02 is of no node of this fleet: 30 removed\n"),
        "{said}"
    );
    assert!(said.contains("left alone, not nodebake's: node/etc/mine\n"), "{said}");
    assert_eq!(read(&folder, "snap/a10-02/node/etc/mine"), "x\n");
    is_fine(&folder);
    std::fs::remove_dir_all(folder.path().join("snap/a10-02")).unwrap();
    edit(&folder, "fleet.yaml", "name: a10-09", "name: a10-02");
    assert_eq!(run(&folder, &UPDATE).status.code(), Some(0));
    assert!(!folder.path().join("snap/a10-09").exists());
    is_fine(&folder);
}

#[test]
fn what_hands_do_is_named_with_its_line() {
    let folder = fleet();
    let name = "snap/a10-01/node/etc/kubernetes/kubelet/kubelet-config.yaml";
    let good = read(&folder, name);
    let line = line_of(&good, "maxPods");
    // Edited: the MANIFEST does not pin it. The value is told too.
    folder.write(name, good.replace("maxPods: 110", "maxPods: 90"));
    assert_eq!(
        findings(&folder),
        [row("golden/edited", name, line), row("golden/differs", name, line)]
    );
    let conflict = good.replace(
        "maxPods: 110\n",
        "<<<<<<< ours\nmaxPods: 90\n=======\nmaxPods: 110\n>>>>>>> theirs\n",
    );
    folder.write(name, conflict);
    assert_eq!(findings(&folder), [row("golden/conflict", name, line)]);
    folder.write(name, b"\0binary");
    assert_eq!(findings(&folder)[0].0, "golden/strange");
    folder.write(name, vec![b'x'; 17 << 20]);
    assert_eq!(findings(&folder)[0].0, "golden/strange");
    std::fs::remove_file(folder.path().join(name)).unwrap();
    symlink("/dev/zero", folder.path().join(name)).unwrap();
    assert_eq!(findings(&folder)[0].0, "golden/strange");
    std::fs::remove_file(folder.path().join(name)).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join(name))
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(findings(&folder)[0].0, "golden/strange");
    // Nothing waits for a reader of the pipe, and nothing is written where a link leads.
    assert_eq!(run(&folder, &UPDATE).status.code(), Some(0));
    is_fine(&folder);
    std::fs::remove_file(folder.path().join(name)).unwrap();
    assert_eq!(findings(&folder)[0].0, "golden/differs");
    folder.write("elsewhere", "mine\n");
    symlink(folder.path().join("elsewhere"), folder.path().join(name)).unwrap();
    assert_eq!(run(&folder, &UPDATE).status.code(), Some(0));
    assert_eq!(read(&folder, "elsewhere"), "mine\n");
    assert_eq!(read(&folder, name), good);
    is_fine(&folder);
    folder.write("snap/a10-01/aws/mine", "x\n");
    assert_eq!(findings(&folder), [row("golden/foreign", "snap/a10-01/aws/mine", 1)]);
}

#[test]
fn a_secret_in_a_golden_is_named_and_not_shown() {
    let folder = fleet();
    let name = "snap/a10-01/node/etc/nodebake/node.env";
    let key = "AKIAIOSFODNN7EXAMPLE";
    let good = read(&folder, name);
    folder.write(name, format!("{good}X={key}\n"));
    let line = good.lines().count() as u64 + 1;
    assert!(findings(&folder).contains(&row("golden/secret", name, line)));
    for format in ["text", "markdown", "json", "sarif", "github"] {
        for args in [&SNAP[..], &["diff", "fleet.yaml", "snap"]] {
            let output = run(&folder, &[args, &["--format", format]].concat());
            assert_eq!(output.status.code(), Some(1));
            let all = stdout(&output) + &stderr(&output);
            assert!(!all.contains(key), "{format}: {all}");
            assert!(all.contains("secret") || format == "markdown", "{format}: {all}");
        }
    }
}

#[test]
fn a_wider_mode_is_told() {
    let folder = fleet();
    let own = |mode: &str| {
        format!("    files: [{{ path: /etc/x, mode: \"{mode}\", type: lines, content: \"x\\n\" }}]\n    kubelet:\n")
    };
    edit(&folder, "fleet.yaml", "    kubelet:\n", &own("0600"));
    assert_eq!(run(&folder, &UPDATE).status.code(), Some(0));
    edit(&folder, "fleet.yaml", "0600", "0644");
    let found: Vec<String> = findings(&folder).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(found, ["golden/differs", "golden/wider-mode"]);
    let output = run(&folder, &["diff", "fleet.yaml", "snap", "--no-patch"]);
    assert!(
        stdout(&output).contains("changed node/etc/x (mode 0600 to 0644, wider) on all 4 nodes\n"),
        "{}",
        stdout(&output)
    );
    assert!(stderr(&output).contains("golden/wider-mode"), "{}", stderr(&output));
    assert_eq!(run(&folder, &UPDATE).status.code(), Some(0));
    // Narrower is no alarm.
    edit(&folder, "fleet.yaml", "0644", "0600");
    let found: Vec<String> = findings(&folder).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(found, ["golden/differs"]);
}

#[test]
fn goldens_of_another_nodebake_are_told() {
    let folder = fleet();
    let name = "snap/a10-01/MANIFEST";
    let good = read(&folder, name);
    assert!(
        good.starts_with(&format!("# nodebake {}, catalog ", env!("CARGO_PKG_VERSION"))),
        "{good}"
    );
    assert!(good.lines().last().unwrap().starts_with("# user-data: "), "{good}");
    let template = good.find(" kubelet/config@").unwrap() + " kubelet/config@".len();
    let mut other = good.replacen("# nodebake ", "# nodebake 0.0.1-", 1);
    let at = template + "0.0.1-".len();
    other.replace_range(at..at + 12, "000000000000");
    folder.write(name, &other);
    let found = findings(&folder);
    assert_eq!(found[0], row("golden/differs", name, 1));
    assert_eq!(found[1].0, "golden/maker");
    let words = stderr(&run(&folder, &SNAP));
    assert!(words.contains("the goldens were made by nodebake 0.0.1-"), "{words}");
    assert!(words.contains("templates that differ: kubelet/config"), "{words}");
    // A key of the cloud-config document is in no file: the user-data shows it.
    assert_eq!(run(&folder, &UPDATE).status.code(), Some(0));
    edit(
        &folder,
        "fleet.yaml",
        "      kubelet: { labels: { example.com/team: training } }",
        "      cloudConfig: { timezone: Etc/UTC }\n      kubelet: { labels: { example.com/team: training } }",
    );
    let text = stdout(&run(&folder, &["diff", "fleet.yaml", "snap", "--no-patch"]));
    assert!(text.contains("\nuser-data ") && text.contains(" bytes (+"), "{text}");
    assert!(text.contains("changed MANIFEST on 1 of 4 nodes: h100-01\n"), "{text}");
}

#[test]
fn modes_of_a_checkout_are_no_difference_and_a_lost_execute_bit_is_written() {
    let folder = fleet();
    let kubeconfig = folder.path().join("snap/a10-01/node/var/lib/kubelet/kubeconfig");
    std::fs::set_permissions(&kubeconfig, PermissionsExt::from_mode(0o644)).unwrap();
    is_fine(&folder);
    let script = folder.path().join("snap/a10-01/node/usr/local/lib/nodebake/first-boot");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(findings(&folder)[0].0, "golden/differs");
    let output = run(&folder, &UPDATE);
    assert_eq!(stderr(&output), "snap/a10-01: 1 written, 0 removed\n");
    assert_eq!(script.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    is_fine(&folder);
}
