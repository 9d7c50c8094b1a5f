//! `nodebake launch`, the whole program against the stand-in.

use std::io::{BufRead, BufReader, Read};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::cloud::{Cloud, Fault};
use super::{LAUNCH, command, folder, run};
use crate::support::{TempDir, nodebake, stderr, stdout};

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// Everything a run said, for failing tests.
fn all(output: &Output) -> String {
    format!("{}\n{}", stdout(output), stderr(output))
}

/// Launches a plain node in an account that `prepare` got ready.
fn launched(prepare: impl FnOnce(&mut super::cloud::Account), more: &[&str]) -> (Cloud, TempDir, Output) {
    let (cloud, folder) = (Cloud::new(), folder(""));
    cloud.with(prepare);
    let args: Vec<&str> = LAUNCH.iter().chain(more).copied().collect();
    let output = run(&cloud, folder.path(), &args, None);
    (cloud, folder, output)
}

#[test]
fn a_launch_is_planned_carried_out_watched_and_told() {
    let (cloud, folder, output) = launched(|_| {}, &[]);
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    let talk = stderr(&output);
    for word in [
        "+ create instance gpu_1x_a10 for node node-17",
        "in us-west-1",
        "for $1.29 an hour",
        "image lambda-stack-22-04 22.4.10-3 (x86_64",
        "SSH key mine",
        ": booting",
        ": active, 198.51.100.20",
        "ssh ubuntu@198.51.100.20 sudo install",
        "nodebake firewall allow --from",
        "- { name: node-17, address: 10.0.2.233, publicAddress: 198.51.100.20 }",
    ] {
        assert!(talk.contains(word), "{word}:\n{talk}");
    }
    assert!(
        stdout(&output).contains("node-17  00000000000000000000000000000001  active"),
        "{}",
        all(&output)
    );
    let asked = cloud.server.asked();
    let launch = asked.iter().find(|ask| ask.path.ends_with("/launch")).unwrap();
    let body: Value = serde_json::from_slice(&launch.body).unwrap();
    // What is launched is what `bake` bakes.
    let baked = nodebake(&["bake", "node.yaml"], folder.path());
    assert_eq!(body["user_data"], stdout(&baked));
    assert_eq!(body["hostname"], "node-17");
    assert_eq!(body["image"]["id"], "lambda-stack-22-04_22_4_10-3_x86_64_us-west-1");
    assert_eq!(cloud.with(|account| account.launches), 1);
    // Nothing is left on this machine.
    assert!(!folder.path().join("state/nodebake/launches/node-17").exists());
}

#[test]
fn a_node_with_an_instance_gets_no_second_one() {
    let (cloud, folder, first) = launched(|_| {}, &["--no-wait", "--json"]);
    assert_eq!(code(&first), Some(0), "{}", all(&first));
    let told: Value = serde_json::from_str(&stdout(&first)).unwrap();
    assert_eq!(
        (told["node"].as_str(), told["status"].as_str()),
        (Some("node-17"), Some("booting"))
    );
    let again = run(&cloud, folder.path(), &LAUNCH, None);
    assert_eq!(code(&again), Some(0), "{}", all(&again));
    assert!(
        stderr(&again).contains("node node-17 has an instance: nothing is launched"),
        "{}",
        all(&again)
    );
    // It went on watching.
    assert!(stdout(&again).contains("active"), "{}", all(&again));
    assert_eq!(cloud.with(|account| account.launches), 1);
    cloud.with(|account| account.foreign("x"));
    cloud.with(|account| {
        let tags = account.instances[0].about["tags"].clone();
        account.instances[1].about["tags"] = tags;
    });
    let twins = run(&cloud, folder.path(), &LAUNCH, None);
    assert_eq!(code(&twins), Some(4), "{}", all(&twins));
    assert!(stderr(&twins).contains("has 2 instances"), "{}", all(&twins));
}

#[test]
fn nothing_is_launched_without_a_yes_or_with_findings() {
    let (cloud, folder) = (Cloud::new(), folder(""));
    let output = run(
        &cloud,
        folder.path(),
        &["launch", "node.yaml", "--region", "us-west-1"],
        None,
    );
    assert_eq!(code(&output), Some(2), "{}", all(&output));
    assert!(stderr(&output).contains("say --yes"), "{}", all(&output));
    assert_eq!(cloud.with(|account| account.launches), 0);
    cloud.server.asked();
    let broken = super::folder("  kubelet: { config: { maxPodz: 3 } }\n");
    let output = run(&cloud, broken.path(), &LAUNCH, None);
    assert_eq!(code(&output), Some(1), "{}", all(&output));
    assert!(
        cloud.server.asked().is_empty(),
        "Lambda was asked about a node with findings"
    );
    let output = run(&cloud, folder.path(), &["launch", "node.yaml", "--yes"], None);
    assert_eq!(code(&output), Some(2), "{}", all(&output));
    assert!(stderr(&output).contains("no region"), "{}", all(&output));
}

/// Whatever becomes of the answer, there is one instance.
#[test]
fn a_lost_answer_makes_no_second_instance() {
    for (fault, lag) in [
        (Fault::LostAfter, 0),
        (Fault::LostAfter, 4),
        (Fault::BrokenAfter, 4),
        (Fault::LostBefore, 0),
        (Fault::Gateway(504), 0),
        (Fault::Refused(500, "provider/internal-unavailable"), 0),
        (Fault::Busy(12), 0),
        (Fault::Refused(429, "global/whatever"), 0),
    ] {
        let what = format!("{fault:?} with a list that lags by {lag}");
        let (cloud, _folder, output) = launched(
            |account| {
                account.lag = lag;
                account.fault("POST instance-operations/launch", [fault]);
            },
            &[],
        );
        assert_eq!(code(&output), Some(0), "{what}: {}", all(&output));
        cloud.with(|account| assert_eq!((account.launches, account.living().len()), (1, 1), "{what}"));
    }
}

/// An answer that nobody can read ends the launch, and leaves no doubt.
#[test]
fn a_launch_that_fails_for_good_is_told() {
    for (fault, word) in [
        (Fault::Malformed("{\"data\": {}}"), "`data.instance_ids` is missing"),
        (Fault::Refused(400, "global/quota-exceeded"), "[global/quota-exceeded]"),
        (
            Fault::Refused(403, "global/account-inactive"),
            "the account is not active",
        ),
        (Fault::Refused(403, "global/invalid-address"), "billing address"),
        (
            Fault::Refused(400, "global/object-does-not-exist"),
            "[global/object-does-not-exist]",
        ),
    ] {
        let (cloud, _folder, output) =
            launched(|account| account.fault("POST instance-operations/launch", [fault]), &[]);
        assert_eq!(code(&output), Some(4), "{word}: {}", all(&output));
        assert!(stderr(&output).contains(word), "{word}: {}", all(&output));
        assert_eq!(cloud.with(|account| account.launches), 0);
    }
    let (cloud, _folder, output) = launched(
        |account| account.fault("POST instance-operations/launch", vec![Fault::Gateway(502); 3]),
        &[],
    );
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    assert!(stderr(&output).contains("no instance has its tag"), "{}", all(&output));
    assert_eq!(cloud.with(|account| account.launches), 0);
}

#[test]
fn capacity_is_explained_waited_for_and_looked_for_elsewhere() {
    let none = |account: &mut super::cloud::Account| account.capacity.clear();
    let (_cloud, _folder, output) = launched(none, &[]);
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    assert!(
        stderr(&output).contains("no gpu_1x_a10 left in us-west-1"),
        "{}",
        all(&output)
    );
    assert!(stderr(&output).contains("--wait-capacity"), "{}", all(&output));

    let elsewhere = |account: &mut super::cloud::Account| {
        account.capacity.clear();
        account.capacity.insert("gpu_1x_a10".into(), vec!["us-south-1".into()]);
        account.capacity.insert("gpu_1x_a6000".into(), vec!["us-west-1".into()]);
    };
    let (_cloud, _folder, output) = launched(elsewhere, &[]);
    let talk = stderr(&output);
    assert!(
        talk.contains("us-south-1 has it") && talk.contains("gpu_1x_a6000 at $1.09 an hour"),
        "{talk}"
    );
    let (cloud, folder) = (Cloud::new(), folder(""));
    cloud.with(elsewhere);
    let output = run(
        &cloud,
        folder.path(),
        &["launch", "node.yaml", "--region", "any", "--yes"],
        None,
    );
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    assert_eq!(
        cloud.with(|account| account.instances[0].about["region"]["name"].clone()),
        "us-south-1"
    );

    let later = |account: &mut super::cloud::Account| {
        account.capacity.clear();
        account.restock = Some((3, "gpu_1x_a10".into(), "us-west-1".into()));
    };
    let (cloud, _folder, output) = launched(later, &["--wait-capacity"]);
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    assert!(
        stderr(&output).contains("no gpu_1x_a10 yet, after 1 minutes"),
        "{}",
        all(&output)
    );
    assert_eq!(cloud.with(|account| account.launches), 1);

    let (cloud, _folder, output) = launched(none, &["--wait-capacity=2m"]);
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    let looks = cloud
        .server
        .asked()
        .iter()
        .filter(|ask| ask.path.ends_with("/instance-types"))
        .count();
    assert!((3..=6).contains(&looks), "{looks} looks in two minutes");
    for bad in ["2", "m", "2w", "-1m"] {
        let (_cloud, _folder, output) = launched(none, &[&format!("--wait-capacity={bad}")]);
        assert_eq!(code(&output), Some(2), "{bad}: {}", all(&output));
    }
}

#[test]
fn capacity_that_is_gone_when_it_is_asked_for() {
    let stale = |account: &mut super::cloud::Account| account.stale_capacity = true;
    let (cloud, _folder, output) = launched(stale, &[]);
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    assert!(stderr(&output).contains("insufficient-capacity"), "{}", all(&output));
    assert_eq!(cloud.with(|account| account.launches), 0);
    let (cloud, _folder, output) = launched(stale, &["--wait-capacity=3m"]);
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    let launches = cloud
        .server
        .asked()
        .iter()
        .filter(|ask| ask.path.ends_with("/launch"))
        .count();
    assert!((2..=8).contains(&launches), "{launches} launches in three minutes");
}

#[test]
fn an_instance_that_never_gets_active_is_a_failure_with_words() {
    for (becomes, word) in [
        ("unhealthy", "runs and does not answer Lambda"),
        ("terminated", "somebody terminated it"),
        ("preempted", "Lambda took it back"),
    ] {
        let (_cloud, _folder, output) = launched(|account| account.becomes = becomes, &[]);
        assert_eq!(code(&output), Some(4), "{becomes}: {}", all(&output));
        assert!(stderr(&output).contains(word), "{becomes}: {}", all(&output));
        assert_eq!(stdout(&output), "", "{becomes}");
    }
    // The list is behind, and the instance starts all the same.
    let (_cloud, _folder, output) = launched(
        |account| {
            account.fault(
                "GET instances/{id}",
                vec![Fault::Refused(404, "global/object-does-not-exist"); 3],
            );
        },
        &[],
    );
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    let (_cloud, _folder, output) = launched(
        |account| {
            account.fault(
                "GET instances/{id}",
                vec![Fault::Refused(404, "global/object-does-not-exist"); 60],
            );
        },
        &[],
    );
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    assert!(stderr(&output).contains("is gone"), "{}", all(&output));
    let (_cloud, _folder, output) = launched(|account| account.boots_after = 100_000, &[]);
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    assert!(
        stderr(&output).contains("did not start within 45 minutes"),
        "{}",
        all(&output)
    );
}

/// `launch` of node.yaml, with flags over it.
#[test]
fn node_yaml_says_how_and_flags_win() {
    let section = "  launch:\n    region: us-east-1\n    sshKey: mine\n    name: from the file\n    fileSystems: [data]\n    \
                   firewallRulesets: [nodes]\n    tags: { team: ml, stage: test }\n";
    let (cloud, folder) = (Cloud::new(), folder(section));
    let output = run(&cloud, folder.path(), &["launch", "node.yaml", "--yes"], None);
    // The filesystem and the ruleset are in us-west-1.
    assert_eq!(code(&output), Some(4), "{}", all(&output));
    assert!(
        stderr(&output).contains("filesystem data is in us-west-1, firewall ruleset nodes is in us-west-1"),
        "{}",
        all(&output)
    );
    let args = [
        "launch",
        "node.yaml",
        "--yes",
        "--no-wait",
        "--region",
        "us-west-1",
        "--tag",
        "stage=prod",
        "--name",
        "said",
    ];
    let output = run(&cloud, folder.path(), &args, None);
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    cloud.with(|account| {
        let about = &account.instances[0].about;
        assert_eq!(about["name"], "said");
        assert_eq!(about["file_system_names"], serde_json::json!(["data"]));
        assert_eq!(about["firewall_rulesets"], serde_json::json!([{"id": "ruleset1"}]));
        let tags: Vec<(&str, &str)> = about["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| (tag["key"].as_str().unwrap(), tag["value"].as_str().unwrap()))
            .collect();
        assert!(
            tags.starts_with(&[("team", "ml"), ("stage", "prod"), ("nodebake-node", "node-17")]),
            "{tags:?}"
        );
    });
    for (flag, value, word) in [
        ("--tag", "nodebake-node=x", "nodebake's own"),
        ("--tag", "Team=x", "is no tag"),
        ("--tag", "team", "is no KEY=VALUE"),
        ("--region", "US West", "is no region"),
        ("--file-system", "a_b", "is no filesystem's name"),
        ("--name", "", "is no name"),
    ] {
        let output = run(
            &cloud,
            folder.path(),
            &["launch", "node.yaml", "--yes", flag, value],
            None,
        );
        assert_eq!(code(&output), Some(2), "{flag} {value}: {}", all(&output));
        assert!(stderr(&output).contains(word), "{flag} {value}: {}", all(&output));
    }
}

/// A fleet's defaults hold for its nodes, and one node is launched at a time.
#[test]
fn a_node_of_a_fleet() {
    let (cloud, folder) = (Cloud::new(), folder(""));
    let one = std::fs::read_to_string(folder.path().join("node.yaml")).unwrap();
    let spec: String = one
        .split("spec:\n")
        .nth(1)
        .unwrap()
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    let address = "    identity: { address: 10.0.2.233 }\n";
    assert!(spec.contains(address), "{spec}");
    let spec = spec.replace(address, "");
    folder.write(
        "fleet.yaml",
        format!(
            "apiVersion: nodebake/v1\nkind: Fleet\nmetadata: {{ name: fleet }}\nspec:\n  defaults:\n{spec}    launch: {{ region: us-west-1, tags: {{ team: ml }} }}\n  nodes:\n    - {{ name: one, identity: {{ address: 10.0.2.233 }} }}\n    - {{ name: two, identity: {{ address: 10.0.2.234 }}, launch: {{ region: us-east-1 }} }}\n"
        ),
    );
    let output = run(&cloud, folder.path(), &["launch", "fleet.yaml", "--yes"], None);
    assert_eq!(code(&output), Some(2), "{}", all(&output));
    assert!(stderr(&output).contains("--node (one, two)"), "{}", all(&output));
    let output = run(
        &cloud,
        folder.path(),
        &["launch", "fleet.yaml", "--node", "two", "--yes", "--no-wait"],
        None,
    );
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    cloud.with(|account| {
        assert_eq!(account.instances[0].about["region"]["name"], "us-east-1");
        assert!(account.instances[0].about["tags"].to_string().contains("\"team\""));
    });
}

#[test]
fn another_clouds_node_is_not_launched() {
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    let yaml = crate::support::node_yaml("satellite", "ubuntu-24-04", "ec2/g5.xlarge", "");
    folder.write("node.yaml", yaml);
    folder.write(
        "cluster.yaml",
        std::fs::read(crate::support::root().join("tests/fixtures/cluster.yaml")).unwrap(),
    );
    let output = run(&cloud, folder.path(), &LAUNCH, None);
    assert_eq!(code(&output), Some(2), "{}", all(&output));
    assert!(stderr(&output).contains("is a machine of ec2"), "{}", all(&output));
    assert!(cloud.server.asked().is_empty());
}

/// Ctrl-C while it starts leaves the instance, and says how to go on.
#[test]
fn ctrl_c_leaves_the_instance() {
    ctrl_c_while_watching(&LAUNCH);
    // Which listens already while it waits.
    ctrl_c_while_watching(&[&LAUNCH[..], &["--wait-capacity"]].concat());
}

fn ctrl_c_while_watching(args: &[&str]) {
    let (cloud, folder) = (Cloud::new(), folder(""));
    // Longer than the hurried clock needs until somebody pressed Ctrl-C.
    cloud.with(|account| account.boots_after = 1_000_000);
    let mut child = command(&cloud, folder.path(), args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(": booting") {
        assert_ne!(talk.read_line(&mut said).unwrap(), 0, "{said}");
    }
    // The handler listens since before the first look.
    std::thread::sleep(Duration::from_millis(50));
    let done = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(done.success());
    talk.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{said}");
    assert!(
        said.contains("goes on, and costs money") && said.contains("nodebake terminate 0000"),
        "{said}"
    );
    cloud.with(|account| assert_eq!((account.launches, account.living().len()), (1, 1)));
}

/// The answer is lost, and nobody can look: the next run looks longer, however long the list is behind.
#[test]
fn a_launch_that_nobody_could_look_for() {
    let (cloud, folder) = (Cloud::new(), folder(""));
    cloud.with(|account| {
        account.lag = 5;
        account.fault("POST instance-operations/launch", [Fault::LostAfter]);
        // Two looks before the launch, then none for as long as it is asked.
        let lists = [Fault::None, Fault::None].into_iter();
        account.fault(
            "GET instances",
            lists.chain(std::iter::repeat_n(Fault::Refused(403, "global/account-inactive"), 1)),
        );
    });
    let output = run(&cloud, folder.path(), &LAUNCH, None);
    let talk = stderr(&output);
    assert_eq!(code(&output), Some(4), "{talk}");
    assert!(talk.contains("whether there is an instance is not known"), "{talk}");
    assert!(folder.path().join("state/nodebake/launches/node-17").exists());
    let output = run(&cloud, folder.path(), &LAUNCH, None);
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    assert_eq!(cloud.with(|account| account.launches), 1, "{}", all(&output));
}

/// A machine of an architecture that nobody knows yet is in nobody's way.
#[test]
fn an_architecture_of_tomorrow() {
    let (cloud, folder) = (Cloud::new(), folder(""));
    cloud.with(|account| {
        account.foreign("other");
        account.instances[0].about["instance_type"]["architecture"] = "riscv64".into();
    });
    let output = run(&cloud, folder.path(), &LAUNCH, None);
    assert_eq!(code(&output), Some(0), "{}", all(&output));
    // The table that the stand-in keeps to has no such word.
    cloud.with(|account| {
        assert!(account.broken.iter().all(|broken| broken.contains("riscv64")));
        account.broken.clear();
    });
}
