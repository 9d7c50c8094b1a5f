//! Rules over several keys that the kubelet holds when it validates its configuration.

use super::quantities::nanoseconds;
use crate::base::{Finding, KubeMinor, Severity};
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// When unused images are collected.
pub(super) fn image_collection(subject: &Subject<'_>) -> Vec<Finding> {
    const HIGH: &str = "imageGCHighThresholdPercent";
    const LOW: &str = "imageGCLowThresholdPercent";
    const ID: &str = "kubelet/image-collection";
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    let high = kubelet.number(HIGH).unwrap_or(85);
    let low = kubelet.number(LOW).unwrap_or(80);
    if low >= high {
        let message = format!("images are collected from {high} % down to {low} %, which is not less");
        findings.push(
            kubelet
                .clash(ID, message, &[HIGH, LOW])
                .hint("keep the low threshold below the high one"),
        );
    }
    let youngest = kubelet.duration("imageMinimumGCAge").unwrap_or(120_000_000_000);
    if let Some(oldest) = kubelet.duration("imageMaximumGCAge")
        && oldest > 0
        && oldest <= youngest
    {
        let message = "`imageMaximumGCAge` must be more than `imageMinimumGCAge` (2m unless set)";
        let finding = kubelet.clash(ID, message, &["imageMaximumGCAge", "imageMinimumGCAge"]);
        findings.push(finding.hint("0s collects by disk use alone"));
    }
    findings
}

/// How many images are pulled at once.
pub(super) fn image_pulls(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let several = kubelet.number("maxParallelImagePulls").is_some_and(|pulls| pulls > 1);
    // Left out, serializeImagePulls follows maxParallelImagePulls.
    if !several || !kubelet.truth("serializeImagePulls", false) {
        return Vec::new();
    }
    let message = "one image at a time (`serializeImagePulls`) and several at once (`maxParallelImagePulls`)";
    let finding = kubelet.clash(
        "kubelet/image-pulls",
        message,
        &["serializeImagePulls", "maxParallelImagePulls"],
    );
    vec![finding.hint("set `serializeImagePulls: false`, or `maxParallelImagePulls: 1`")]
}

/// The list of images that are never verified belongs to one policy.
pub(super) fn image_allowlist(subject: &Subject<'_>) -> Vec<Finding> {
    const LIST: &str = "preloadedImagesVerificationAllowlist";
    const POLICY: &str = "imagePullCredentialsVerificationPolicy";
    const WANTED: &str = "NeverVerifyAllowlistedImages";
    let kubelet = subject.kubelet();
    let listed = kubelet.at(LIST).is_some_and(|list| !list.items().is_empty());
    if !listed || kubelet.text(POLICY) == Some(WANTED) {
        return Vec::new();
    }
    let message = format!("`{LIST}` is for the policy {WANTED} only");
    let finding = kubelet.clash("kubelet/image-allowlist", message, &[LIST, POLICY]);
    vec![finding.hint(format!("set `{POLICY}: {WANTED}`, or leave the list out"))]
}

/// How long pods are given when the machine shuts down.
pub(super) fn shutdown(subject: &Subject<'_>) -> Vec<Finding> {
    const ALL: &str = "shutdownGracePeriod";
    const CRITICAL: &str = "shutdownGracePeriodCriticalPods";
    const PRIORITY: &str = "shutdownGracePeriodByPodPriority";
    const ID: &str = "kubelet/shutdown";
    let kubelet = subject.kubelet();
    let all = kubelet.duration(ALL).unwrap_or(0);
    let critical = kubelet.duration(CRITICAL).unwrap_or(0);
    let mut findings = Vec::new();
    if critical > all {
        let message = format!("`{CRITICAL}` is a part of `{ALL}`, and longer than it");
        let hint = "raise the whole, or lower the part; 0s for both waits for no pod";
        findings.push(kubelet.clash(ID, message, &[CRITICAL, ALL]).hint(hint));
    }
    let by_priority = kubelet.at(PRIORITY).is_some_and(|list| !list.items().is_empty());
    if by_priority && (all > 0 || critical > 0) {
        let message = format!("`{PRIORITY}` and `{ALL}` exclude each other");
        let hint = format!("set `{ALL}` and `{CRITICAL}` to 0s beside it");
        findings.push(kubelet.clash(ID, message, &[PRIORITY, ALL, CRITICAL]).hint(hint));
    }
    findings
}

/// A kubelet that runs its static pods and leaves.
pub(super) fn run_once(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    if !kubelet.truth("runOnce", false) {
        return Vec::new();
    }
    let message = "with `runOnce` the kubelet registers no node: it exits";
    vec![
        kubelet
            .clash("kubelet/run-once", message, &["runOnce"])
            .hint("leave it out"),
    ]
}

/// Logs of the machine through the kubelet's API.
pub(super) fn log_query(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    if !kubelet.truth("enableSystemLogQuery", false) || kubelet.truth("enableSystemLogHandler", true) {
        return Vec::new();
    }
    let message = "`enableSystemLogQuery` needs `enableSystemLogHandler`";
    let finding = kubelet.clash(
        "kubelet/log-query",
        message,
        &["enableSystemLogQuery", "enableSystemLogHandler"],
    );
    vec![finding.hint("turn both on, or leave both out")]
}

/// Where the logs of pods lie.
pub(super) fn pod_logs_folder(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let Some(path) = kubelet.text("podLogsDir") else {
        return Vec::new();
    };
    let clean = path == "/"
        || path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
    if clean && path.is_ascii() {
        return Vec::new();
    }
    let message = "`podLogsDir` must be an absolute path in ASCII, without `//`, `.`, `..` and a slash at the end";
    let finding = kubelet.clash("kubelet/pod-logs-dir", message, &["podLogsDir"]);
    vec![finding.hint("the default is /var/log/pods")]
}

/// Which minor's hidden metrics are shown.
pub(super) fn hidden_metrics(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let Some(shown) = kubelet.said("showHiddenMetricsForVersion") else {
        return Vec::new();
    };
    let previous = shown
        .parse::<KubeMinor>()
        .is_ok_and(|shown| shown.behind(kubelet.minor) == 1);
    if previous {
        return Vec::new();
    }
    let message = format!(
        "`showHiddenMetricsForVersion` must be the minor before {}",
        kubelet.minor
    );
    let finding = kubelet.clash("kubelet/hidden-metrics", message, &["showHiddenMetricsForVersion"]);
    vec![finding.hint("leave it out: it is for the time after an upgrade")]
}

/// What the kubelet writes about itself.
pub(super) fn logging(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let by_file = kubelet.at("logging.vmodule").map(Node::items).unwrap_or_default();
    if by_file.is_empty() || kubelet.text("logging.format").is_none_or(|format| format == "text") {
        return Vec::new();
    }
    let message = "`logging.vmodule` works with the format `text` only";
    let finding = kubelet.clash("kubelet/logging", message, &["logging.vmodule", "logging.format"]);
    vec![finding.hint("leave `vmodule` out, or `format`")]
}

/// How often the node's status is written.
pub(super) fn status_frequency(subject: &Subject<'_>) -> Vec<Finding> {
    const UPDATE: &str = "nodeStatusUpdateFrequency";
    let kubelet = subject.kubelet();
    let usual = nanoseconds("5m").unwrap_or_default();
    if kubelet.duration(UPDATE).is_none_or(|update| update >= usual)
        || kubelet.at("nodeStatusReportFrequency").is_some()
    {
        return Vec::new();
    }
    let message = format!("with `{UPDATE}` set, an unchanged status is written that often too, not every five minutes");
    let mut finding = kubelet.clash("kubelet/status-frequency", message, &[UPDATE]);
    finding.severity = Severity::Warning;
    vec![finding.hint("set `nodeStatusReportFrequency: 5m` beside it")]
}
