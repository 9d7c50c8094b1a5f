//! Instances, instance types and keys: what is shown, and what is meant by a word.

use serde_json::{Value, json};

use super::cloud::{Account, Cloud, Fault};
use super::run;
use crate::support::{TempDir, stderr, stdout};

/// What a command ended with, and printed: code, data, talk.
fn ran(cloud: &Cloud, folder: &TempDir, args: &[&str]) -> (i32, String, String) {
    let output = run(cloud, folder.path(), args, None);
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

fn with_instances(account: &mut Account) {
    for (name, node) in [("foreign", None), ("mine", Some("node-17"))] {
        account.foreign(name);
        let about = &mut account.instances.last_mut().unwrap().about;
        about["status"] = json!("active");
        about["ip"] = json!("198.51.100.20");
        if let Some(node) = node {
            about["tags"] = json!([{"key": "nodebake-node", "value": node}]);
        }
    }
}

#[test]
fn instances_are_nodebakes_unless_all_are_asked_for() {
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    let (code, data, _) = ran(&cloud, &folder, &["instances"]);
    assert_eq!((code, data.lines().count()), (0, 1));
    cloud.with(with_instances);
    let (code, data, talk) = ran(&cloud, &folder, &["instances"]);
    assert_eq!((code, data.lines().count()), (0, 2), "{data}{talk}");
    assert!(
        data.contains("node-17  00000000000000000000000000000002  active  gpu_1x_a10  us-west-1  198.51.100.20  $1.29"),
        "{data}"
    );
    assert!(talk.contains("1 instances are not nodebake's"), "{talk}");
    let (_, data, _) = ran(&cloud, &folder, &["instances", "--all"]);
    assert_eq!(data.lines().count(), 3, "{data}");
    let (_, data, _) = ran(&cloud, &folder, &["instances", "--all", "--json"]);
    let all: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (all[0]["node"].as_str(), all[1]["node"].as_str()),
        (Some("node-17"), None)
    );
    assert_eq!(all[0]["centsPerHour"], 129);
    assert!(!data.contains("jupyter"), "{data}");
    for word in ["node-17", "00000000000000000000000000000002"] {
        let (code, data, _) = ran(&cloud, &folder, &["instances", "get", word, "--json"]);
        let one: Value = serde_json::from_str(&data).unwrap();
        assert_eq!((code, one["ip"].as_str()), (0, Some("198.51.100.20")));
    }
    let (code, data, talk) = ran(&cloud, &folder, &["instances", "get", "node-18"]);
    assert_eq!((code, data.as_str()), (4, ""), "{talk}");
    assert!(talk.contains("there is no instance `node-18`"), "{talk}");
}

#[test]
fn terminating_is_by_id_or_node_and_nothing_there_is_fine() {
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    cloud.with(with_instances);
    // A foreign instance's name is no node.
    let (code, _, talk) = ran(&cloud, &folder, &["terminate", "foreign", "node-18", "--yes"]);
    assert_eq!((code, cloud.with(|account| account.living().len())), (0, 2), "{talk}");
    assert!(
        talk.contains("foreign: not there") && talk.contains("nothing to do"),
        "{talk}"
    );
    let (code, _, talk) = ran(&cloud, &folder, &["terminate", "node-17"]);
    assert_eq!((code, cloud.with(|account| account.living().len())), (2, 2), "{talk}");
    assert!(
        talk.contains("- delete instance 00000000000000000000000000000002 of node node-17"),
        "{talk}"
    );
    assert!(talk.contains("its disk goes with it"), "{talk}");
    let (code, _, talk) = ran(
        &cloud,
        &folder,
        &["terminate", "node-17", "00000000000000000000000000000002", "--yes"],
    );
    assert_eq!((code, cloud.with(|account| account.living().len())), (0, 1), "{talk}");
    assert!(talk.contains(": terminating") && talk.contains(": gone"), "{talk}");
    // Gone between the list and the call.
    cloud.with(|account| {
        account.fault(
            "POST instance-operations/terminate",
            [Fault::Refused(404, "global/object-does-not-exist")],
        );
    });
    let (code, _, talk) = ran(
        &cloud,
        &folder,
        &["terminate", "00000000000000000000000000000001", "--yes"],
    );
    assert_eq!(code, 0, "{talk}");
}

#[test]
fn a_restart_is_not_said_twice_to_who_heard_it() {
    for (fault, restarts) in [
        (Fault::None, 1),
        (Fault::LostAfter, 1),
        (Fault::BrokenAfter, 1),
        (Fault::LostBefore, 1),
        (Fault::Gateway(502), 1),
        (Fault::Busy(3), 1),
    ] {
        let (cloud, folder) = (Cloud::new(), TempDir::new());
        let what = format!("{fault:?}");
        cloud.with(|account| {
            with_instances(account);
            account.fault("POST instance-operations/restart", [fault]);
        });
        let (code, _, talk) = ran(&cloud, &folder, &["restart", "node-17", "--yes"]);
        assert_eq!(
            (code, cloud.with(|account| account.restarts)),
            (0, restarts),
            "{what}: {talk}"
        );
    }
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    cloud.with(|account| {
        with_instances(account);
        account.fault(
            "POST instance-operations/restart",
            [Fault::Refused(409, "global/conflict")],
        );
    });
    let (code, _, talk) = ran(&cloud, &folder, &["restart", "node-17", "--yes"]);
    assert_eq!(code, 4, "{talk}");
}

#[test]
fn live_types_are_held_to_the_catalog() {
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    let (code, data, talk) = ran(&cloud, &folder, &["instance-types", "--live"]);
    assert_eq!(code, 0, "{talk}");
    assert!(
        data.contains("gpu_1x_a10") && data.contains("us-west-1,us-east-1") || data.contains("us-east-1,us-west-1"),
        "{data}"
    );
    // The catalog was written after this very recording.
    assert!(
        !talk.contains("in the catalog;") && !talk.contains("an hour,"),
        "{talk}"
    );
    assert!(talk.contains("in the catalog, and not offered:"), "{talk}");
    cloud.with(|account| {
        let a10 = account.types.get_mut("gpu_1x_a10").unwrap();
        a10["instance_type"]["price_cents_per_hour"] = json!(149);
        a10["instance_type"]["specs"]["memory_gib"] = json!(222);
        let mut new = a10.clone();
        new["instance_type"]["name"] = json!("gpu_1x_new");
        account.types.insert("gpu_1x_new".into(), new);
    });
    let (_, _, talk) = ran(&cloud, &folder, &["instance-types", "--live"]);
    assert!(
        talk.contains("gpu_1x_a10: memory GiB 222, 200 in the catalog; $1.49 an hour, $1.29 in the catalog"),
        "{talk}"
    );
    assert!(talk.contains("gpu_1x_new: not in the catalog"), "{talk}");
    let (_, data, _) = ran(
        &cloud,
        &folder,
        &["instance-types", "--live", "--region", "us-south-1", "--json"],
    );
    let all: Value = serde_json::from_str(&data).unwrap();
    let names: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["gpu_8x_h100_sxm5"]);
    assert_eq!(
        (
            all[0]["centsPerHour"].as_u64(),
            all[0]["differences"].as_array().unwrap().len()
        ),
        (Some(3192), 0)
    );
    cloud.server.asked();
    let (code, data, _) = ran(&cloud, &folder, &["instance-types"]);
    assert_eq!(code, 0);
    assert!(
        data.contains("gpu_8x_b200_sxm6") && cloud.server.asked().is_empty(),
        "{data}"
    );
}

#[test]
fn keys_are_added_once_and_never_made_by_the_cloud() {
    let (cloud, folder) = (Cloud::new(), TempDir::new());
    let body = "AAAAC3NzaC1lZDI1NTE5AAAAIDnewnewnewnewnewnewnewnewnewnewnewnewnew";
    folder.write("new.pub", format!("ssh-ed25519 {body} me@home\n"));
    folder.write("other.pub", format!("ssh-ed25519 {}\n", body.replace("Dn", "Dm")));
    folder.write(
        "new",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    for fault in [
        Fault::LostAfter,
        Fault::BrokenAfter,
        Fault::LostBefore,
        Fault::Malformed("{\"data\": 7}"),
    ] {
        let what = format!("{fault:?}");
        let (cloud, is_lost) = (Cloud::new(), matches!(fault, Fault::Malformed(_)));
        cloud.with(|account| account.fault("POST ssh-keys", [fault]));
        let (code, _, talk) = ran(&cloud, &folder, &["ssh-keys", "add", "new", "new.pub", "--yes"]);
        let expected = if is_lost { (4, 1) } else { (0, 2) };
        assert_eq!(
            (code, cloud.with(|account| account.keys.len())),
            expected,
            "{what}: {talk}"
        );
    }
    let add = |name: &str, file: &str| ran(&cloud, &folder, &["ssh-keys", "add", name, file, "--yes"]);
    assert_eq!(add("new", "new.pub").0, 0);
    let (code, _, talk) = add("new", "new.pub");
    assert_eq!(code, 0, "{talk}");
    assert!(
        talk.contains("= keep SSH key new") && talk.contains("nothing to do"),
        "{talk}"
    );
    let (code, _, talk) = add("new", "other.pub");
    assert_eq!(code, 4, "{talk}");
    assert!(talk.contains("another SSH key called new"), "{talk}");
    let (code, _, talk) = add("private", "new");
    assert_eq!(code, 2, "{talk}");
    assert!(talk.contains("is a private key") && !talk.contains("b3Blbn"), "{talk}");
    assert_eq!(add("gone", "gone.pub").0, 3);
    let asked = cloud.server.asked();
    assert!(
        asked
            .iter()
            .filter(|ask| ask.method == "POST")
            .all(|ask| ask.text().contains("public_key"))
    );
    let (_, data, _) = ran(&cloud, &folder, &["ssh-keys", "list", "--json"]);
    let all: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (all[0]["name"].as_str(), all[1]["name"].as_str()),
        (Some("mine"), Some("new"))
    );
    let (code, _, talk) = ran(&cloud, &folder, &["ssh-keys", "delete", "nwe", "--yes"]);
    assert_eq!((code, cloud.with(|account| account.keys.len())), (0, 2), "{talk}");
    assert!(talk.contains("there is `new`"), "{talk}");
    let (code, _, _) = ran(&cloud, &folder, &["ssh-keys", "delete", "new", "--yes"]);
    assert_eq!((code, cloud.with(|account| account.keys.len())), (0, 1));
}
