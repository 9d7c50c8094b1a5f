//! Labels and taints the node registers with.

use crate::base::{Finding, LabelKey, LabelValue};
use crate::plan::may_label_itself;
use crate::syntax::yaml::Node;
use crate::verify::Subject;

/// Labels that the kubelet or the API server refuses.
pub(super) fn labels(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/node-labels";
    let kubelet = subject.kubelet();
    let user = subject.plan.spec.node().map_or(&[][..], |node| &node.kubelet.labels);
    let told = |key: &str| user.iter().any(|(label, _)| label.value.as_str() == key);
    let mut findings = Vec::new();
    for (word, place) in &kubelet.words {
        let Some(flag) = word.strip_prefix("--node-labels=").filter(|flag| !flag.is_empty()) else {
            continue;
        };
        let mut seen: Vec<&str> = Vec::new();
        for pair in flag.split(',') {
            let wrong = match pair.split_once('=') {
                None => Some(format!("`{pair}` of --node-labels is no `key=value`")),
                Some((key, value)) => {
                    let twice = seen.contains(&key);
                    seen.push(key);
                    match (key.parse::<LabelKey>(), value.parse::<LabelValue>()) {
                        (Err(why), _) | (_, Err(why)) => Some(why),
                        // What the user wrote, the plan has looked at.
                        (Ok(label), _) if !may_label_itself(key, label.domain()) && !told(key) => {
                            Some(format!("a node may not give itself the label `{key}`"))
                        }
                        _ if twice => Some(format!("--node-labels sets `{key}` twice")),
                        _ => None,
                    }
                }
            };
            let hint = "use your own domain, node.kubernetes.io/… or kubelet.kubernetes.io/…, each once";
            findings.extend(wrong.map(|message| Finding::error(ID, message, place).hint(hint)));
        }
    }
    findings
}

/// Taints that the kubelet or the API server refuses.
pub(super) fn taints(subject: &Subject<'_>) -> Vec<Finding> {
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    // Those of `kubelet.taints` the plan has looked at.
    let spec = subject.plan.spec.node();
    let has_own = spec.is_some_and(|spec| !spec.kubelet.taints.is_empty());
    let told = |node: &Node| kubelet.is_ours(&node.place) && has_own;
    for taint in kubelet.at("registerWithTaints").map(Node::items).unwrap_or_default() {
        let field = |key: &str| taint.get(key).filter(|node| !node.is_null() && kubelet.is_sound(node));
        let mut wrong = |node: Option<&Node>, message: String, hint: &str| {
            let place = &node.unwrap_or(taint).place;
            findings.push(Finding::error("kubelet/taint", message, place).hint(hint));
        };
        let key = field("key").and_then(Node::text).unwrap_or_default();
        if let Err(why) = key.parse::<LabelKey>() {
            wrong(field("key"), why, "a taint has `key`, `effect` and often `value`");
        }
        if let Some(Err(why)) = field("value").and_then(Node::text).map(str::parse::<LabelValue>) {
            wrong(field("value"), why, "leave `value` out if there is none");
        }
        if field("timeAdded").is_some() {
            let message = "a taint is registered without `timeAdded`".into();
            wrong(field("timeAdded"), message, "the API server writes it; leave it out");
        }
        let Some(effect) = taint
            .get("effect")
            .and_then(Node::text)
            .filter(|effect| !effect.is_empty())
        else {
            wrong(
                None,
                format!("taint `{key}` has no `effect`"),
                "NoSchedule, PreferNoSchedule or NoExecute",
            );
            continue;
        };
        if seen.contains(&(key, effect)) && !told(taint) {
            wrong(
                field("key"),
                format!("taint `{key}` with this effect is given twice"),
                "leave one out",
            );
        }
        seen.push((key, effect));
    }
    findings
}
