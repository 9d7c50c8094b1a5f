//! Every command that changes something is ended at each of its requests, before and after it is carried out, and run
//! again: what is left is what one undisturbed run leaves.

use std::path::Path;
use std::process::Output;

use serde_json::json;

use super::cloud::{Account, Cloud};
use super::{LAUNCH, folder, run};
use crate::standin::Kill;
use crate::support::{TempDir, stderr};

fn succeeded(output: &Output, what: &str) {
    assert_eq!(output.status.code(), Some(0), "{what}: {}", stderr(output));
}

/// Ends `args` at each request in an account that `prepare` got ready, runs it again, and has `judge` look.
fn ended_everywhere(args: &[&str], folder: &Path, prepare: &dyn Fn(&mut Account), judge: &dyn Fn(&Account, &str)) {
    let cloud = Cloud::new();
    cloud.with(prepare);
    succeeded(&run(&cloud, folder, args, None), "undisturbed");
    let count = cloud.server.asked().len();
    assert!(count >= 2, "{args:?} asks {count} times");
    cloud.with(|account| judge(account, "undisturbed"));
    for kill in (0..count).flat_map(|at| [Kill::Before(at), Kill::After(at)]) {
        let what = format!("{args:?} ended {kill:?} of {count}");
        let cloud = Cloud::new();
        cloud.with(prepare);
        let ended = run(&cloud, folder, args, Some(kill));
        assert_eq!(ended.status.code(), None, "{what}: {}", stderr(&ended));
        succeeded(&run(&cloud, folder, args, None), &what);
        cloud.with(|account| judge(account, &what));
    }
}

#[test]
fn launch() {
    let folder = folder("");
    // The list is behind by more than the looks that every run takes.
    let prepare = |account: &mut Account| account.lag = 5;
    ended_everywhere(&LAUNCH, folder.path(), &prepare, &|account, what| {
        assert_eq!((account.launches, account.living().len()), (1, 1), "{what}");
        assert_eq!(account.living()[0]["status"], "active", "{what}");
    });
}

#[test]
fn terminate() {
    let folder = TempDir::new();
    let prepare = |account: &mut Account| {
        for name in ["node-17", "other"] {
            account.foreign(name);
            let tags = json!([{"key": "nodebake-node", "value": name}]);
            account.instances.last_mut().unwrap().about["tags"] = tags;
        }
    };
    ended_everywhere(
        &["terminate", "node-17", "--yes"],
        folder.path(),
        &prepare,
        &|account, what| {
            let left: Vec<&str> = account
                .living()
                .iter()
                .map(|one| one["name"].as_str().unwrap())
                .collect();
            assert_eq!(left, ["other"], "{what}");
        },
    );
}

#[test]
fn ssh_keys() {
    let folder = TempDir::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDnewnewnewnewnewnewnewnewnewnewnewnewnew new";
    folder.write("new.pub", key);
    let names = |account: &Account| -> Vec<String> {
        account
            .keys
            .iter()
            .map(|key| key["name"].as_str().unwrap().to_owned())
            .collect()
    };
    ended_everywhere(
        &["ssh-keys", "add", "new", "new.pub", "--yes"],
        folder.path(),
        &|_| {},
        &|account, what| {
            assert_eq!(names(account), ["mine", "new"], "{what}");
            assert_eq!(account.keys[1]["public_key"], key, "{what}");
        },
    );
    ended_everywhere(
        &["ssh-keys", "delete", "mine", "--yes"],
        folder.path(),
        &|_| {},
        &|account, what| {
            assert_eq!(names(account), Vec::<String>::new(), "{what}");
        },
    );
}

#[test]
fn firewall() {
    let folder = TempDir::new();
    let ours = |account: &Account| {
        let rules = account.global["rules"].as_array().unwrap();
        let ours = rules
            .iter()
            .filter(|rule| rule["port_range"] == json!([10250, 10250]))
            .count();
        (ours, rules.len())
    };
    let allow = ["firewall", "allow", "--from", "198.51.100.7/32", "--yes"];
    ended_everywhere(&allow, folder.path(), &|_| {}, &|account, what| {
        assert_eq!(ours(account), (1, 3), "{what}");
    });
    let prepare = |account: &mut Account| {
        let rules = account.global["rules"].as_array_mut().unwrap();
        rules.push(
            json!({"protocol": "tcp", "port_range": [10250, 10250], "source_network": "198.51.100.7/32",
            "description": "nodebake: the proxy's way to the kubelet"}),
        );
    };
    let revoke = ["firewall", "revoke", "--from", "198.51.100.7", "--yes"];
    ended_everywhere(&revoke, folder.path(), &prepare, &|account, what| {
        assert_eq!(ours(account), (0, 2), "{what}");
    });
}

/// A restart that was ended may be said once more, and ends with a machine that restarted.
#[test]
fn restart() {
    let folder = TempDir::new();
    let prepare = |account: &mut Account| {
        account.foreign("mine");
        account.instances[0].about["status"] = json!("active");
    };
    let id = format!("{:032x}", 1);
    ended_everywhere(&["restart", &id, "--yes"], folder.path(), &prepare, &|account, what| {
        assert!(
            (1..=2).contains(&account.restarts),
            "{what}: {} restarts",
            account.restarts
        );
        assert_eq!(account.living().len(), 1, "{what}");
    });
}
