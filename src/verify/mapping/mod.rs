//! How the cluster takes the node's AWS principal for the node: aws-auth items and access entries.

mod access_entry;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::documents::{self, strangers, text};
use super::{Check, Subject};
use crate::base::{Finding, IamArn, Place, Principal, Severity, Source};
use crate::catalog::Plane;
use crate::syntax::yaml::{self, Kind, Node};
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "mapping/form",
        severity: Severity::Error,
        summary: "An aws-auth item has the keys that the ConfigMap's reader knows",
        reason: "The reader of the ConfigMap knows rolearn or userarn, username and groups; a userid is read from another place only, and an item without an ARN maps nobody (kubernetes-sigs/aws-iam-authenticator pkg/mapper/configmap, pkg/config).",
        run: Some(form),
    },
    Check {
        id: "mapping/principal",
        severity: Severity::Error,
        summary: "The mapped ARN is one that a caller comes with",
        reason: "STS leaves a role's path out of a session's ARN, so a rolearn with a path matches nobody; a session's own ARN is turned into its role's before it is compared (aws-iam-authenticator pkg/arn).",
        run: Some(principals),
    },
    Check {
        id: "mapping/username",
        severity: Severity::Error,
        summary: "The mapped user is a node, by a name that can be filled in",
        reason: "NodeRestriction and the node authorizer know system:node:NAME only. {{EC2PrivateDNSName}} looks an instance up by its id, which a machine outside EC2 does not have: the login fails (aws-iam-authenticator pkg/server).",
        run: Some(usernames),
    },
    Check {
        id: "mapping/groups",
        severity: Severity::Error,
        summary: "The mapped user is in the groups of nodes, and in no other",
        reason: "system:nodes makes the node authorizer look at it, system:bootstrappers lets it ask for certificates; system:masters on a machine outside AWS gives the cluster away.",
        run: Some(groups),
    },
    Check {
        id: "mapping/twice",
        severity: Severity::Error,
        summary: "A principal is mapped once",
        reason: "Items are kept by their ARN in small letters: of two for one principal the last one wins, and the other node is locked out (aws-iam-authenticator pkg/mapper/configmap).",
        run: Some(twice),
    },
    Check {
        id: "mapping/access-entry",
        severity: Severity::Error,
        summary: "The access entry makes a node of the role's session",
        reason: "Only FARGATE_LINUX and HYBRID_LINUX name the node after the session; they take no groups and no username, and a STANDARD entry can never be a node (Amazon EKS, CreateAccessEntry).",
        run: Some(access_entry::forms),
    },
];

/// An item of aws-auth.
struct Item {
    node: Node,
    /// Whether it is of the file of our own: an entry for this very node.
    ours: bool,
}

impl Item {
    fn principal(&self) -> Option<(&'static str, &Node)> {
        ["rolearn", "userarn"]
            .into_iter()
            .find_map(|key| Some((key, self.node.get(key)?)))
    }
}

/// Every item that is mapped: lists of them, and what a whole `ConfigMap` carries as text.
fn items(subject: &Subject<'_>) -> Vec<Item> {
    let mut all = Vec::new();
    for (entry, node) in documents::plane(subject, Plane::Cluster) {
        if matches!(node.kind, Kind::List(_)) {
            let item = |node: &Node| Item {
                node: node.clone(),
                ours: true,
            };
            all.extend(node.items().iter().map(item));
        }
        for (_, list) in sections(entry, node) {
            let item = |node: &Node| Item {
                node: node.clone(),
                ours: false,
            };
            all.extend(list.iter().flat_map(Node::items).map(item));
        }
    }
    all
}

/// The texts of an aws-auth `ConfigMap`, read as YAML; `None` for one that cannot be.
fn sections<'n>(entry: &Entry, node: &'n Node) -> Vec<(&'n Node, Option<Node>)> {
    let named = node.get("metadata").and_then(|metadata| text(metadata, "name"));
    let data = node.get("data");
    let is_mapping = ["mapRoles", "mapUsers"]
        .iter()
        .any(|key| data.is_some_and(|data| data.get(key).is_some()));
    if named.is_some_and(|name| name != "aws-auth") || !is_mapping {
        return Vec::new();
    }
    let texts = ["mapRoles", "mapUsers"]
        .iter()
        .filter_map(|key| data.and_then(|data| data.get(key)));
    texts
        .filter(|text| text.text().is_none_or(|text| !text.trim().is_empty()))
        .map(|held| (held, held.text().and_then(|text| inner(entry, held, text))))
        .collect()
}

/// YAML inside a text. Its places are in the file, where the text is a block.
fn inner(entry: &Entry, held: &Node, text: &str) -> Option<Node> {
    let before = "\n".repeat(held.place.line_column().0.saturating_sub(1));
    let source: Arc<Source> = Source::new(entry.tree_path(), format!("{before}{text}"));
    yaml::parse(&source).ok()
}

const KEYS: [&str; 4] = ["rolearn", "userarn", "username", "groups"];

fn form(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "mapping/form";
    let mut findings = Vec::new();
    for (entry, node) in documents::plane(subject, Plane::Cluster) {
        for (held, _) in sections(entry, node).iter().filter(|(_, list)| list.is_none()) {
            let message = "this text is no YAML: the authenticator drops every mapping in it";
            findings.push(Finding::error(ID, message, &held.place).hint("a block (`|`) with a list of items"));
        }
    }
    for item in items(subject) {
        let node = &item.node;
        let (read, unread): (Vec<_>, Vec<_>) = strangers(ID, node, "an aws-auth item", &KEYS)
            .into_iter()
            .partition(|finding| !finding.message.contains("`userid`"));
        findings.extend(read);
        findings.extend(unread.into_iter().map(|finding| {
            let hint = "nothing reads it from the ConfigMap: map the user by `userarn` in mapUsers";
            Finding { ..finding }.hint(hint)
        }));
        let arns = ["rolearn", "userarn"]
            .iter()
            .filter(|key| node.get(key).is_some())
            .count();
        if arns != 1 {
            let message = format!("an item has one of rolearn and userarn, this one {arns}");
            findings.push(Finding::error(ID, message, &node.place));
        }
    }
    findings
}

fn principals(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "mapping/principal";
    let mut findings = Vec::new();
    for item in items(subject) {
        let Some((key, node)) = item.principal() else { continue };
        let wanted = if key == "rolearn" {
            Principal::Role
        } else {
            Principal::User
        };
        match node.text().unwrap_or_default().parse::<IamArn>() {
            Err(why) => findings.push(Finding::error(ID, why, &node.place)),
            Ok(arn) if arn.principal() != wanted => {
                let message = format!("`{}` is no {}", arn.as_str(), key.trim_end_matches("arn"));
                findings.push(Finding::error(ID, message, &node.place).hint("roles: mapRoles, users: mapUsers"));
            }
            Ok(arn) if wanted == Principal::Role && arn.has_path() => {
                let message = format!("`{}` has a path, which no caller comes with", arn.as_str());
                findings.push(Finding::error(ID, message, &node.place).hint(format!("write {}", arn.without_path())));
            }
            Ok(arn) => {
                let own = expected(subject).filter(|own| item.ours && !own.eq_ignore_ascii_case(arn.as_str()));
                if let Some(own) = own {
                    let message = format!("the node comes as {own}, `{}` is another", arn.as_str());
                    findings.push(Finding::error(ID, message, &node.place));
                }
            }
        }
    }
    findings
}

/// The ARN that the node's calls are made with.
fn expected<'s>(subject: &Subject<'s>) -> Option<&'s str> {
    let book = &subject.plan.book;
    let decided = |path: &str| book.get(path).and_then(|arn| arn.value().as_str());
    decided("credentials.userArn").or_else(|| decided("credentials.mappedRoleArn"))
}

const SESSION: [&str; 2] = ["{{SessionName}}", "{{SessionNameRaw}}"];

fn usernames(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "mapping/username";
    let mut findings = Vec::new();
    for item in items(subject) {
        let node = item.node.get("username");
        let place = node.map_or(&item.node.place, |node| &node.place);
        let name = node.and_then(Node::text).unwrap_or_default();
        let is_node = listed_groups(&item.node).contains(&"system:nodes") || item.ours;
        let Some(of_node) = name.strip_prefix("system:node:") else {
            if is_node {
                let message = format!("`{name}` is no node: its name begins with system:node:");
                findings.push(Finding::error(ID, message, place));
            }
            continue;
        };
        let wrong = if of_node.contains("{{EC2PrivateDNSName}}") {
            item.ours.then_some("asks EC2 for an instance that this machine is not")
        } else if of_node.contains("{{SessionName") {
            (!SESSION.contains(&of_node)).then_some("puts something around the session's name")
        } else if of_node.contains("{{AccountID}}") || of_node.contains("{{AccessKeyID}}") {
            Some("has a part that no node is called by")
        } else if of_node.is_empty() || of_node.chars().any(|c| c.is_ascii_uppercase()) {
            Some("is no node's name: they are written in small letters")
        } else {
            None
        };
        if let Some(why) = wrong {
            let finding = Finding::error(ID, format!("`{name}` {why}"), place);
            findings.push(finding.hint("system:node:NAME, or system:node:{{SessionName}}"));
        }
        if item.ours && SESSION.contains(&of_node) && item.principal().is_some_and(|(key, _)| key == "userarn") {
            let message = "a user's own key has no session whose name could be filled in";
            findings.push(Finding::error(ID, message, place));
        }
    }
    findings
}

fn listed_groups(item: &Node) -> Vec<&str> {
    let groups = item.get("groups").map(Node::items).unwrap_or_default();
    groups.iter().filter_map(Node::text).collect()
}

fn groups(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "mapping/groups";
    let mut findings = Vec::new();
    for item in items(subject) {
        let is_node = item.ours || text(&item.node, "username").is_some_and(|name| name.starts_with("system:node:"));
        if !is_node {
            continue;
        }
        let listed = listed_groups(&item.node);
        let place = item.node.get("groups").map_or(&item.node.place, |node| &node.place);
        for group in ["system:bootstrappers", "system:nodes"] {
            if !listed.contains(&group) {
                let message = format!("a node is in the group {group}");
                findings.push(Finding::error(ID, message, place).hint("groups: [system:bootstrappers, system:nodes]"));
            }
        }
        // What EKS itself adds for Fargate and Windows nodes.
        let usual = [
            "system:bootstrappers",
            "system:nodes",
            "system:node-proxier",
            "eks:kube-proxy-windows",
        ];
        for group in listed.iter().filter(|group| !usual.contains(group)) {
            let message = format!("a node has no business in the group {group}");
            findings.push(Finding::error(ID, message, place));
        }
    }
    findings
}

fn twice(subject: &Subject<'_>) -> Vec<Finding> {
    let mut first: BTreeMap<String, Place> = BTreeMap::new();
    let mut findings = Vec::new();
    for item in items(subject) {
        let Some((_, node)) = item.principal() else { continue };
        let arn = node.text().unwrap_or_default().to_ascii_lowercase();
        if arn.is_empty() {
            continue;
        }
        if let Some(place) = first.get(&arn) {
            let message = format!("`{arn}` is mapped twice: the last one wins");
            let finding = Finding::error("mapping/twice", message, &node.place).note(place, "the first time");
            findings.push(finding.hint("one role for one node, or {{SessionName}} for all of them"));
        } else {
            first.insert(arn, node.place.clone());
        }
    }
    findings
}
