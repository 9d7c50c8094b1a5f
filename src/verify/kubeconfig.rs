//! kubeconfigs: the kubelet's own, and any other that is brought.

use super::documents::{self, strangers, text};
use super::kubelet::flag_value;
use super::{Check, Subject};
use crate::base::{Finding, HttpsUrl, Severity};
use crate::catalog::Plane;
use crate::syntax::yaml::Node;
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "kubeconfig/form",
        severity: Severity::Error,
        summary: "A kubeconfig's contexts, clusters and users name each other",
        reason: "A context that names nothing leaves the client without a server or without a user: it falls back to localhost:8080 or to nobody (k8s.io/client-go tools/clientcmd/validation.go).",
        run: Some(form),
    },
    Check {
        id: "kubeconfig/server",
        severity: Severity::Error,
        summary: "The API server is reached by https and proved by a CA",
        reason: "Without TLS the node's token is readable on the way; without a CA anybody may be the API server. Both ways to give a CA, or one beside insecure-skip-tls-verify, are refused (k8s.io/client-go tools/clientcmd, transport).",
        run: Some(servers),
    },
    Check {
        id: "kubeconfig/exec",
        severity: Severity::Error,
        summary: "The exec plugin is called as this kubelet calls plugins",
        reason: "client.authentication.k8s.io/v1alpha1 is gone since Kubernetes 1.24, v1 wants interactiveMode, the kubelet has no terminal and a bare PATH; the token is signed for one cluster's name (k8s.io/client-go plugin/pkg/client/auth/exec).",
        run: Some(plugins),
    },
    Check {
        id: "kubeconfig/secret",
        severity: Severity::Error,
        summary: "No kubeconfig carries a token, a password or a private key",
        reason: "What is baked stays readable in user-data; the node's token is made anew by the exec plugin.",
        run: Some(inline_secrets),
    },
];

/// A kubeconfig.
struct Config<'s> {
    entry: &'s Entry,
    node: &'s Node,
    /// Whether the kubelet reads it: it has no terminal and no PATH to speak of.
    of_kubelet: bool,
}

fn configs<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = Config<'s>> {
    let kubelets = flag_value(subject, "kubeconfig");
    documents::plane(subject, Plane::Node).filter_map(move |(entry, node)| {
        let of_kubelet = kubelets.as_deref() == Some(entry.path.as_str());
        let says_so = text(node, "kind") == Some("Config") && node.get("clusters").is_some();
        (of_kubelet || says_so).then_some(Config {
            entry,
            node,
            of_kubelet,
        })
    })
}

/// The items of one of the three lists, with their names and what they hold.
fn named<'n>(config: &'n Node, list: &str, inside: &str) -> Vec<(&'n str, &'n Node, Option<&'n Node>)> {
    let items = config.get(list).map(Node::items).unwrap_or_default();
    items
        .iter()
        .map(|item| (text(item, "name").unwrap_or_default(), item, item.get(inside)))
        .collect()
}

const LISTS: [(&str, &str); 3] = [("clusters", "cluster"), ("contexts", "context"), ("users", "user")];
const KEYS: [&str; 8] = [
    "apiVersion",
    "kind",
    "clusters",
    "contexts",
    "users",
    "current-context",
    "preferences",
    "extensions",
];

fn form(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubeconfig/form";
    let mut findings = Vec::new();
    for Config { entry, node, .. } in configs(subject) {
        findings.extend(strangers(ID, node, "a kubeconfig", &KEYS));
        let is = |key, word| text(node, key).is_none_or(|said| said == word);
        if !is("apiVersion", "v1") || !is("kind", "Config") {
            let message = format!("{} is no kubeconfig: apiVersion v1, kind Config", entry.path);
            findings.push(Finding::error(ID, message, &node.place));
        }
        for (list, inside) in LISTS {
            let items = named(node, list, inside);
            for (at, (name, item, held)) in items.iter().enumerate() {
                if name.is_empty() || held.is_none() {
                    let message = format!("an item of `{list}` needs `name` and `{inside}`");
                    findings.push(Finding::error(ID, message, &item.place));
                }
                if items[..at].iter().any(|(other, ..)| other == name) {
                    let message = format!("`{list}` has two items called `{name}`: the first one is taken");
                    findings.push(Finding::error(ID, message, &item.place));
                }
            }
        }
        findings.extend(references(entry, node));
    }
    findings
}

/// Names that lead nowhere.
fn references(entry: &Entry, node: &Node) -> Vec<Finding> {
    const ID: &str = "kubeconfig/form";
    let mut findings = Vec::new();
    let has = |list, inside, name: &str| named(node, list, inside).iter().any(|(other, ..)| *other == name);
    match node.get("current-context") {
        Some(current) if has("contexts", "context", current.text().unwrap_or_default()) => {}
        current => {
            let said = current.and_then(Node::text).unwrap_or_default();
            let message = format!("{}: `current-context` names no context (`{said}`)", entry.path);
            findings.push(Finding::error(
                ID,
                message,
                current.map_or(&node.place, |node| &node.place),
            ));
        }
    }
    for (name, item, context) in named(node, "contexts", "context") {
        for (key, list) in [("cluster", "clusters"), ("user", "users")] {
            let said = context.and_then(|context| context.get(key));
            let word = said.and_then(Node::text).unwrap_or_default();
            if !has(list, key, word) {
                let message = format!("context `{name}` names the {key} `{word}`, which is not in `{list}`");
                findings.push(Finding::error(
                    ID,
                    message,
                    said.map_or(&item.place, |node| &node.place),
                ));
            }
        }
    }
    findings
}

fn servers(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubeconfig/server";
    let mut findings = Vec::new();
    for config in configs(subject) {
        for (_, item, cluster) in named(config.node, "clusters", "cluster") {
            let Some(cluster) = cluster else { continue };
            let mut wrong = |key: &str, message: String, hint: &str| {
                let place = cluster.get(key).map_or(&item.place, |node| &node.place);
                findings.push(Finding::error(ID, message, place).hint(hint));
            };
            let server = text(cluster, "server").unwrap_or_default();
            if let Err(why) = server.parse::<HttpsUrl>() {
                wrong("server", why, "the endpoint of aws eks describe-cluster");
            }
            let file = text(cluster, "certificate-authority").filter(|path| !path.is_empty());
            let data = text(cluster, "certificate-authority-data").filter(|data| !data.is_empty());
            let insecure = text(cluster, "insecure-skip-tls-verify") == Some("true");
            if insecure {
                let message = "`insecure-skip-tls-verify` lets anybody be the API server".to_owned();
                wrong("insecure-skip-tls-verify", message, "give the cluster's CA instead");
            } else if file.is_none() && data.is_none() {
                wrong(
                    "",
                    "the cluster has no CA".into(),
                    "certificate-authority: /etc/kubernetes/pki/ca.crt",
                );
            }
            if file.is_some() && data.is_some() {
                let message = "a CA as a file and as data: only one can be meant".to_owned();
                wrong("certificate-authority-data", message, "keep the file");
            }
            if file.is_some_and(|path| !path.starts_with('/')) && config.of_kubelet {
                let message = "the CA's path is taken from the kubeconfig's folder".to_owned();
                wrong("certificate-authority", message, "write the whole path");
            }
        }
    }
    findings
}

const EXEC_KEYS: [&str; 7] = [
    "apiVersion",
    "command",
    "args",
    "env",
    "interactiveMode",
    "provideClusterInfo",
    "installHint",
];

fn plugins(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "kubeconfig/exec";
    const API: &str = "client.authentication.k8s.io/";
    let mut findings = Vec::new();
    for config in configs(subject) {
        for (_, item, user) in named(config.node, "users", "user") {
            let Some(exec) = user.and_then(|user| user.get("exec")) else {
                if config.of_kubelet {
                    let message = "the kubelet's user has no exec plugin: nothing makes its token";
                    findings.push(Finding::error(ID, message, &item.place));
                }
                continue;
            };
            findings.extend(strangers(ID, exec, "an exec plugin", &EXEC_KEYS));
            let mut wrong = |key: &str, message: String, hint: &str| {
                let place = exec.get(key).map_or(&exec.place, |node| &node.place);
                findings.push(Finding::error(ID, message, place).hint(hint));
            };
            let version = text(exec, "apiVersion").unwrap_or_default();
            if !matches!(version.strip_prefix(API), Some("v1" | "v1beta1")) {
                let message = format!("`{version}` is no version of the exec plugin API");
                wrong(
                    "apiVersion",
                    message,
                    "client.authentication.k8s.io/v1; v1alpha1 was removed in 1.24",
                );
            }
            let mode = text(exec, "interactiveMode");
            match mode {
                None if version.ends_with("/v1") => {
                    wrong(
                        "",
                        "version v1 needs `interactiveMode`".into(),
                        "interactiveMode: Never",
                    );
                }
                None | Some("Never" | "IfAvailable") => {}
                Some("Always") if !config.of_kubelet => {}
                Some("Always") => {
                    let message = "`interactiveMode: Always` waits for a terminal, the kubelet has none".to_owned();
                    wrong("interactiveMode", message, "interactiveMode: Never");
                }
                Some(other) => {
                    let message = format!("`{other}` is no interactiveMode");
                    wrong("interactiveMode", message, "Never, IfAvailable or Always");
                }
            }
            let command = text(exec, "command").unwrap_or_default();
            if command.is_empty() || (config.of_kubelet && !command.starts_with('/')) {
                let message = format!("the exec plugin's command `{command}` is not a whole path");
                wrong("command", message, "the kubelet's PATH is not yours");
            }
            let pairs = exec.get("env").map(Node::items).unwrap_or_default();
            let unnamed = |pair: &Node| text(pair, "name").is_none_or(str::is_empty) || text(pair, "value").is_none();
            if pairs.iter().any(unnamed) {
                wrong(
                    "env",
                    "`env` is a list of `name` and `value`, both text".into(),
                    "put numbers in quotes",
                );
            }
            if let Some(other) = other_cluster(subject, exec).filter(|_| config.of_kubelet) {
                let message = format!("the token is made for the cluster `{other}`, this node's is another");
                wrong(
                    "args",
                    message,
                    "the API server refuses a token that was signed for another name",
                );
            }
        }
    }
    findings
}

/// The cluster's name in a plugin's arguments, if it is not ours.
fn other_cluster<'n>(subject: &Subject<'_>, exec: &'n Node) -> Option<&'n str> {
    let own = subject.plan.book.get("cluster.name")?.value().as_str()?;
    let args: Vec<&str> = exec.get("args")?.items().iter().filter_map(Node::text).collect();
    let named = |word: &str| matches!(word, "--cluster" | "--cluster-name" | "--cluster-id" | "-i");
    let after = args.windows(2).find(|pair| named(pair[0])).map(|pair| pair[1]);
    after.filter(|name| *name != own)
}

fn inline_secrets(subject: &Subject<'_>) -> Vec<Finding> {
    const SECRETS: [&str; 6] = [
        "token",
        "password",
        "client-key-data",
        "client-certificate-data",
        "auth-provider",
        "username",
    ];
    let mut findings = Vec::new();
    for config in configs(subject) {
        for (_, _, user) in named(config.node, "users", "user") {
            for entry in user.map(Node::entries).unwrap_or_default() {
                if SECRETS.contains(&entry.key.as_str()) && !entry.value.is_null() {
                    // The place is the key's: a snippet would print the value.
                    let message = format!("{} carries `{}`", config.entry.path, entry.key);
                    let place = &crate::base::Place::new(&config.entry.origin.source, 0..0);
                    let hint = "use an exec plugin; copy keys to the machine after launch";
                    findings.push(Finding::error("kubeconfig/secret", message, place).hint(hint));
                }
            }
        }
    }
    findings
}
