//! Every command that changes something is ended at each request, before it is carried out and after, and run again:
//! nothing is left over, nothing is there twice.

use super::eni::{ADDRESS, with_node};
use super::world::{Aws, PROXY};
use crate::standin::Kill;

const CREATE: [&str; 6] = ["eni", "create", "node.yaml", "--yes", "--attach", PROXY];
const DELETE: [&str; 4] = ["eni", "delete", "node.yaml", "--yes"];

/// Ends a run at each of `count` requests, before and after; each in a thread, because runs mostly wait.
fn at_each(count: usize, work: impl Fn(Kill) + Sync) {
    let work = &work;
    std::thread::scope(|scope| {
        for kill in (0..count).flat_map(|at| [Kill::Before(at), Kill::After(at)]) {
            scope.spawn(move || work(kill));
        }
    });
}

/// How many requests a run has.
fn requests(aws: &Aws, args: &[&str]) -> usize {
    aws.server.asked();
    let (code, _, words) = aws.run(args);
    assert_eq!(code, 0, "{words}");
    aws.server.asked().len()
}

#[test]
fn creating() {
    let count = requests(&with_node(ADDRESS), &CREATE);
    assert!(count >= 8, "{count} requests");
    at_each(count, |kill| {
        let aws = with_node(ADDRESS);
        let output = aws.server.run(&mut aws.command(&CREATE), Some(kill));
        assert!(!output.status.success(), "{kill:?} ended nothing");
        assert!(aws.counts().0 <= 1, "{kill:?}");
        let (code, _, words) = aws.run(&CREATE);
        assert_eq!(code, 0, "{kill:?}: {words}");
        assert_eq!(aws.counts(), (1, 1), "{kill:?}");
        let attached = aws.world().enis[0].attached.clone();
        assert_eq!(attached, Some((Some(PROXY.to_owned()), 1, 0)), "{kill:?}");
    });
}

/// Where tokens are ignored, the look by tag alone keeps it one.
#[test]
fn creating_where_tokens_are_ignored() {
    at_each(6, |kill| {
        let aws = with_node(ADDRESS);
        aws.world().forgetful = true;
        aws.server.run(&mut aws.command(&CREATE), Some(kill));
        let (code, _, words) = aws.run(&CREATE);
        assert_eq!((code, aws.counts()), (0, (1, 1)), "{kill:?}: {words}");
    });
}

#[test]
fn deleting() {
    let aws = with_node(ADDRESS);
    aws.run(&CREATE);
    let count = requests(&aws, &DELETE);
    assert!(count >= 5, "{count} requests");
    at_each(count, |kill| {
        let aws = with_node(ADDRESS);
        aws.run(&CREATE);
        let output = aws.server.run(&mut aws.command(&DELETE), Some(kill));
        assert!(!output.status.success(), "{kill:?} ended nothing");
        let (code, _, words) = aws.run(&DELETE);
        assert_eq!((code, aws.counts()), (0, (1, 0)), "{kill:?}: {words}");
    });
}

/// `facts` killed at any request leaves the file as it was, or as it is to be.
#[test]
fn facts() {
    let aws = with_node(ADDRESS);
    let path = aws.home.path().join("cluster.yaml");
    let old = std::fs::read_to_string(&path).unwrap();
    aws.world().clusters.get_mut("gh62").unwrap()["version"] = "1.36".into();
    let args = ["facts", "eks", "gh62", "-o", "cluster.yaml", "--yes"];
    let count = requests(&aws, &args);
    let new = std::fs::read_to_string(&path).unwrap();
    for kill in (0..count).flat_map(|at| [Kill::Before(at), Kill::After(at)]) {
        std::fs::write(&path, &old).unwrap();
        aws.server.run(&mut aws.command(&args), Some(kill));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), old, "{kill:?}");
        aws.run(&args);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), new, "{kill:?}");
    }
}
