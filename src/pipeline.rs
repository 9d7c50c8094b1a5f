//! The one function that joins the floors. Every command is it, or a prefix of it.

use std::sync::Arc;
use std::thread;

use crate::base::{Policy, Report};
use crate::catalog::Catalog;
use crate::facts::ClusterFacts;
use crate::plan::Plan;
use crate::render::render;
use crate::spec::NodeSpec;
use crate::tree::FileTree;
use crate::verify::{Verified, verify};

/// A node that passed every check.
#[derive(Debug, Clone)]
pub struct Built {
    /// The decisions.
    pub plan: Plan,
    /// The files.
    pub verified: Verified,
    /// Doubts that do not forbid baking.
    pub warnings: Report,
}

/// Plans, renders and verifies one node. `now` is seconds since 1970, for what expires; without it nothing expires.
/// `policy` judges what is an error. `beside` works on the rendered files on a thread of its own while they are
/// verified: what can be got ready for a tree that will most likely pass.
pub fn build(
    spec: NodeSpec,
    catalog: &Catalog,
    facts: ClusterFacts,
    now: Option<i64>,
    policy: &Policy,
    beside: Option<&(dyn Fn(&FileTree) + Sync)>,
) -> Result<Built, Report> {
    let (plan, report) = Plan::resolve(spec, catalog, facts);
    let mut report = policy.judge(report);
    let Some(plan) = plan else { return Err(report) };
    let tree = match render(&plan, catalog) {
        Ok(tree) => tree,
        Err(failed) => {
            report.extend(failed);
            return Err(report);
        }
    };
    let tree = Arc::new(tree);
    let (verified, found) = thread::scope(|scope| {
        if let Some(work) = beside {
            let tree = &tree;
            scope.spawn(move || work(tree));
        }
        verify(Arc::clone(&tree), &plan, catalog, now, policy)
    });
    report.extend(found);
    match verified {
        Some(verified) if !report.has_errors() => Ok(Built {
            plan,
            verified,
            warnings: report,
        }),
        _ => Err(report),
    }
}
