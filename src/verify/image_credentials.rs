//! The kubelet's image credential providers: a `CredentialProviderConfig`, and the programs it names.

use std::collections::BTreeSet;

use super::documents::{self, brought, strangers, text};
use super::kubelet::{flag_value, nanoseconds};
use super::{Check, Subject};
use crate::base::{Finding, KubeMinor, Severity};
use crate::catalog::Plane;
use crate::syntax::yaml::{Kind, Node};
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "image-credentials/form",
        severity: Severity::Error,
        summary: "A CredentialProviderConfig has what the kubelet asks for, and nothing else",
        reason: "The kubelet does not start with one it cannot read: version, kind, a cache duration and an API version for every provider (kubernetes/kubernetes pkg/credentialprovider/plugin/config.go).",
        run: Some(form),
    },
    Check {
        id: "image-credentials/program",
        severity: Severity::Error,
        summary: "A credential provider's name is a program in the kubelet's folder of them",
        reason: "The name is the file's name in --image-credential-provider-bin-dir; the kubelet exits where it is missing or has a slash (pkg/credentialprovider/plugin/plugin.go).",
        run: Some(programs),
    },
    Check {
        id: "image-credentials/images",
        severity: Severity::Error,
        summary: "Patterns of images are hosts, with stars for whole labels",
        reason: "A star stands for one label of the host and for nothing in port or path; a pattern that cannot be parsed stops the kubelet, one that matches nothing leaves the pull without credentials (k8s.io/kubelet config/v1 types.go matchImages).",
        run: Some(images),
    },
    Check {
        id: "image-credentials/token",
        severity: Severity::Error,
        summary: "Tokens of service accounts are asked for as this kubelet can give them",
        reason: "tokenAttributes needs its feature gate, API version v1, an audience, a kind of cache and a word on pods without a service account (pkg/credentialprovider/plugin/config.go).",
        run: Some(tokens),
    },
];

const CONFIG_VERSIONS: [&str; 3] = [
    "kubelet.config.k8s.io/v1",
    "kubelet.config.k8s.io/v1beta1",
    "kubelet.config.k8s.io/v1alpha1",
];
const PLUGIN_VERSIONS: [&str; 3] = [
    "credentialprovider.kubelet.k8s.io/v1",
    "credentialprovider.kubelet.k8s.io/v1beta1",
    "credentialprovider.kubelet.k8s.io/v1alpha1",
];
const KEYS: [&str; 7] = [
    "name",
    "matchImages",
    "defaultCacheDuration",
    "apiVersion",
    "args",
    "env",
    "tokenAttributes",
];
const TOKEN_KEYS: [&str; 5] = [
    "serviceAccountTokenAudience",
    "cacheType",
    "requireServiceAccount",
    "requiredServiceAccountAnnotationKeys",
    "optionalServiceAccountAnnotationKeys",
];

/// Every configuration of credential providers: what the kubelet is told to read, and what says that it is one.
fn configurations<'s>(subject: &'s Subject<'_>) -> Vec<(&'s Entry, &'s Node)> {
    let named = flag_value(subject, "image-credential-provider-config").unwrap_or_default();
    documents::plane(subject, Plane::Node)
        .filter(|(entry, node)| {
            // Newer kubelets take a folder, too.
            let asked_for = entry.path.as_str() == named || (!named.is_empty() && entry.path.is_below(&named));
            asked_for || text(node, "kind") == Some("CredentialProviderConfig")
        })
        .collect()
}

fn providers<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = &'s Node> {
    let lists = configurations(subject)
        .into_iter()
        .filter_map(|(_, node)| node.get("providers"));
    lists.flat_map(Node::items)
}

fn form(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "image-credentials/form";
    let mut findings = Vec::new();
    for (entry, node) in configurations(subject) {
        let what = "a CredentialProviderConfig";
        findings.extend(strangers(ID, node, what, &["apiVersion", "kind", "providers"]));
        let version = text(node, "apiVersion").unwrap_or_default();
        if !CONFIG_VERSIONS.contains(&version) || text(node, "kind") != Some("CredentialProviderConfig") {
            let message = format!("{} does not say that it is a CredentialProviderConfig", entry.path);
            let hint = "apiVersion: kubelet.config.k8s.io/v1, kind: CredentialProviderConfig";
            findings.push(Finding::error(ID, message, &node.place).hint(hint));
        }
        let list = node.get("providers");
        if list.is_none_or(|list| list.items().is_empty()) {
            let message = format!("{} has no providers", entry.path);
            findings.push(Finding::error(
                ID,
                message,
                list.map_or(&node.place, |list| &list.place),
            ));
        }
        for provider in list.map(Node::items).unwrap_or_default() {
            findings.extend(strangers(ID, provider, "a credential provider", &KEYS));
            findings.extend(provider_form(provider));
        }
    }
    findings
}

fn provider_form(provider: &Node) -> Vec<Finding> {
    const ID: &str = "image-credentials/form";
    let mut findings = Vec::new();
    let mut wrong = |key: &str, message: String, hint: &str| {
        let place = provider.get(key).map_or(&provider.place, |node| &node.place);
        findings.push(Finding::error(ID, message, place).hint(hint));
    };
    let version = text(provider, "apiVersion").unwrap_or_default();
    if !PLUGIN_VERSIONS.contains(&version) {
        let message = format!("`{version}` is no version of the credential provider API");
        wrong("apiVersion", message, PLUGIN_VERSIONS[0]);
    }
    let cache = text(provider, "defaultCacheDuration").unwrap_or_default();
    if nanoseconds(cache).is_none_or(|cache| cache < 0) {
        let message = "a credential provider needs `defaultCacheDuration`, 0s or more".to_owned();
        wrong("defaultCacheDuration", message, "such as 12h");
    }
    if provider.get("args").is_some_and(|args| {
        !matches!(args.kind, Kind::List(_)) || args.items().iter().any(|item| item.text().is_none())
    }) {
        wrong("args", "`args` is a list of words".into(), "such as [--flag, value]");
    }
    let env = provider.get("env");
    let pairs = env.map(Node::items).unwrap_or_default();
    let is_pair = |pair: &Node| {
        let named = text(pair, "name").is_some_and(|name| !name.is_empty());
        named && text(pair, "value").is_some() && pair.entries().len() == 2
    };
    if env.is_some_and(|env| !matches!(env.kind, Kind::List(_))) || pairs.iter().any(|pair| !is_pair(pair)) {
        let message = "`env` is a list of `name` and `value`, both text".to_owned();
        wrong("env", message, "such as [{ name: AWS_PROFILE, value: node }]");
    }
    findings
}

fn programs(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "image-credentials/program";
    let folder = flag_value(subject, "image-credential-provider-bin-dir").unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for provider in providers(subject) {
        let name = text(provider, "name").unwrap_or_default();
        let place = provider.get("name").map_or(&provider.place, |node| &node.place);
        if name.is_empty() || name.contains(['/', ' ']) || matches!(name, "." | "..") {
            let message = format!("`{name}` is not the name of a file");
            let hint = "the program's name in the kubelet's folder, without a path";
            findings.push(Finding::error(ID, message, place).hint(hint));
            continue;
        }
        if !seen.insert(name.to_owned()) {
            findings.push(Finding::error(ID, format!("`{name}` is configured twice"), place));
        }
        if !folder.is_empty() && !brought(subject, &format!("{folder}/{name}")) {
            let message = format!("nothing brings the program {folder}/{name}");
            findings.push(Finding::error(ID, message, place).hint("add its artifact to the image, or the file"));
        }
    }
    findings
}

fn images(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "image-credentials/images";
    let mut findings = Vec::new();
    for provider in providers(subject) {
        let list = provider.get("matchImages");
        let patterns = list.map(Node::items).unwrap_or_default();
        if patterns.is_empty() {
            let place = list.map_or(&provider.place, |list| &list.place);
            let finding = Finding::error(ID, "a credential provider is asked for no image", place);
            findings.push(finding.hint("list hosts in `matchImages`, such as *.dkr.ecr.*.amazonaws.com"));
        }
        for node in patterns {
            let pattern = node.text().unwrap_or_default();
            if let Some(why) = wrong_pattern(pattern) {
                findings.push(Finding::error(ID, format!("`{pattern}` {why}"), &node.place));
            }
        }
    }
    findings
}

/// Why the kubelet cannot match with `pattern`, or never would.
fn wrong_pattern(pattern: &str) -> Option<&'static str> {
    if pattern.is_empty() || pattern.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("is no pattern of images");
    }
    if pattern.contains("://") {
        return Some("has a scheme: patterns begin with the host");
    }
    let (authority, path) = pattern.split_once('/').unwrap_or((pattern, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    if port.parse::<u16>().is_err() {
        return Some("has a port that is no number: stars do not work there");
    }
    if path.contains('*') {
        return Some("has a star in its path: the path is a plain beginning, stars work in the host");
    }
    if host == "*" {
        return Some("is a host of one label: no registry has such a name");
    }
    let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*');
    let labels = host.split('.');
    (!labels
        .into_iter()
        .all(|label| !label.is_empty() && label.chars().all(tame)))
    .then_some("has no host's name")
}

fn tokens(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "image-credentials/token";
    const GATE: &str = "KubeletServiceAccountTokenForCredentialProviders";
    let mut findings = Vec::new();
    for provider in providers(subject) {
        let Some(attributes) = provider.get("tokenAttributes") else {
            continue;
        };
        findings.extend(strangers(ID, attributes, "tokenAttributes", &TOKEN_KEYS));
        let mut wrong = |message: &str, hint: &str| {
            findings.push(Finding::error(ID, message, &attributes.place).hint(hint));
        };
        if !subject.kubelet().has_gate(GATE, subject.catalog) {
            wrong(
                &format!("`tokenAttributes` needs the feature gate {GATE}, which is off"),
                "it is there from kubelet 1.33 on, and on from 1.34",
            );
        }
        if text(provider, "apiVersion") != Some(PLUGIN_VERSIONS[0]) {
            wrong(
                "`tokenAttributes` needs the provider's API version v1",
                PLUGIN_VERSIONS[0],
            );
        }
        if text(attributes, "serviceAccountTokenAudience").is_none_or(str::is_empty) {
            wrong(
                "a token needs `serviceAccountTokenAudience`",
                "such as sts.amazonaws.com",
            );
        }
        let minor = subject.plan.minor();
        let cached = matches!(text(attributes, "cacheType"), Some("Token" | "ServiceAccount"));
        // The kind of cache came with the beta.
        if !cached && minor >= KubeMinor::new(34) {
            wrong("`cacheType` must be Token or ServiceAccount", "Token is the safe one");
        }
        if !matches!(text(attributes, "requireServiceAccount"), Some("true" | "false")) {
            wrong(
                "`requireServiceAccount` must be said",
                "true, or false for pods without one",
            );
        }
        let asked = attributes.get("requiredServiceAccountAnnotationKeys");
        if asked.is_some_and(|keys| !keys.items().is_empty())
            && text(attributes, "requireServiceAccount") != Some("true")
        {
            wrong(
                "required annotations need `requireServiceAccount: true`",
                "leave them out, or require the account",
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_images() {
        for good in [
            "*.dkr.ecr.*.amazonaws.com",
            "public.ecr.aws",
            "registry.example:5000/team",
            "*.*.registry.io:8080/path",
            "localhost",
            "app-*.example.com",
        ] {
            assert_eq!(wrong_pattern(good), None, "{good}");
        }
        for bad in [
            "",
            "*",
            "https://x.io",
            "x.io:*",
            "x.io/a*",
            "x..io",
            "a b",
            ".io",
            "x.io:99999",
        ] {
            assert!(wrong_pattern(bad).is_some(), "{bad}");
        }
    }
}
