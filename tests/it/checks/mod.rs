//! The table of rules: every id is explained, every check passes on a good node and fails on a broken one.
//!
//! A check's cases are in the file of its area: a [`Case`] breaks one thing of a good node and names the finding that
//! must come. A check without a case fails `every_check_can_fail`.

#![allow(clippy::disallowed_methods, reason = "tests reach the disk")]

mod cloud_config;
mod coverage;
mod cross;
mod files;
mod kubelet;
mod logins;
mod mapping;
mod netplan;
mod proxy;
mod runtime;
mod scripts;
mod secrets;
mod sysctl;
pub mod systemd;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use nodebake::base::{Policy, Report, Source};
use nodebake::catalog::{Catalog, Plane};
use nodebake::plan::Plan;
use nodebake::render::Renderer;
use nodebake::spec;
use nodebake::tree::FileTree;
use nodebake::verify::{self, Known};

use crate::support::{cluster, node_yaml, root, told};

/// One way to break a good node.
pub struct Case {
    /// The finding that must come.
    pub id: &'static str,
    /// What is broken.
    pub what: &'static str,
    /// The node: profile, image, instance type, Kubernetes minor.
    pub node: (&'static str, &'static str, &'static str, &'static str),
    /// What is added to its spec.
    pub more: &'static str,
    /// What is done to the rendered files.
    pub change: fn(&mut FileTree),
}

/// The node most cases break.
pub const NODE: (&str, &str, &str, &str) = ("satellite", "lambda-stack-22-04", "lambda/gpu_8x_h100_sxm5", "1.35");

/// A case that breaks node.yaml.
pub const fn spec_case(id: &'static str, what: &'static str, more: &'static str) -> Case {
    Case {
        id,
        what,
        node: NODE,
        more,
        change: |_| {},
    }
}

/// A case that breaks a rendered file.
pub const fn tree_case(id: &'static str, what: &'static str, change: fn(&mut FileTree)) -> Case {
    Case {
        id,
        what,
        node: NODE,
        more: "",
        change,
    }
}

/// Replaces `from` by `to` in the node's file at `path`; the test fails if it is not there.
pub fn edit(tree: &mut FileTree, plane: Plane, path: &str, from: &str, to: &str) {
    let mut entry = tree.get(plane, path).unwrap_or_else(|| panic!("no {path}")).clone();
    assert!(entry.text.contains(from), "{path} has no {from:?}:\n{}", entry.text);
    entry.text = entry.text.replace(from, to);
    tree.replace(entry);
}

/// What becomes of a node: its plan, its files unless a template refused, and what was found so far.
fn rendered(case: &Case, more: &str) -> (Plan, Option<FileTree>, Report) {
    let (profile, image, instance_type, minor) = case.node;
    let yaml = node_yaml(profile, image, instance_type, more);
    let catalog = Catalog::embedded();
    let document = spec::read(&Source::new("node.yaml", yaml)).unwrap_or_else(|report| panic!("{}", told(&report)));
    let spec = document.nodes.into_iter().next().unwrap();
    let (plan, mut report) = Plan::resolve(spec, &catalog, cluster(minor));
    let plan = plan.unwrap_or_else(|| panic!("{}: {}", case.what, told(&report)));
    match Renderer::new(&catalog).render(&plan) {
        Ok(tree) => (plan, Some(tree), report),
        Err(failed) => {
            report.extend(failed);
            (plan, None, report)
        }
    }
}

/// What all cases have looked through, as the nodes of one fleet: no finding of one may be hidden by what was good in
/// another.
static KNOWN: LazyLock<Known> = LazyLock::new(Known::of_many);

/// Every finding of the later floors on a node whose files were changed.
pub fn findings(case: &Case, more: &str, change: fn(&mut FileTree)) -> Report {
    let (plan, tree, mut report) = rendered(case, more);
    if let Some(mut tree) = tree {
        change(&mut tree);
        let (_, found) = verify::verify(
            tree,
            &plan,
            &Catalog::embedded(),
            Some(1_800_000_000),
            &Policy::default(),
            &KNOWN,
            Vec::new(),
        );
        report.extend(found);
    }
    report
}

/// The files of a case, broken as they are.
pub fn broken(case: &Case) -> FileTree {
    let mut tree = rendered(case, case.more)
        .1
        .unwrap_or_else(|| panic!("{} cannot be rendered", case.what));
    (case.change)(&mut tree);
    tree
}

fn cases() -> Vec<&'static Case> {
    [
        files::CASES,
        kubelet::CASES,
        cloud_config::CASES,
        logins::CASES,
        scripts::CASES,
        mapping::CASES,
        netplan::CASES,
        proxy::CASES,
        cross::CASES,
        runtime::CASES,
        text::CASES,
        secrets::CASES,
        systemd::CASES,
        sysctl::CASES,
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_check_can_fail() {
    let mut failed: BTreeSet<&str> = BTreeSet::new();
    let mut untouched = BTreeMap::new();
    for case in cases() {
        let good = untouched.entry(case.node).or_insert_with(|| findings(case, "", |_| {}));
        let early = good.sorted().iter().any(|finding| finding.id == case.id);
        assert!(!early, "{}: found before anything was broken:\n{}", case.id, told(good));
        let found = findings(case, case.more, case.change);
        let hit = found.sorted().iter().any(|finding| finding.id == case.id);
        assert!(hit, "{} is not found when {}:\n{}", case.id, case.what, told(&found));
        failed.insert(case.id);
    }
    let never: Vec<&str> = verify::checks()
        .filter(|check| check.run.is_some() && !failed.contains(check.id))
        .map(|check| check.id)
        .collect();
    assert_eq!(never, Vec::<&str>::new(), "these checks have no case that fails");
}

fn ids_in(folder: &Path, ids: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            ids_in(&path, ids);
            continue;
        }
        // A quote as a character is no begin of a text.
        let text = std::fs::read_to_string(&path).unwrap().replace("'\"'", "");
        for quoted in text.split('"').skip(1).step_by(2) {
            let areas = verify::checks()
                .filter_map(|check| check.id.split_once('/'))
                .any(|(area, _)| quoted.strip_prefix(area).is_some_and(|rest| rest.starts_with('/')));
            let tame = quoted
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '/' | '-'));
            if areas && tame && quoted.matches('/').count() == 1 && !quoted.ends_with('/') {
                ids.insert(quoted.to_owned());
            }
        }
    }
}

/// Template names look like ids too.
const NO_IDS: [&str; 0] = [];

#[test]
fn every_finding_is_explained_and_every_explanation_is_of_a_finding() {
    let mut explained: BTreeSet<String> = BTreeSet::new();
    for check in verify::checks() {
        assert!(
            explained.insert(check.id.to_owned()),
            "{} stands twice in the table",
            check.id
        );
        assert!(
            check.reason.len() > 20 && check.summary.len() > 10,
            "{} is not explained",
            check.id
        );
    }
    let mut used = BTreeSet::new();
    for room in std::fs::read_dir(root().join("src")).unwrap() {
        let room = room.unwrap().path();
        if room.is_dir() && room.file_name().unwrap() != "verify" {
            ids_in(&room, &mut used);
        }
    }
    for check in verify::checks().filter(|check| check.run.is_some()) {
        used.insert(check.id.to_owned());
    }
    used.retain(|id| !NO_IDS.contains(&id.as_str()));
    let unexplained: Vec<&String> = used.difference(&explained).collect();
    assert!(unexplained.is_empty(), "not in the table: {unexplained:?}");
    let unused: Vec<&String> = explained.difference(&used).collect();
    assert!(unused.is_empty(), "in the table, but nothing finds them: {unused:?}");
}
