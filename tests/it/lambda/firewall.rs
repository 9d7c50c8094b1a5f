//! The way to the kubelet: one address, and nobody's rule is lost.

use nodebake::cloud::lambda::firewall::proxy_address;
use serde_json::{Value, json};

use super::cloud::{Cloud, Fault};
use super::run;
use crate::support::{TempDir, stderr, stdout};

const ALLOW: [&str; 5] = ["firewall", "allow", "--from", "198.51.100.7/32", "--yes"];
const REVOKE: [&str; 5] = ["firewall", "revoke", "--from", "198.51.100.7/32", "--yes"];

fn ran(cloud: &Cloud, args: &[&str]) -> (i32, String, String) {
    let output = run(cloud, TempDir::new().path(), args, None);
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

fn rules(cloud: &Cloud) -> Vec<Value> {
    cloud.with(|account| account.global["rules"].as_array().unwrap().clone())
}

fn ours(source: &str) -> Value {
    json!({"protocol": "tcp", "port_range": [10250, 10250], "source_network": source,
        "description": "nodebake: the proxy's way to the kubelet"})
}

#[test]
fn only_one_public_address_is_let_in() {
    assert_eq!(
        proxy_address("198.51.100.7").unwrap(),
        proxy_address("198.51.100.7/32").unwrap()
    );
    let cloud = Cloud::new();
    for bad in [
        "0.0.0.0/0",
        "0.0.0.0",
        "198.51.100.0/24",
        "198.51.100.7/0",
        "10.0.2.233",
        "192.168.1.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "proxy.example.com",
        "",
    ] {
        let (code, _, talk) = ran(&cloud, &["firewall", "allow", "--from", bad, "--yes"]);
        assert_eq!(code, 2, "{bad}: {talk}");
    }
    assert!(cloud.server.asked().is_empty());
}

#[test]
fn all_other_rules_stay_and_the_rule_is_there_once() {
    let cloud = Cloud::new();
    let before = rules(&cloud);
    let (code, _, talk) = ran(&cloud, &["firewall", "allow", "--from", "198.51.100.7"]);
    assert_eq!((code, rules(&cloud)), (2, before.clone()), "{talk}");
    let (code, _, talk) = ran(&cloud, &ALLOW);
    assert_eq!(code, 0, "{talk}");
    assert!(
        talk.contains("+ create in the account's firewall rules: tcp 10250 from 198.51.100.7/32"),
        "{talk}"
    );
    assert!(
        talk.contains("2 other rules stay") && talk.contains("us-south-1"),
        "{talk}"
    );
    let after = rules(&cloud);
    assert_eq!(after[..2], before[..]);
    assert_eq!(after[2..], [ours("198.51.100.7/32")]);
    let (code, _, talk) = ran(&cloud, &ALLOW);
    assert_eq!((code, rules(&cloud)), (0, after), "{talk}");
    assert!(talk.contains("nothing to do"), "{talk}");
    let (_, data, _) = ran(&cloud, &["firewall", "list"]);
    assert!(
        data.contains("global") && data.contains("10250") && data.contains("198.51.100.7/32"),
        "{data}"
    );
    let (_, data, _) = ran(&cloud, &["firewall", "list", "--json"]);
    let all: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (all[0]["id"].as_str(), all[1]["name"].as_str()),
        (Some("global"), Some("nodes"))
    );
    let (code, _, talk) = ran(&cloud, &REVOKE);
    assert_eq!((code, rules(&cloud)), (0, before.clone()), "{talk}");
    let (code, _, _) = ran(&cloud, &REVOKE);
    assert_eq!((code, rules(&cloud)), (0, before));
}

/// What somebody else made lets the proxy in already, and is not taken away.
#[test]
fn a_foreign_rule_is_neither_doubled_nor_revoked() {
    let cloud = Cloud::new();
    let foreign = json!({"protocol": "tcp", "port_range": [10250, 10250], "source_network": "198.51.100.7", "description": "mine"});
    cloud.with(|account| account.global["rules"].as_array_mut().unwrap().push(foreign.clone()));
    let before = rules(&cloud);
    assert_eq!((ran(&cloud, &ALLOW).0, rules(&cloud)), (0, before.clone()));
    let (code, _, talk) = ran(&cloud, &REVOKE);
    assert_eq!((code, rules(&cloud)), (0, before), "{talk}");
    assert!(talk.contains("nodebake did not make it"), "{talk}");
}

#[test]
fn a_ruleset_of_a_region() {
    let cloud = Cloud::new();
    let before = rules(&cloud);
    let args = [
        "firewall",
        "allow",
        "--from",
        "198.51.100.7",
        "--ruleset",
        "nodes",
        "--yes",
    ];
    let (code, _, talk) = ran(&cloud, &args);
    assert_eq!((code, rules(&cloud)), (0, before), "{talk}");
    assert_eq!(
        cloud.with(|account| account.rulesets[0]["rules"].clone()),
        json!([ours("198.51.100.7/32")])
    );
    let (code, _, talk) = ran(
        &cloud,
        &[
            "firewall",
            "allow",
            "--from",
            "198.51.100.7",
            "--ruleset",
            "node",
            "--yes",
        ],
    );
    assert_eq!(code, 4, "{talk}");
    assert!(talk.contains("nodes (ruleset1)"), "{talk}");
}

#[test]
fn twenty_rules_are_enough() {
    let cloud = Cloud::new();
    cloud.with(|account| {
        account.global["rules"] = (0..19).map(|at| json!({"protocol": "tcp", "port_range": [at + 1, at + 1], "source_network": "0.0.0.0/0", "description": ""})).collect();
    });
    assert_eq!(ran(&cloud, &ALLOW).0, 0);
    let (code, _, talk) = ran(&cloud, &["firewall", "allow", "--from", "198.51.100.8", "--yes"]);
    assert_eq!((code, rules(&cloud).len()), (4, 20), "{talk}");
    assert!(talk.contains("21 rules; Lambda takes 20"), "{talk}");
}

/// What somebody else wrote between the plan and the write stays; what comes right after it is told.
#[test]
fn a_change_meanwhile_is_seen() {
    let theirs =
        json!([{"protocol": "tcp", "port_range": [443, 443], "source_network": "0.0.0.0/0", "description": "theirs"}]);
    for at in [1, 2] {
        let cloud = Cloud::new();
        cloud.with(|account| account.meddle = Some((at, theirs.clone())));
        let (code, _, talk) = ran(&cloud, &ALLOW);
        assert_eq!(code, 4, "{at}: {talk}");
        let writes = cloud.server.asked().iter().filter(|ask| ask.method == "PATCH").count();
        if at == 1 {
            assert_eq!((writes, json!(rules(&cloud))), (0, theirs.clone()), "{talk}");
            assert!(talk.contains("somebody changed the rules meanwhile"), "{talk}");
        } else {
            assert!(talk.contains("read otherwise a moment later"), "{talk}");
        }
    }
}

#[test]
fn a_lost_answer_is_looked_after() {
    for fault in [
        Fault::LostAfter,
        Fault::BrokenAfter,
        Fault::LostBefore,
        Fault::Gateway(502),
        Fault::Busy(2),
    ] {
        let cloud = Cloud::new();
        let what = format!("{fault:?}");
        cloud.with(|account| account.fault("PATCH firewall-rulesets/global", [fault]));
        let (code, _, talk) = ran(&cloud, &ALLOW);
        assert_eq!((code, rules(&cloud).len()), (0, 3), "{what}: {talk}");
    }
    let cloud = Cloud::new();
    cloud.with(|account| {
        account.fault(
            "PATCH firewall-rulesets/global",
            vec![Fault::Refused(409, "global/internal-error"); 3],
        );
    });
    let (code, _, talk) = ran(&cloud, &ALLOW);
    assert_eq!((code, rules(&cloud).len()), (4, 2), "{talk}");
}
