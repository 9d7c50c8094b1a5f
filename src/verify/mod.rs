//! Floor 4: checks. Our own output is read again by type, as the programs on the machine will, and rules that span
//! several files are held against what was read. Only [`verify`] makes a [`Verified`] tree, so nothing unverified can be
//! baked.

mod agreements;
mod check;
mod cloud_config;
mod cni;
mod containerd;
mod cross;
mod documents;
mod files;
mod floors;
mod iam;
mod image_credentials;
mod known;
mod kubeconfig;
mod kubelet;
mod mapping;
mod netplan;
mod proxy;
mod scripts;
mod secrets;
mod sysctl;
mod systemd;
mod text;
mod trace;

pub use check::{Check, check, checks};
pub use known::Known;
pub use systemd::{After, Reason, start_order};
pub use trace::{Step, Trail};

use std::cell::{OnceCell, RefCell};
use std::ptr;
use std::rc::Rc;

use crate::base::{Finding, Policy, Report};
use crate::catalog::Catalog;
use crate::facts;
use crate::plan::Plan;
use crate::syntax::yaml::Node;
use crate::tree::{Entry, FileTree};

/// What a check looks at.
#[derive(Debug)]
pub struct Subject<'v> {
    /// The decisions.
    pub plan: &'v Plan,
    /// The rendered files.
    pub tree: &'v FileTree,
    /// The tables.
    pub catalog: &'v Catalog,
    known: &'v Known,
    kubelet: OnceCell<kubelet::Reading>,
    containerd: OnceCell<Option<containerd::Config<'v>>>,
    units: OnceCell<Vec<systemd::UnitFile<'v>>>,
    documents: OnceCell<Vec<documents::Document<'v>>>,
    sysctl: OnceCell<Vec<sysctl::Line<'v>>>,
    systemd: RefCell<Vec<(*const Entry, Rc<systemd::Lines>)>>,
}

impl<'v> Subject<'v> {
    fn new(plan: &'v Plan, tree: &'v FileTree, catalog: &'v Catalog, known: &'v Known) -> Self {
        Self {
            plan,
            tree,
            catalog,
            known,
            kubelet: OnceCell::new(),
            containerd: OnceCell::new(),
            units: OnceCell::new(),
            documents: OnceCell::new(),
            sysctl: OnceCell::new(),
            systemd: RefCell::default(),
        }
    }

    /// The tree's YAML and JSON files, read the first time somebody asks.
    fn documents(&self) -> &[documents::Document<'v>] {
        self.documents.get_or_init(|| documents::read(self))
    }

    /// What the kubelet will run with, read the first time somebody asks.
    fn kubelet(&self) -> &kubelet::Reading {
        self.kubelet.get_or_init(|| kubelet::Reading::new(self))
    }

    /// What containerd will read; none if there is no such file, or if it is no TOML.
    fn containerd(&self) -> Option<&containerd::Config<'v>> {
        self.containerd
            .get_or_init(|| containerd::Config::read(self.tree))
            .as_ref()
    }

    /// The kernel settings, read the first time somebody asks.
    fn sysctl(&self) -> &[sysctl::Line<'v>] {
        self.sysctl.get_or_init(|| sysctl::read(self))
    }

    /// The files that systemd reads.
    fn units(&self) -> &[systemd::UnitFile<'v>] {
        self.units.get_or_init(|| systemd::UnitFile::all(self))
    }

    /// What stands in a file of the tree that is in systemd's syntax, read the first time somebody asks.
    fn systemd(&self, entry: &Entry) -> Rc<systemd::Lines> {
        let mut read = self.systemd.borrow_mut();
        if let Some((_, lines)) = read.iter().find(|(of, _)| ptr::eq(*of, entry)) {
            return Rc::clone(lines);
        }
        let lines = Rc::new(systemd::Lines::read(&entry.text));
        read.push((entry, Rc::clone(&lines)));
        lines
    }
}

/// A tree that passed every check.
#[derive(Debug, Clone)]
pub struct Verified {
    tree: FileTree,
}

impl Verified {
    /// The tree.
    pub fn tree(&self) -> &FileTree {
        &self.tree
    }
}

/// The configuration that the kubelet of a tree runs with: ours, with every drop-in laid over it.
pub fn kubelet_config(plan: &Plan, tree: &FileTree, catalog: &Catalog) -> Node {
    kubelet::in_effect(&Subject::new(plan, tree, catalog, &Known::default()))
}

/// Runs every check. `now` is seconds since 1970, for what expires; without it nothing expires. What is `known` is not
/// looked through again. `more` is what others found in the files, for findings like its own. The report holds the
/// warnings; what `policy` judges to be an error forbids the verified tree.
pub fn verify(
    tree: FileTree,
    plan: &Plan,
    catalog: &Catalog,
    now: Option<i64>,
    policy: &Policy,
    known: &Known,
    more: Vec<Finding>,
) -> (Option<Verified>, Report) {
    let subject = Subject::new(plan, &tree, catalog, known);
    let mut report = Report::new();
    if let Some(now) = now {
        report.extend(facts::check_validity(&plan.facts, now));
    }
    for run in check::checks_of(plan.node.is_some()).filter_map(|check| check.run) {
        report.extend(
            run(&subject)
                .into_iter()
                .map(|finding| trace::causes(&subject, finding)),
        );
    }
    report.extend(more.into_iter().map(|finding| trace::causes(&subject, finding)));
    let report = policy.judge(report);
    if report.has_errors() {
        (None, report)
    } else {
        (Some(Verified { tree }), report)
    }
}
