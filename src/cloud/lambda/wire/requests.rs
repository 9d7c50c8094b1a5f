//! What is sent.

use serde_json::{Value, json};

use crate::cloud::lambda::{FirewallRule, ImageChoice, Launch};

/// `POST /instance-operations/launch`. What is not asked for is left out.
pub fn launch(launch: &Launch) -> Value {
    let tags = launch
        .tags
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}));
    let mut body = json!({
        "region_name": launch.region,
        "instance_type_name": launch.instance_type,
        "ssh_key_names": [launch.ssh_key],
        "image": match &launch.image {
            ImageChoice::Id(id) => json!({"id": id}),
            ImageChoice::Family(family) => json!({"family": family}),
        },
        "user_data": launch.user_data,
        "tags": tags.collect::<Vec<_>>(),
    });
    if let Some(name) = &launch.name {
        body["name"] = json!(name);
    }
    if let Some(hostname) = &launch.hostname {
        body["hostname"] = json!(hostname);
    }
    if !launch.file_systems.is_empty() {
        body["file_system_names"] = json!(launch.file_systems);
    }
    if !launch.rulesets.is_empty() {
        let rulesets = launch.rulesets.iter().map(|id| json!({"id": id}));
        body["firewall_rulesets"] = rulesets.collect();
    }
    body
}

/// `POST /instance-operations/restart` and `terminate`
pub fn instance_ids(id: &str) -> Value {
    json!({"instance_ids": [id]})
}

/// `POST /ssh-keys`. The public key is always there: without one the cloud would make a private key.
pub fn ssh_key(name: &str, public_key: &str) -> Value {
    json!({"name": name, "public_key": public_key})
}

/// `PATCH /firewall-rulesets/{id}`
pub fn rules(rules: &[FirewallRule]) -> Value {
    json!({"rules": rules.iter().map(rule).collect::<Vec<_>>()})
}

/// `POST /firewall-rulesets`
pub fn create_ruleset(name: &str, region: &str, own: &[FirewallRule]) -> Value {
    json!({"name": name, "region": region, "rules": own.iter().map(rule).collect::<Vec<_>>()})
}

fn rule(rule: &FirewallRule) -> Value {
    let mut body = json!({
        "protocol": rule.protocol.as_str(),
        "source_network": rule.source,
        "description": rule.description,
    });
    if let Some((first, last)) = rule.ports {
        body["port_range"] = json!([first, last]);
    }
    body
}
