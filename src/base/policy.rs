//! What a user makes of findings: stricter or milder than the table of rules says.

use std::collections::BTreeSet;

use super::{Report, Severity};

/// How findings are judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Every warning is an error.
    pub strict: bool,
    /// Rules whose errors are warnings, and whose warnings are dropped.
    pub allow: BTreeSet<String>,
    /// Rules whose warnings are errors.
    pub deny: BTreeSet<String>,
}

impl Policy {
    /// The report as this policy judges it.
    pub fn judge(&self, report: Report) -> Report {
        let mut judged = Report::new();
        for mut finding in report {
            let allowed = self.allow.contains(finding.id);
            match (allowed, finding.severity) {
                (true, Severity::Warning) => continue,
                (true, Severity::Error) => finding.severity = Severity::Warning,
                (false, Severity::Warning) if self.strict || self.deny.contains(finding.id) => {
                    finding.severity = Severity::Error;
                }
                (false, _) => {}
            }
            judged.push(finding);
        }
        judged
    }
}

#[cfg(test)]
mod tests {
    use super::super::Finding;
    use super::*;

    #[test]
    fn milder_and_stricter() {
        let ids = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let report = || {
            let mut report = Report::new();
            for (severity, id) in [
                (Severity::Error, "a/e"),
                (Severity::Warning, "a/w"),
                (Severity::Warning, "a/x"),
            ] {
                report.push(Finding::new(severity, id, "m"));
            }
            report
        };
        let counts = |policy: Policy| policy.judge(report()).counts();
        assert_eq!(counts(Policy::default()), (1, 2));
        assert_eq!(
            counts(Policy {
                strict: true,
                ..Policy::default()
            }),
            (3, 0)
        );
        assert_eq!(
            counts(Policy {
                allow: ids(&["a/e", "a/w"]),
                ..Policy::default()
            }),
            (0, 2)
        );
        assert_eq!(
            counts(Policy {
                deny: ids(&["a/w"]),
                ..Policy::default()
            }),
            (2, 1)
        );
        assert_eq!(
            counts(Policy {
                strict: true,
                allow: ids(&["a/x"]),
                deny: ids(&[])
            }),
            (2, 0)
        );
    }
}
