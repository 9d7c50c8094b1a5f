//! The kubelet's command line, and the folder of drop-ins it names.

use std::net::IpAddr;

use crate::base::{Finding, KubeMinor, Place, Severity};
use crate::catalog::{Flag, Plane};
use crate::syntax::yaml;
use crate::verify::{Subject, documents};

use super::DROP_IN;
use super::layers::is_drop_in;

/// Until this minor drop-ins must be asked for by a variable (KEP-3983).
const DROP_INS_WITHOUT_ASKING: KubeMinor = KubeMinor::new(30);
/// The variable.
const DROP_IN_VARIABLE: &str = "KUBELET_CONFIG_DROPIN_DIR_ALPHA";

/// The flags of the command line: name, value if there is one, place.
fn given<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (&'s str, Option<&'s str>, &'s Place)> {
    let words = subject.kubelet().words.iter().skip(1);
    words.filter_map(|(word, place)| {
        let rest = word.strip_prefix("--")?;
        Some(match rest.split_once('=') {
            Some((name, value)) => (name, Some(value), place),
            None => (rest, None, place),
        })
    })
}

/// Flags that this kubelet does not know, and words that are none.
pub(super) fn names(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/flag";
    let minor = subject.kubelet().minor;
    let words = subject.kubelet().words.iter().skip(1);
    let strays = words.filter(|(word, _)| !word.starts_with("--"));
    let mut findings: Vec<Finding> = strays
        .map(|(word, place)| Finding::error(ID, format!("`{word}` is no flag"), place).hint("write --name=value"))
        .collect();
    for (name, value, place) in given(subject) {
        let flag = match subject.catalog.kubelet_flag(name) {
            Ok(flag) => flag,
            Err(report) => return report.into_iter().collect(),
        };
        let wrong = match flag.as_ref() {
            None => Some(format!("kubelet {minor} has no flag --{name}")),
            Some(flag) => wrong_use(flag, value, minor),
        };
        findings.extend(wrong.map(|message| Finding::error(ID, message, place)));
    }
    findings
}

fn wrong_use(flag: &Flag, value: Option<&str>, minor: KubeMinor) -> Option<String> {
    let name = &flag.name;
    match (flag.since, flag.removed) {
        (Some(since), _) if since > minor => return Some(format!("--{name} came with {since}, this is {minor}")),
        (_, Some(removed)) if removed <= minor => {
            return Some(format!("--{name} was removed in {removed}, kubelet {minor} exits"));
        }
        _ => {}
    }
    match (flag.switch, value) {
        (false, None) => Some(format!("--{name} needs a value, as --{name}=…")),
        (true, Some(value)) if !matches!(value, "true" | "false") => {
            Some(format!("--{name} is true or false, not `{value}`"))
        }
        _ => None,
    }
}

/// A flag that is given again, and wins in silence.
pub(super) fn twice(subject: &Subject<'_>) -> Vec<Finding> {
    let mut seen: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for (name, _, place) in given(subject) {
        if seen.contains(&name) {
            let message = format!("--{name} is given twice: the last one wins");
            findings.push(Finding::error("kubelet/flag-twice", message, place).hint("keep one"));
        }
        seen.push(name);
    }
    findings
}

/// Flags without which the kubelet is another program.
pub(super) fn missing(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(entry) = subject.tree.get(Plane::Node, DROP_IN) else {
        return Vec::new();
    };
    let needed = [
        ("config", "it takes defaults that let everybody in"),
        ("kubeconfig", "it never looks for a cluster"),
    ];
    let absent = needed.into_iter().filter(|(name, _)| {
        let value = subject.kubelet().flag(name);
        value.is_none_or(str::is_empty)
    });
    absent
        .map(|(name, why)| {
            let message = format!("the kubelet has no --{name}: {why}");
            Finding::error("kubelet/flag-missing", message, &entry.origin)
        })
        .collect()
}

/// Two flags of which one is useless alone, and words that a flag does not take.
pub(super) fn values(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/flag-value";
    let pair = ["image-credential-provider-config", "image-credential-provider-bin-dir"];
    let mut findings = Vec::new();
    for (name, value, place) in given(subject) {
        if let Some(at) = pair.iter().position(|flag| *flag == name) {
            let other = pair[1 - at];
            if subject.kubelet().flag(other).is_none_or(str::is_empty) {
                let message = format!("--{name} needs --{other} beside it");
                findings.push(Finding::error(ID, message, place).hint("give both, or none"));
            }
        }
        if name == "cloud-provider" && !matches!(value, None | Some("" | "external")) {
            let message = format!(
                "--cloud-provider is empty or `external`, not `{}`",
                value.unwrap_or_default()
            );
            findings.push(Finding::error(ID, message, place).hint("leave it out"));
        }
    }
    findings
}

/// Addresses that the kubelet refuses as its own. That a satellite's is on its dummy interface is `network/address`.
pub(super) fn node_ip(subject: &Subject<'_>) -> Vec<Finding> {
    let book = &subject.plan.book;
    let text = |path: &str| {
        book.get(path)
            .and_then(|value| value.value().as_str())
            .unwrap_or_default()
    };
    if !text("network.interface").is_empty() {
        return Vec::new();
    }
    let planned = text("identity.nodeIp");
    given(subject)
        .filter(|(name, ..)| *name == "node-ip")
        .filter_map(|(_, value, place)| {
            let value = value?;
            let message = wrong_node_ip(value)
                .or_else(|| (value != planned).then(|| format!("--node-ip is {value}, the plan says {planned}")))?;
            Some(Finding::error("kubelet/node-ip", message, place).hint(format!("it is {planned}")))
        })
        .collect()
}

/// What the kubelet has against a value of --node-ip.
fn wrong_node_ip(value: &str) -> Option<String> {
    let mut addresses = Vec::new();
    for part in value.split(',') {
        let Ok(address) = part.parse::<IpAddr>() else {
            return Some(format!("--node-ip: `{part}` is no address"));
        };
        let link_local = match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        if address.is_loopback() || address.is_multicast() || link_local {
            return Some(format!("--node-ip: {address} is loopback, link-local or multicast"));
        }
        addresses.push(address);
    }
    let families = addresses.iter().filter(|address| address.is_ipv4()).count();
    let one_each = addresses.len() == 1 || (addresses.len() == 2 && families == 1);
    if !one_each || (addresses.len() > 1 && addresses.iter().any(IpAddr::is_unspecified)) {
        return Some("--node-ip takes one address, or one of each family".into());
    }
    None
}

/// Drop-ins that the kubelet would not read, or not as what they are.
pub(super) fn drop_ins(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubelet/drop-in";
    let kubelet = subject.kubelet();
    let mut findings = Vec::new();
    let Some(folder) = kubelet.flag("config-dir").filter(|folder| !folder.is_empty()) else {
        return findings;
    };
    if kubelet.minor < DROP_INS_WITHOUT_ASKING && !has_variable(subject) {
        let message = format!(
            "kubelet {} refuses --config-dir without {DROP_IN_VARIABLE}",
            kubelet.minor
        );
        let place = subject.tree.get(Plane::Node, DROP_IN).map(|entry| &entry.origin);
        let finding = Finding::new(Severity::Error, ID, message).maybe_at(place);
        findings.push(finding.hint("any value turns it on"));
    }
    for entry in subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| entry.path.is_below(folder))
    {
        let path = &entry.path;
        if !is_drop_in(path) {
            let message = format!("{path} is not read: drop-ins end in .conf");
            findings.push(Finding::error(ID, message, &entry.origin).hint("rename it"));
            continue;
        }
        // What is no YAML is told by `file/syntax`.
        let Some(node) = documents::of(subject, entry) else {
            continue;
        };
        let says = |key: &str, word: &str| node.get(key).and_then(yaml::Node::text) == Some(word);
        if !says("kind", "KubeletConfiguration") || !says("apiVersion", "kubelet.config.k8s.io/v1beta1") {
            let message = format!("{path} does not say that it is a KubeletConfiguration: the kubelet exits");
            let hint = "begin it with `apiVersion: kubelet.config.k8s.io/v1beta1` and `kind: KubeletConfiguration`";
            findings.push(Finding::error(ID, message, &entry.origin).hint(hint));
        }
    }
    findings
}

fn has_variable(subject: &Subject<'_>) -> bool {
    let Some(entry) = subject.tree.get(Plane::Node, DROP_IN) else {
        return false;
    };
    let lines = subject.systemd(entry);
    let mut environment = lines
        .assignments
        .iter()
        .filter(|assignment| assignment.key == "Environment");
    environment.any(|assignment| {
        let value = assignment.value.trim_matches('"');
        value
            .strip_prefix(DROP_IN_VARIABLE)
            .and_then(|rest| rest.strip_prefix('='))
            .is_some_and(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_node() {
        for good in ["10.0.0.1", "0.0.0.0", "::", "10.0.0.1,fd00::1"] {
            assert_eq!(wrong_node_ip(good), None, "{good}");
        }
        for bad in [
            "",
            "x",
            "127.0.0.1",
            "::1",
            "169.254.1.1",
            "fe80::1",
            "224.0.0.1",
            "10.0.0.1,10.0.0.2",
            "10.0.0.1,",
            "0.0.0.0,fd00::1",
            "10.0.0.1,fd00::1,fd00::2",
        ] {
            assert!(wrong_node_ip(bad).is_some(), "{bad}");
        }
    }
}
