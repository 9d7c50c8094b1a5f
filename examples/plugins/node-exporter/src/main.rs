//! node-exporter, a patch: the unit and the settings of Prometheus' node exporter, on the node's own address.
//!
//! The program itself is one of `artifacts.files` in node.yaml, pinned like every download:
//!
//! ```yaml
//!   artifacts:
//!     files:
//!       - name: node-exporter
//!         source: node_exporter          # beside node.yaml, or an https URL
//!         sha256: ...
//!         path: /usr/local/bin/node_exporter
//!         mode: "0755"
//!   plugins:
//!     - { patch: node-exporter, with: { port: 9100, collectors: [nvme, hwmon] } }
//! ```
//!
//! Build it with `cargo build --release && cp target/release/node-exporter plugin`.

use std::io::Read;
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};

/// What keeps the plugin from its work: a code and a sentence.
type Refusal = (u32, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    #[serde(default = "usual_port")]
    port: u16,
    #[serde(default)]
    collectors: Vec<String>,
}

fn usual_port() -> u16 {
    9100
}

fn describe() -> Value {
    json!({
        "kind": "patch",
        "summary": "Adds Prometheus' node exporter, on the node's own address",
        "protocols": [1],
        "plan": ["identity.nodeIp"],
        "writes": ["node/etc/systemd/system/node-exporter.service", "node/etc/default/node-exporter"],
    })
}

const UNIT: &str = "[Unit]
Description=Prometheus node exporter
After=network-online.target
Wants=network-online.target

[Service]
EnvironmentFile=/etc/default/node-exporter
ExecStart=/usr/local/bin/node_exporter $OPTIONS
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
Restart=on-failure
RestartSec=5s

[Install]
WantedBy=multi-user.target
";

fn work(request: &Value) -> Result<Value, Refusal> {
    let with = match &request["with"] {
        Value::Null => json!({}),
        with => with.clone(),
    };
    let with: With = serde_json::from_value(with).map_err(|error| (3, error.to_string()))?;
    let Some(address) = request["plan"]["identity"]["nodeIp"].as_str() else {
        return Err((2, "the plan has no identity.nodeIp".into()));
    };
    let tame = |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if let Some(odd) = with.collectors.iter().find(|name| !tame(name)) {
        return Err((3, format!("`{odd}` is no name of a collector")));
    }
    let mut options = vec![format!("--web.listen-address={address}:{}", with.port)];
    options.extend(with.collectors.iter().map(|name| format!("--collector.{name}")));
    Ok(json!({"protocol": 1, "files": [
        {
            "op": "add",
            "path": "/etc/systemd/system/node-exporter.service",
            "mode": "0644",
            "type": "systemd",
            "text": UNIT,
        },
        {
            "op": "add",
            "path": "/etc/default/node-exporter",
            "mode": "0644",
            "type": "env",
            "text": "OPTIONS={{ values.options }}\n",
            "values": {"options": options.join(" ")},
        },
    ]}))
}

fn answer() -> Result<Value, Refusal> {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| (2, format!("the request cannot be read: {error}")))?;
    let request: Value =
        serde_json::from_str(&text).map_err(|error| (2, format!("the request cannot be read: {error}")))?;
    if request["protocol"] != 1 {
        return Err((1, "only version 1 of the protocol is spoken".into()));
    }
    match request["op"].as_str() {
        Some("describe") => Ok(json!({"protocol": 1, "describe": describe()})),
        Some("run") => work(&request),
        _ => Err((2, "the op is neither describe nor run".into())),
    }
}

fn main() -> ExitCode {
    match answer() {
        Ok(reply) => {
            println!("{reply}");
            ExitCode::SUCCESS
        }
        Err((code, message)) => {
            println!("{}", json!({"protocol": 1, "error": {"code": code, "message": message}}));
            ExitCode::FAILURE
        }
    }
}
