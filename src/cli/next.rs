//! What people have left to do once a node's machine runs.

use std::net::Ipv4Addr;

use crate::catalog::Naming;
use crate::cloud::up::{Mapping, Next, Satellite, next_steps};
use crate::pipeline::Built;

/// The steps, with their commands. `folder` is where the files for kubectl and aws were written, if they were.
pub(super) fn next(built: &Built, address: Option<Ipv4Addr>, folder: Option<&str>, is_let_in: bool) -> String {
    let plan = &built.plan;
    let text = |path: &str| {
        let decision = plan.book.get(path);
        decision
            .and_then(|decision| decision.value().as_str())
            .unwrap_or_default()
    };
    let satellite = Satellite {
        name: &plan.spec.name.value,
        is_let_in,
    };
    next_steps(&Next {
        node: text("identity.nodeName"),
        node_ip: text("identity.nodeIp"),
        region: &plan.facts.region.value,
        mapping: match text("identity.mapping") {
            "accessEntry" => Mapping::AccessEntry,
            _ => Mapping::AwsAuth,
        },
        folder,
        address,
        user: &plan.provider.default_user,
        key: matches!(text("credentials.strategy"), "assumeRole" | "user"),
        satellite: (plan.profile.naming == Naming::Satellite).then_some(satellite),
    })
}
