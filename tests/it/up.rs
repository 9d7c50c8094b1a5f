//! `nodebake up` and `down`, against stand-ins of both clouds at once.
#![allow(clippy::disallowed_methods, reason = "tests reach the disk")]

use std::process::{Command, Output};

use nodebake::base::secrets;
use serde_json::{Value, json};

use crate::aws::world::{Aws, Eni, PRIVATE, PROXY};
use crate::aws::{golden, with_node};
use crate::lambda::cloud::{Cloud, KEY};
use crate::standin::Kill;
use crate::support::{stderr, stdout};

/// Its name comes from one address, its node IP is the proxy's.
const TWO: &str = "identity: { address: 10.0.2.233, eniAddress: 10.0.2.170 }\n  launch: { region: us-west-1 }";
/// One address for everything.
const ONE: &str = "identity: { address: 10.0.2.233 }\n  launch: { region: us-west-1 }";

const UP: [&str; 5] = ["up", "node.yaml", "--yes", "--proxy", "198.51.100.7"];
const DOWN: [&str; 3] = ["down", "node.yaml", "--yes"];

/// Both clouds, and a folder with a node.
struct Sky {
    aws: Aws,
    lambda: Cloud,
}

/// At which cloud's requests a run is ended.
#[derive(Clone, Copy, Debug)]
enum At {
    Aws(Kill),
    Lambda(Kill),
}

impl Sky {
    fn new(identity: &str) -> Self {
        Self {
            aws: with_node(identity),
            lambda: Cloud::new(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.aws.command(args);
        command
            .env("LAMBDA_API_KEY", KEY)
            .env("NODEBAKE_LAMBDA_ENDPOINT", &self.lambda.server.url)
            .env("XDG_STATE_HOME", self.aws.home.path().join("xdg"));
        command
    }

    fn run(&self, args: &[&str], end: Option<At>) -> Output {
        let mut command = self.command(args);
        match end {
            Some(At::Lambda(kill)) => self.lambda.server.run(&mut command, Some(kill)),
            Some(At::Aws(kill)) => self.aws.server.run(&mut command, Some(kill)),
            None => self.aws.server.run(&mut command, None),
        }
    }

    /// Runs to a good end; stdout and stderr.
    fn good(&self, args: &[&str]) -> (String, String) {
        let output = self.run(args, None);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        (stdout(&output), stderr(&output))
    }

    fn state(&self) -> Option<String> {
        std::fs::read_to_string(self.aws.home.path().join("node-17.up/state.json")).ok()
    }

    /// Interfaces, machines that live, and rules of ours.
    fn counts(&self) -> (usize, usize, usize) {
        let (machines, rules) = self.lambda.with(|account| {
            let rules = account.global["rules"].as_array().unwrap();
            let ours = rules.iter().filter(|rule| rule["port_range"] == json!([10250, 10250]));
            (account.living().len(), ours.count())
        });
        (self.aws.counts().1, machines, rules)
    }

    /// How many requests each cloud gets in a run.
    fn requests(&self, args: &[&str]) -> (usize, usize) {
        self.lambda.server.asked();
        self.good(args);
        (self.aws.server.asked().len(), self.lambda.server.asked().len())
    }
}

/// Every place to end a run at.
fn places((aws, lambda): (usize, usize)) -> Vec<At> {
    let both = |count: usize| (0..count).flat_map(|at| [Kill::Before(at), Kill::After(at)]);
    both(aws).map(At::Aws).chain(both(lambda).map(At::Lambda)).collect()
}

/// Does `work` for each, some at a time: runs mostly wait.
fn each(places: &[At], work: impl Fn(At) + Sync) {
    let work = &work;
    for some in places.chunks(8) {
        std::thread::scope(|scope| {
            for at in some {
                scope.spawn(move || work(*at));
            }
        });
    }
}

#[test]
fn one_life() {
    let sky = Sky::new(TWO);
    let output = sky.run(&["up", "node.yaml", "--proxy", "198.51.100.7"], None);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    golden("up-plan", &stderr(&output));
    assert_eq!((sky.counts(), sky.state()), ((0, 0, 0), None));

    let (data, words) = sky.good(&UP);
    golden("up", &format!("{data}--\n{words}"));
    assert_eq!(sky.counts(), (1, 1, 1));
    let state = sky.state().unwrap();
    golden("up-state", &state);
    assert!(secrets(&state).is_empty() && !state.contains(KEY) && !words.contains(KEY));
    let folder = sky.aws.home.path().join("node-17.up");
    for path in ["cluster/aws-auth-entry.yaml", "aws/role-trust-policy.json"] {
        assert!(folder.join(path).is_file(), "{path}");
        assert!(state.contains(path), "{path}");
    }

    // Again: nothing is done twice, and it says the same at the end.
    let (again, words) = sky.good(&UP);
    assert_eq!((again.as_str(), sky.counts()), (data.as_str(), (1, 1, 1)), "{words}");
    assert_eq!(sky.aws.counts().0, 1);

    // Somebody else's file and a file somebody changed stay.
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    std::fs::write(folder.join("cluster/aws-auth-entry.yaml"), "changed").unwrap();
    let output = sky.run(&["down", "node.yaml"], None);
    golden("down-plan", &stderr(&output));
    let (data, words) = sky.good(&DOWN);
    assert_eq!(
        data,
        "kubectl delete node fargate-ip-10-0-2-170.us-east-1.compute.internal\n"
    );
    assert!(words.contains("aws-auth-entry.yaml was changed, and stays"), "{words}");
    assert_eq!((sky.counts(), sky.state()), ((0, 0, 0), None));
    assert!(folder.join("notes.txt").is_file());
    assert!(!folder.join("aws").exists());

    let (_, words) = sky.good(&DOWN);
    assert!(words.contains("nothing to do"), "{words}");
}

/// The state is a note: without it, tags say what there is.
#[test]
fn a_lost_state_loses_nothing() {
    let sky = Sky::new(TWO);
    sky.good(&UP);
    std::fs::remove_file(sky.aws.home.path().join("node-17.up/state.json")).unwrap();
    sky.good(&UP);
    assert_eq!((sky.counts(), sky.aws.counts().0), ((1, 1, 1), 1));
    std::fs::remove_file(sky.aws.home.path().join("node-17.up/state.json")).unwrap();
    sky.good(&DOWN);
    // The rule of the firewall is known from the state alone: a proxy may have others behind it.
    assert_eq!(sky.counts(), (0, 0, 1));
}

#[test]
fn up_ended_anywhere() {
    let count = Sky::new(TWO).requests(&UP);
    assert!(count.0 >= 8 && count.1 >= 8, "{count:?}");
    each(&places(count), |at| {
        let sky = Sky::new(TWO);
        let output = sky.run(&UP, Some(at));
        assert_eq!(output.status.code(), None, "{at:?}: {}", stderr(&output));
        sky.good(&UP);
        assert_eq!((sky.counts(), sky.aws.counts().0), ((1, 1, 1), 1), "{at:?}");
        sky.good(&DOWN);
        assert_eq!((sky.counts(), sky.state()), ((0, 0, 0), None), "{at:?}");
    });
}

#[test]
fn down_ended_anywhere() {
    let sky = Sky::new(TWO);
    sky.good(&UP);
    let count = sky.requests(&DOWN);
    assert!(count.0 >= 3 && count.1 >= 4, "{count:?}");
    each(&places(count), |at| {
        let sky = Sky::new(TWO);
        sky.good(&UP);
        let output = sky.run(&DOWN, Some(at));
        assert_eq!(output.status.code(), None, "{at:?}: {}", stderr(&output));
        sky.good(&DOWN);
        assert_eq!((sky.counts(), sky.state()), ((0, 0, 0), None), "{at:?}");
    });
}

/// cluster.yaml is reviewed: it is not taken over on the way.
#[test]
fn a_cluster_that_changed() {
    let sky = Sky::new(TWO);
    sky.aws.world().clusters.get_mut("gh62").unwrap()["version"] = "1.36".into();
    let output = sky.run(&UP, None);
    let words = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("kubernetesVersion: 1.35 → 1.36"), "{words}");
    assert!(
        words.contains("nodebake facts eks gh62 --region us-east-1 -o"),
        "{words}"
    );
    assert_eq!((sky.counts(), sky.state()), ((0, 0, 0), None));
    assert!(sky.lambda.server.asked().is_empty());
}

/// EKS moves on by itself what no node depends on.
#[test]
fn a_platform_of_tomorrow() {
    let sky = Sky::new(TWO);
    sky.aws.world().clusters.get_mut("gh62").unwrap()["platformVersion"] = "eks.13".into();
    let (_, words) = sky.good(&UP);
    assert!(words.contains("platformVersion: eks.12 → eks.13"), "{words}");
    assert_eq!(sky.counts(), (1, 1, 1));
}

/// The one address belongs on the proxy: an interface of the node's own would keep it from there.
#[test]
fn an_address_of_the_proxy() {
    let sky = Sky::new(ONE);
    let args = ["up", "node.yaml", "--yes"];
    let (data, _) = sky.good(&args);
    assert_eq!(sky.counts(), (0, 1, 0));
    assert!(data.contains("nodebake proxy launch proxy.yaml"), "{data}");
    assert!(data.contains("nodebake firewall allow --from"), "{data}");
    sky.aws.world().enis.push(Eni {
        id: "eni-00000000000000077".into(),
        subnet: PRIVATE.into(),
        address: "10.0.2.233".into(),
        description: "proxy gh62".into(),
        attached: Some((Some(PROXY.into()), 0, 0)),
        ..Eni::default()
    });
    let (_, words) = sky.good(&args);
    assert!(
        words.contains(&format!(
            "= keep the node's address on eni-00000000000000077 of instance {PROXY}"
        )),
        "{words}"
    );
    sky.good(&DOWN);
    assert_eq!(sky.counts(), (1, 0, 0), "the proxy's interface is not the node's");
}

/// Two clusters may each have a node of one name.
#[test]
fn a_namesake_of_another_cluster_is_left_alone() {
    let sky = Sky::new(TWO);
    sky.lambda.with(|account| {
        account.foreign("node-17");
        let tags = json!([
            {"key": "nodebake-node", "value": "node-17"},
            {"key": "nodebake-cluster", "value": "staging"},
        ]);
        account.instances[0].about["tags"] = tags;
    });
    sky.good(&UP);
    assert_eq!(sky.counts(), (1, 2, 1));
    let output = sky.run(&["terminate", "node-17", "--yes"], None);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("several clusters have a node node-17"),
        "{}",
        stderr(&output)
    );
    sky.good(&DOWN);
    assert_eq!(sky.counts().1, 1, "the other cluster's");
}

/// The list of machines may be behind what was launched a moment ago.
#[test]
fn down_right_after_a_launch_that_was_cut_off() {
    let count = Sky::new(TWO).requests(&UP).1;
    let asked = (0..count).map(|at| At::Lambda(Kill::After(at)));
    for at in asked {
        let sky = Sky::new(TWO);
        sky.lambda.with(|account| account.lag = 4);
        sky.run(&UP, Some(at));
        sky.good(&DOWN);
        assert_eq!(sky.counts(), (0, 0, 0), "{at:?}");
    }
}

/// What was there before is not taken back.
#[test]
fn a_rule_that_was_there_stays() {
    let sky = Sky::new(TWO);
    sky.good(&["firewall", "allow", "--from", "198.51.100.7", "--yes"]);
    sky.good(&UP);
    sky.good(&DOWN);
    assert_eq!(sky.counts(), (0, 0, 1));
}

/// A proxy has many nodes behind it: its way stays as long as one of them runs.
#[test]
fn the_proxys_way_is_shared() {
    let sky = Sky::new(TWO);
    sky.good(&UP);
    sky.lambda.with(|account| {
        account.foreign("node-18");
        let tags = json!([{"key": "nodebake-node", "value": "node-18"}]);
        account.instances.last_mut().unwrap().about["tags"] = tags;
    });
    let (_, words) = sky.good(&DOWN);
    assert!(
        words.contains("= keep the firewall's rule for the proxy\n    other nodes run, which may need it: node-18"),
        "{words}"
    );
    assert_eq!((sky.counts(), sky.state()), ((0, 1, 1), None));
}

#[test]
fn a_state_of_something_else() {
    let sky = Sky::new(TWO);
    sky.good(&UP);
    let path = sky.aws.home.path().join("node-17.up/state.json");
    let good: Value = serde_json::from_str(&sky.state().unwrap()).unwrap();
    let mut other = good.clone();
    other["node"] = json!("node-18");
    let mut later = good;
    later["version"] = json!(2);
    for (text, why) in [
        (other.to_string(), "is about node node-18 of cluster gh62"),
        (later.to_string(), "has version 2, this nodebake reads 1"),
        ("{".to_owned(), "EOF while parsing"),
    ] {
        std::fs::write(&path, text).unwrap();
        for args in [UP.as_slice(), DOWN.as_slice()] {
            let output = sky.run(args, None);
            assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
            assert!(stderr(&output).contains(why), "{}", stderr(&output));
        }
    }
    assert_eq!(sky.counts(), (1, 1, 1));
}
