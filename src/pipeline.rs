//! The one function that joins the floors. Every command is it, or a prefix of it.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use crate::base::{Policy, Report};
use crate::catalog::Catalog;
use crate::facts::ClusterFacts;
use crate::plan::Plan;
use crate::plugin::{Desk, run_checks, run_patches};
use crate::render::render;
use crate::spec::NodeSpec;
use crate::syntax::PluginUse;
use crate::tree::FileTree;
use crate::verify::{Verified, verify_with};

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

/// Plans, renders and verifies one node. `now` is seconds since 1970, for what expires; without it nothing expires.
/// `policy` judges what is an error. `beside` works on the files on a thread of its own while they are verified: what can
/// be got ready for a tree that will most likely pass. A node that names plugins is refused.
pub fn build(
    spec: NodeSpec,
    catalog: &Catalog,
    facts: ClusterFacts,
    now: Option<i64>,
    policy: &Policy,
    beside: Option<&(dyn Fn(&FileTree) + Sync)>,
) -> Result<Built, Report> {
    build_with(spec, catalog, facts, now, policy, None, beside)
}

/// As [`build`], with the plugins asked at `desk`.
pub fn build_with(
    spec: NodeSpec,
    catalog: &Catalog,
    facts: ClusterFacts,
    now: Option<i64>,
    policy: &Policy,
    desk: Option<&Desk<'_>>,
    beside: Option<&(dyn Fn(&FileTree) + Sync)>,
) -> Result<Built, Report> {
    thread::scope(|scope| {
        let (hand_over, handed_over) = channel::<Arc<FileTree>>();
        if let Some(work) = beside {
            scope.spawn(move || {
                // Until there are files.
                catalog.read_ahead();
                // Nothing comes if the node cannot be rendered.
                if let Ok(tree) = handed_over.recv() {
                    work(&tree);
                }
            });
        }
        let rendered = |tree: &Arc<FileTree>| {
            // Nobody listens if there is nothing to do beside.
            let _ = hand_over.send(Arc::clone(tree));
        };
        one(spec, catalog, facts, now, policy, desk, &rendered)
    })
}

/// One node; `rendered` hears of its files before they are verified.
fn one(
    spec: NodeSpec,
    catalog: &Catalog,
    facts: ClusterFacts,
    now: Option<i64>,
    policy: &Policy,
    desk: Option<&Desk<'_>>,
    rendered: &dyn Fn(&Arc<FileTree>),
) -> Result<Built, Report> {
    let (plan, report) = Plan::resolve(spec, catalog, facts);
    let mut report = policy.judge(report);
    let Some(plan) = plan else { return Err(report) };
    let mut tree = match render(&plan, catalog) {
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
    let tree = Arc::new(tree);
    rendered(&tree);
    let more = desk
        .map(|desk| run_checks(desk, &uses, &plan, &tree))
        .unwrap_or_default();
    let (verified, found) = verify_with(tree, &plan, catalog, now, policy, more);
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
