//! What differs between two `cluster.yaml`, and what of it concerns nodes.

use nodebake::base::Source;
use nodebake::facts::{ClusterFacts, compare, read};

const CLUSTER: &str = include_str!("../../fixtures/cluster.yaml");

/// The tests' cluster with further keys.
fn with(more: &str) -> ClusterFacts {
    let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
    let text = format!("{}\n{more}", CLUSTER.trim_end());
    read(&Source::new("cluster.yaml", text)).unwrap_or_else(|report| panic!("{report:?}"))
}

/// What differs, and whether it concerns nodes.
fn told(old: &str, new: &str) -> Vec<(&'static str, bool)> {
    let changes = compare(&with(old), &with(new));
    changes
        .iter()
        .map(|change| (change.what, change.concerns_nodes()))
        .collect()
}

#[test]
fn everybody_is_everybody_said_or_not() {
    let said = "endpointAccess: { public: true, private: true, publicAccessCidrs: [0.0.0.0/0] }";
    let left_out = "endpointAccess: { public: true, private: true }";
    assert_eq!(told(left_out, said), []);
    assert_eq!(told(said, left_out), []);
    let some = said.replace("0.0.0.0/0", "203.0.113.0/24");
    let cidrs = "endpointAccess.publicAccessCidrs";
    assert_eq!(told(left_out, &some), [(cidrs, true), (cidrs, true)]);
    let private = "endpointAccess: { public: false, private: true }";
    let closed = [("endpointAccess.public", true), (cidrs, true)];
    assert_eq!(told(left_out, private), closed);
}

#[test]
fn what_the_old_file_never_stated_is_no_change_to_nodes() {
    let all = "platformVersion: eks.3\nclusterSecurityGroupId: sg-0123456789abcdef0\n\
               endpointAccess: { public: true, private: true }";
    let told_of = |old: &str, new: &str| told(old, new).iter().any(|(_, concerns)| *concerns);
    assert_eq!(told("", all).len(), 5);
    assert!(!told_of("", all));
    let group = all.replace("0123456789abcdef0", "0123456789abcdef1");
    assert_eq!(told(all, &group), [("clusterSecurityGroupId", true)]);
    let platform = all.replace("eks.3", "eks.4");
    assert_eq!(told(all, &platform), [("platformVersion", false)]);
    assert!(told_of(all, ""), "what was stated is gone");
}

#[test]
fn a_subnet_more_is_no_change_to_nodes_and_one_less_is() {
    let one = "subnets: [{ id: subnet-0aaaaaaaaaaaaaaaa, cidr: 10.0.0.0/19 }";
    let two = format!("{one}, {{ id: subnet-0bbbbbbbbbbbbbbbb, cidr: 10.0.32.0/19 }}]");
    let one = format!("{one}]");
    assert_eq!(told(&one, &two), [("subnets", false)]);
    assert_eq!(told(&two, &one), [("subnets", true)]);
}
