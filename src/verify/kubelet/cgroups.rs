//! Control groups and swap.

use crate::base::{Finding, KubeMinor, Severity};
use crate::verify::Subject;

/// From this minor on the kubelet refuses cgroup v1 unless told otherwise.
const REFUSES_V1: KubeMinor = KubeMinor::new(35);

/// What does not work on an image with cgroup v1.
pub(super) fn version_one(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/cgroup-v1";
    let kubelet = subject.kubelet();
    if subject.plan.image.cgroup != 1 {
        return Vec::new();
    }
    let image = &subject.plan.spec.image.place;
    let has_v1 = |finding: Finding| finding.note(image, "this image has cgroup v1");
    let mut findings = Vec::new();
    if kubelet.truth("failCgroupV1", kubelet.minor >= REFUSES_V1) {
        let message = format!("kubelet {} would refuse to start on cgroup v1", kubelet.minor);
        let finding = kubelet.clash(ID, message, &["failCgroupV1"]);
        findings.push(has_v1(finding).hint("take an image with cgroup v2, or set `failCgroupV1: false`"));
    }
    if kubelet.at("singleProcessOOMKill").is_some() && !kubelet.truth("singleProcessOOMKill", true) {
        let message = "`singleProcessOOMKill: false` needs cgroup v2";
        let finding = kubelet.clash(ID, message, &["singleProcessOOMKill"]);
        findings.push(has_v1(finding).hint("leave it out"));
    }
    if kubelet.text("memorySwap.swapBehavior") == Some("LimitedSwap") {
        let message = "`swapBehavior: LimitedSwap` needs cgroup v2";
        let finding = kubelet.clash(ID, message, &["memorySwap.swapBehavior"]);
        findings.push(has_v1(finding).hint("leave it out"));
    }
    findings
}

/// Swap for pods on a machine that has none.
pub(super) fn swap(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let wanted = kubelet
        .said("memorySwap.swapBehavior")
        .is_some_and(|word| word != "NoSwap");
    if !wanted || subject.plan.image.cgroup == 1 {
        return Vec::new();
    }
    let message = "pods are promised swap, and first boot turns all swap off";
    let mut finding = kubelet.clash("kubelet/swap", message, &["memorySwap.swapBehavior"]);
    finding.severity = Severity::Warning;
    vec![finding.hint("leave `memorySwap` out")]
}

/// The cgroup below which the others are made.
pub(super) fn root(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    if kubelet.said("systemCgroups").is_none() || kubelet.said("cgroupRoot").is_some() {
        return Vec::new();
    }
    let message = "`systemCgroups` needs a `cgroupRoot`";
    let finding = kubelet.clash("kubelet/cgroup-root", message, &["systemCgroups", "cgroupRoot"]);
    vec![finding.hint("leave `cgroupRoot` as it is: /")]
}
