//! Floor 4: checks. Our own output is read again by type, as the programs on the machine will, and rules that span
//! several files are held against what was read. Only [`verify`] makes a [`Verified`] tree, so nothing unverified can be
//! baked.

mod check;
mod cross;
mod files;
mod kubelet;
mod secrets;

pub use check::{CHECKS, Check};

use crate::base::Report;
use crate::catalog::Catalog;
use crate::plan::Plan;
use crate::tree::FileTree;

/// What a check looks at.
#[derive(Debug)]
pub struct Subject<'v> {
    /// The decisions.
    pub plan: &'v Plan,
    /// The rendered files.
    pub tree: &'v FileTree,
    /// The tables.
    pub catalog: &'v Catalog,
    /// Seconds since 1970, for what expires; `None` leaves such checks out.
    pub now: Option<i64>,
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

/// Runs every check. The report holds the warnings; errors forbid the verified tree.
pub fn verify(tree: FileTree, plan: &Plan, catalog: &Catalog, now: Option<i64>) -> (Option<Verified>, Report) {
    let subject = Subject {
        plan,
        tree: &tree,
        catalog,
        now,
    };
    let mut report = Report::new();
    for check in CHECKS {
        report.extend((check.run)(&subject));
    }
    if report.has_errors() {
        (None, report)
    } else {
        (Some(Verified { tree }), report)
    }
}
