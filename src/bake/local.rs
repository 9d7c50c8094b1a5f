//! Artifacts beside node.yaml: only what carries bytes can bring them.

use crate::base::{Finding, Report};
use crate::plan::Plan;
use crate::spec::Whence;

/// Refuses a node whose first boot would have to download what is not on the web.
pub(super) fn on_the_web(plan: &Plan) -> Result<(), Report> {
    let mut report = Report::new();
    for file in &plan.spec.artifacts.files {
        if let Whence::File(path) = &file.source.value {
            let message = format!("the machine cannot download {path}, a file beside node.yaml");
            let finding = Finding::error("bake/local-artifact", message, &file.source.place);
            report.push(finding.hint("bake it with --format tarball, which carries artifacts, or publish it"));
        }
    }
    if report.is_empty() { Ok(()) } else { Err(report) }
}
