//! The one function that joins the floors. Every command is it, or a prefix of it.

use crate::base::{Policy, Report};
use crate::catalog::Catalog;
use crate::facts::ClusterFacts;
use crate::plan::Plan;
use crate::render::render;
use crate::spec::NodeSpec;
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
/// `policy` judges what is an error.
pub fn build(
    spec: NodeSpec,
    catalog: &Catalog,
    facts: ClusterFacts,
    now: Option<i64>,
    policy: &Policy,
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
    let (verified, found) = verify(tree, &plan, catalog, now, policy);
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
