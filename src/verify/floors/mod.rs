//! The rules that other floors hold while they read, decide, bake and review. They have no function here; a test compares
//! this list with the ids in the sources.

pub(super) mod baking;
pub(super) mod catalog;
pub(super) mod facts;
pub(super) mod goldens;
pub(super) mod passthrough;
pub(super) mod plan;
pub(super) mod plugins;
pub(super) mod reading;
pub(super) mod spec;

use super::Check;
use crate::base::Severity;

pub(super) const fn rule(id: &'static str, severity: Severity, summary: &'static str, reason: &'static str) -> Check {
    Check {
        id,
        severity,
        summary,
        reason,
        run: None,
    }
}
