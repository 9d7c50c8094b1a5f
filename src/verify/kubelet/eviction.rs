//! Eviction: when pods must go because the machine runs out of something.

use crate::base::{Finding, Place, Severity, quantity_value};
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// What the kubelet watches without being told (`pkg/kubelet/apis/config/v1beta1` defaults for Linux).
const DEFAULT_SIGNALS: [&str; 5] = [
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
];

/// A percentage as the kubelet reads one.
fn percent(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%')?.trim_end_matches('%');
    number.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Whether a threshold turns its signal off.
fn is_off(text: &str) -> bool {
    matches!(text, "0%" | "100%")
}

/// Thresholds and reclaims that the kubelet cannot read.
pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    for (map, may_be_zero) in [
        ("evictionHard", false),
        ("evictionSoft", false),
        ("evictionMinimumReclaim", true),
    ] {
        for entry in kubelet.entries(map) {
            let Some(text) = entry.value.text() else { continue };
            let good = if text.ends_with('%') {
                // A reclaim of 0 % is refused, a threshold of 0 % is off; a reclaim has no upper end.
                percent(text).is_some_and(|share| {
                    if may_be_zero {
                        share > 0.0
                    } else {
                        (0.0..=100.0).contains(&share)
                    }
                })
            } else {
                quantity_value(text).is_some_and(|amount| amount > 0 || may_be_zero)
            };
            if !good {
                let range = if may_be_zero { "1% or more" } else { "0% to 100%" };
                let message = format!(
                    "`{}: {text}` of `{map}` is neither {range} nor an amount such as 500Mi",
                    entry.key
                );
                findings.push(
                    Finding::error("kubelet/eviction-value", message, &entry.value.place).hint(if may_be_zero {
                        "leave it out to reclaim nothing more"
                    } else {
                        "0% turns a signal off"
                    }),
                );
            }
        }
    }
    findings
}

/// Soft thresholds without the time they are given.
pub(super) fn grace(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let soft = kubelet.entries("evictionSoft");
    let missing = soft
        .filter(|entry| !entry.value.text().is_some_and(is_off))
        .filter(|entry| {
            let given = kubelet
                .config
                .get("evictionSoftGracePeriod")
                .and_then(|map| map.get(&entry.key));
            given.is_none_or(Node::is_null)
        });
    missing
        .map(|entry| {
            let message = format!("soft threshold `{}` has no grace period", entry.key);
            Finding::error("kubelet/eviction-grace", message, &entry.key_place)
                .hint(format!("add `evictionSoftGracePeriod: {{ {}: 1m30s }}`", entry.key))
        })
        .collect()
}

/// Signals that nobody watches any more because others were set.
pub(super) fn unwatched(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let filled = kubelet
        .at("mergeDefaultEvictionSettings")
        .is_some_and(|node| kubelet.is_ours(&node.place) && node.text() == Some("true"));
    let map = kubelet.config.get("evictionHard");
    // Without our map or with one that is none the other rules speak.
    if filled || map.is_some_and(|map| map.text().is_some() && !map.is_null()) {
        return Vec::new();
    }
    let watched = |signal: &&str| {
        map.and_then(|map| map.get(signal))
            .and_then(Node::text)
            .is_some_and(|text| !text.is_empty() && !is_off(text))
    };
    let missing: Vec<&str> = DEFAULT_SIGNALS.into_iter().filter(|signal| !watched(signal)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    // A null is gone from the configuration in effect: the user's own map still has its place.
    let user = subject.plan.spec.node().and_then(|node| node.kubelet.config.as_ref());
    let place: Option<&Place> = user
        .and_then(|config| config.get("evictionHard"))
        .or(map)
        .map(|node| &node.place);
    let message = format!(
        "nothing is evicted for {}: the default is 0 once any signal is set",
        missing.join(", ")
    );
    let finding = Finding::new(Severity::Warning, "kubelet/eviction-unwatched", message).maybe_at(place);
    vec![finding.hint("set every signal; mergeDefaultEvictionSettings fills in before drop-ins are read, not after")]
}

/// Signals that are accepted and ignored.
pub(super) fn ignored(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let maps = ["evictionHard", "evictionSoft"];
    let all = maps.into_iter().flat_map(|map| kubelet.entries(map));
    all.filter(|entry| entry.key.starts_with("containerfs."))
        .map(|entry| {
            let message = format!(
                "the kubelet sets `{}` itself, from nodefs or imagefs, and ignores this",
                entry.key
            );
            Finding::warning("kubelet/eviction-ignored", message, &entry.key_place).hint("leave it out")
        })
        .collect()
}
