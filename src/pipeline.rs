//! The one function that joins the floors. Every command is it, or a prefix of it.

use crate::base::{Policy, Report};
use crate::catalog::Catalog;
use crate::facts::ClusterFacts;
use crate::plan::Plan;
use crate::plugin::{Desk, run_checks, run_patches};
use crate::render::Renderer;
use crate::spec::NodeSpec;
use crate::syntax::PluginUse;
use crate::verify::{Known, Verified, verify};

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

/// The plugins that take part in a node, those of its profile first.
pub fn plugins(spec: &NodeSpec, profile: &[PluginUse]) -> Vec<PluginUse> {
    profile.iter().chain(&spec.plugins).cloned().collect()
}

/// What all nodes of a run share.
#[derive(Debug)]
pub struct Pipeline<'p> {
    /// The tables and templates.
    catalog: &'p Catalog,
    /// What is an error.
    policy: &'p Policy,
    /// Seconds since 1970, for what expires; without it nothing expires.
    now: Option<i64>,
    renderer: Renderer<'p>,
    known: Known,
}

impl<'p> Pipeline<'p> {
    /// A pipeline with these tables, in which `policy` judges what is an error.
    pub fn new(catalog: &'p Catalog, policy: &'p Policy, now: Option<i64>) -> Self {
        Self {
            catalog,
            policy,
            now,
            renderer: Renderer::new(catalog),
            known: Known::default(),
        }
    }

    /// As it is, for so many nodes that it pays to remember what they have in common.
    #[must_use]
    pub fn of_many(self) -> Self {
        let known = Known::of_many();
        Self { known, ..self }
    }

    /// Plans, renders and verifies one node. A node that names plugins is refused.
    pub fn build(&self, spec: NodeSpec, facts: ClusterFacts) -> Result<Built, Report> {
        self.build_with(spec, facts, None)
    }

    /// As [`Self::build`], with the plugins asked at `desk`.
    pub fn build_with(&self, spec: NodeSpec, facts: ClusterFacts, desk: Option<&Desk<'_>>) -> Result<Built, Report> {
        let Self { catalog, policy, .. } = *self;
        let (plan, report) = Plan::resolve(spec, catalog, facts);
        let mut report = policy.judge(report);
        let Some(plan) = plan else { return Err(report) };
        let mut tree = match self.renderer.render(&plan) {
            Ok(tree) => tree,
            Err(failed) => {
                report.extend(failed);
                return Err(report);
            }
        };
        let uses = plugins(&plan.spec, &plan.profile.plugins);
        if let (None, Some(first)) = (desk, uses.first()) {
            report.push(Desk::missing(first));
            return Err(report);
        }
        if let Some(desk) = desk {
            let (patched, found) = run_patches(desk, &uses, &plan, tree);
            report.extend(policy.judge(found));
            if report.has_errors() {
                return Err(report);
            }
            tree = patched;
        }
        let more = desk
            .map(|desk| run_checks(desk, &uses, &plan, &tree))
            .unwrap_or_default();
        let (verified, found) = verify(tree, &plan, catalog, self.now, policy, &self.known, more);
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
}
