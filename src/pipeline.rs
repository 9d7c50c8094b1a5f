//! The one function that joins the floors. Every command is it, or a prefix of it.

use crate::base::Report;
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
pub fn build(spec: NodeSpec, catalog: &Catalog, facts: ClusterFacts, now: Option<i64>) -> Result<Built, Report> {
    let (plan, mut report) = Plan::resolve(spec, catalog, facts);
    let Some(plan) = plan else { return Err(report) };
    let tree = match render(&plan, catalog) {
        Ok(tree) => tree,
        Err(failed) => {
            report.extend(failed);
            return Err(report);
        }
    };
    let (verified, found) = verify(tree, &plan, catalog, now);
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
