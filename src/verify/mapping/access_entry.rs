//! The access entry of the node's role.

use crate::base::{Finding, IamArn, Principal};
use crate::catalog::{Naming, Plane};
use crate::verify::Subject;
use crate::verify::documents::{self, strangers, text};

const ENTRY_KEYS: [&str; 7] = [
    "clusterName",
    "principalArn",
    "kubernetesGroups",
    "tags",
    "clientRequestToken",
    "username",
    "type",
];

/// Every document that is the input of `aws eks create-access-entry`.
pub(super) fn forms(subject: &Subject<'_>) -> Vec<Finding> {
    const ID: &str = "mapping/access-entry";
    let plan = subject.plan;
    let mut findings = Vec::new();
    for (_, node) in documents::plane(subject, Plane::Aws) {
        if node.get("principalArn").is_none() {
            continue;
        }
        findings.extend(strangers(ID, node, "CreateAccessEntry", &ENTRY_KEYS));
        let mut wrong = |key: &str, message: String, hint: &str| {
            let place = node.get(key).map_or(&node.place, |node| &node.place);
            findings.push(Finding::error(ID, message, place).hint(hint));
        };
        let wanted = match plan.profile.naming {
            Naming::Hybrid => "HYBRID_LINUX",
            Naming::Satellite => "FARGATE_LINUX",
        };
        let kind = text(node, "type").unwrap_or("STANDARD");
        if kind != wanted {
            let why = match kind {
                "STANDARD" => "a STANDARD entry can never be system:node:NAME".to_owned(),
                "EC2_LINUX" | "EC2_WINDOWS" => format!("{kind} looks an instance up, which this machine is not"),
                _ => format!("`{kind}` is no type for this node"),
            };
            wrong("type", why, wanted);
        }
        for key in ["kubernetesGroups", "username"] {
            if node.get(key).is_some() {
                wrong(
                    key,
                    format!("an entry of type {kind} takes no `{key}`"),
                    "EKS sets it itself",
                );
            }
        }
        if text(node, "clusterName") != Some(&plan.facts.name.value) {
            let message = format!("the cluster is called {}", plan.facts.name.value);
            wrong("clusterName", message, "take the name of cluster.yaml");
        }
        let role = text(node, "principalArn").unwrap_or_default().parse::<IamArn>();
        match role {
            Err(why) => wrong("principalArn", why, "the node's role"),
            Ok(role) if role.principal() != Principal::Role => {
                wrong("principalArn", "a node's entry is a role's".into(), "the node's role");
            }
            Ok(role) if role.account() != plan.facts.account.value => {
                let message = format!(
                    "the role is of another account than the cluster, {}",
                    plan.facts.account.value
                );
                wrong(
                    "principalArn",
                    message,
                    "entries of nodes take roles of the cluster's account only",
                );
            }
            Ok(_) => {}
        }
    }
    findings
}
