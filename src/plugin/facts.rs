//! Sources of facts.

use std::sync::Arc;

use super::check::findings;
use super::{Desk, Request};
use crate::base::{PluginKind, Report, Source};
use crate::facts;
use crate::spec::{Hardware, NodeSpec};
use crate::syntax::PluginUse;

/// The cluster's facts of the file `cluster` with what the facts plugins add, in the order in which they are named; what
/// they know of the machine goes into `spec` where it says nothing itself.
pub fn bring_facts(
    desk: &Desk<'_>,
    uses: &[PluginUse],
    spec: &mut NodeSpec,
    cluster: &Arc<Source>,
) -> (Option<facts::ClusterFacts>, Report) {
    let mut report = Report::new();
    let mut brought = Vec::new();
    for one in uses.iter().filter(|one| one.kind == PluginKind::Facts) {
        let asked = desk.pin(one).and_then(|pin| {
            let request = Request::run(PluginKind::Facts, one).with_node(pin, spec);
            desk.ask(one, pin, &request).map(|reply| (pin, reply))
        });
        let (pin, reply) = match asked {
            Ok(answer) => answer,
            Err(finding) => {
                report.push(*finding);
                continue;
            }
        };
        report.extend(findings(one, pin, reply.findings.as_deref().unwrap_or_default(), None));
        let Some(facts) = &reply.facts else { continue };
        let name = format!("plugin {}", one.id());
        if !facts.cluster.is_empty() {
            // Written out, so that a mistake in it has a place that can be shown.
            let text = serde_json::to_string_pretty(&facts.cluster).unwrap_or_default();
            brought.push((Source::new(name.clone(), text), one.place().clone()));
        }
        if !facts.hardware.is_empty() {
            let text = serde_json::to_string_pretty(&facts.hardware).unwrap_or_default();
            match Hardware::parse(&Source::new(name, text)) {
                Ok(found) => fill(&mut spec.hardware, found),
                Err(failed) => report.extend(failed),
            }
        }
    }
    if report.has_errors() {
        return (None, report);
    }
    match facts::read_with(cluster, &brought) {
        Ok(facts) => (Some(facts), report),
        Err(failed) => {
            report.extend(failed);
            (None, report)
        }
    }
}

/// What the user wrote stays, and what an earlier plugin said.
fn fill(own: &mut Hardware, found: Hardware) {
    own.vcpus = own.vcpus.take().or(found.vcpus);
    own.memory_gib = own.memory_gib.take().or(found.memory_gib);
    own.disk_gib = own.disk_gib.take().or(found.disk_gib);
}
