//! IAM documents: no more than the node needs, and nobody else in its name.

use serde_json::Value;

use super::{Check, Subject};
use crate::base::{Finding, Severity};
use crate::catalog::Plane;
use crate::tree::Entry;

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "iam/wildcard",
        severity: Severity::Error,
        summary: "No policy allows everything of something",
        reason: "A key on a machine outside AWS gets lost one day; what it may do then is what its policies say. Only ecr:GetAuthorizationToken takes no resource (AWS service authorization reference, Amazon ECR).",
        run: Some(wildcards),
    },
    Check {
        id: "iam/session-name",
        severity: Severity::Error,
        summary: "The trust policy lets a session in under the node's name only",
        reason: "Whoever may assume the role chooses the session's name, and with it which node to be (aws-iam-authenticator, {{SessionName}}).",
        run: Some(session_names),
    },
];

/// Every statement of every policy of the aws plane.
fn statements<'s>(subject: &Subject<'s>) -> Vec<(&'s Entry, Value)> {
    let mut all = Vec::new();
    for entry in subject.tree.plane(Plane::Aws) {
        let Ok(document) = serde_json::from_str::<Value>(&entry.text) else {
            continue;
        };
        let list = document
            .get("Statement")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        all.extend(list.into_iter().map(|statement| (entry, statement)));
    }
    all
}

/// A text or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The one action that has no resources.
const WITHOUT_RESOURCE: &str = "ecr:GetAuthorizationToken";

fn wildcards(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |entry: &Entry, message: String| {
        findings.push(Finding::error("iam/wildcard", message, &entry.origin).hint("name what the node needs"));
    };
    for (entry, statement) in &statements(subject) {
        let actions = texts(statement.get("Action"));
        for action in actions.iter().filter(|action| action.contains('*')) {
            wrong(entry, format!("{} allows `{action}`", entry.path));
        }
        let whole = texts(statement.get("Resource")).contains(&"*");
        if whole && actions != [WITHOUT_RESOURCE] {
            wrong(
                entry,
                format!("{} allows {} on every resource", entry.path, actions.join(", ")),
            );
        }
        let principal = statement.get("Principal");
        let anybody = principal.and_then(Value::as_str) == Some("*")
            || principal
                .and_then(Value::as_object)
                .is_some_and(|map| map.values().any(|who| texts(Some(who)).contains(&"*")));
        if anybody {
            wrong(entry, format!("{} lets anybody in", entry.path));
        }
        if texts(principal.and_then(|principal| principal.get("Service"))).contains(&"ec2.amazonaws.com") {
            wrong(
                entry,
                format!("{} lets every EC2 instance with this role in", entry.path),
            );
        }
    }
    findings
}

fn session_names(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (entry, statement) in &statements(subject) {
        let trust = statement.get("Principal");
        if trust.is_none() || !texts(statement.get("Action")).contains(&"sts:AssumeRole") {
            continue;
        }
        let conditions = statement.get("Condition");
        let equals = conditions.and_then(|all| all.get("StringEquals"));
        let named = equals
            .and_then(|all| all.get("sts:RoleSessionName"))
            .and_then(Value::as_str);
        let by_ssm = texts(trust.and_then(|trust| trust.get("Service"))) == ["ssm.amazonaws.com"];
        let of_node = named.is_some_and(|name| {
            let node = subject
                .plan
                .book
                .get("identity.sessionName")
                .and_then(|name| name.value().as_str());
            Some(name) == node || name == "${aws:PrincipalTag/x509Subject/CN}"
        });
        // SSM names the session after the managed instance by itself.
        if !by_ssm && !of_node {
            let message = format!("{} does not pin sts:RoleSessionName to the node's name", entry.path);
            let hint = "StringEquals on sts:RoleSessionName: otherwise the role is every node it is mapped to";
            findings.push(Finding::error("iam/session-name", message, &entry.origin).hint(hint));
        }
    }
    findings
}
