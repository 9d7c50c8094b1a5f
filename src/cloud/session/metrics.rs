//! What monitoring sees, in the text format of Prometheus, for `node_exporter`'s textfile collector.

/// The numbers. What is not known yet is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// When the session ends, in seconds since 1970.
    pub expires: Option<i64>,
    /// When a session was got last, in seconds since 1970.
    pub last_success: Option<i64>,
    /// How many refreshes failed, since the file began.
    pub failures: i64,
    /// This clock minus that of AWS, in seconds, at the last answer.
    pub skew: Option<i64>,
}

const EXPIRES: &str = "nodebake_credentials_expiry_timestamp_seconds";
const SUCCESS: &str = "nodebake_credentials_last_success_timestamp_seconds";
const FAILURES: &str = "nodebake_credentials_failures_total";
const SKEW: &str = "nodebake_credentials_clock_skew_seconds";

impl Metrics {
    /// Reads what an earlier run wrote; a file that is none counts for nothing.
    pub fn read(text: &str) -> Self {
        let value = |name: &str| {
            let mut values = text.lines().filter_map(|line| line.split_once(' '));
            let (_, value) = values.find(|(word, _)| *word == name)?;
            value.trim().parse().ok()
        };
        Self {
            expires: value(EXPIRES),
            last_success: value(SUCCESS),
            failures: value(FAILURES).unwrap_or(0),
            skew: value(SKEW),
        }
    }

    /// The file.
    pub fn text(&self) -> String {
        let rows = [
            (EXPIRES, "gauge", "When the node's AWS session ends.", self.expires),
            (
                SUCCESS,
                "gauge",
                "When the node last got an AWS session.",
                self.last_success,
            ),
            (
                FAILURES,
                "counter",
                "Refreshes of the AWS session that failed.",
                Some(self.failures),
            ),
            (SKEW, "gauge", "The node's clock minus that of AWS.", self.skew),
        ];
        rows.into_iter()
            .filter_map(|(name, kind, help, value)| {
                value.map(|value| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_back() {
        let all = Metrics {
            expires: Some(7),
            last_success: Some(6),
            failures: 5,
            skew: Some(-4),
        };
        for metrics in [all, Metrics::default()] {
            assert_eq!(Metrics::read(&metrics.text()), metrics);
        }
        assert!(
            Metrics::default()
                .text()
                .ends_with("nodebake_credentials_failures_total 0\n")
        );
        assert_eq!(Metrics::read("<html>"), Metrics::default());
    }
}
