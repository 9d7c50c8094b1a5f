//! What was done for a node.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// The form of the note that this program writes. A later one is refused, not guessed at.
const VERSION: u32 = 1;

/// What was done for one node. Holds ids and names, and no secret: it may be committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    version: u32,
    /// The node, `metadata.name` of its node.yaml.
    pub node: String,
    /// Its cluster.
    pub cluster: String,
    /// The cluster's region.
    pub region: String,
    /// The network interface, `eni-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// What was written for `kubectl` and `aws`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// The way for the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall: Option<Opened>,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Launched>,
}

/// Files beside the note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Files {
    /// What was written beside the note.
    pub written: Vec<Written>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Written {
    /// Its path below the folder.
    pub path: String,
    /// Its digest: a file that somebody changed since is not taken away.
    pub sha256: String,
}

/// Rules of Lambda's firewall that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Opened {
    /// The ruleset's id.
    pub ruleset: String,
    /// The proxies' addresses.
    pub from: Vec<Ipv4Addr>,
}

/// A launch at Lambda.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Launched {
    /// The region.
    pub region: String,
    /// The instance. Left out while it is not known whether there is one: the launch was begun, and its end not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The public address, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl State {
    /// Nothing done yet.
    pub fn new(node: &str, cluster: &str, region: &str) -> Self {
        Self {
            version: VERSION,
            node: node.into(),
            cluster: cluster.into(),
            region: region.into(),
            interface: None,
            files: None,
            firewall: None,
            machine: None,
        }
    }

    /// Reads a note. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        let form: Form = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if form.version != VERSION {
            return Err(format!(
                "has version {}, this nodebake reads {VERSION}: take the nodebake that wrote it",
                form.version
            ));
        }
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The note.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Whether it is about this node of this cluster; if not, about which.
    pub fn is_about(&self, node: &str, cluster: &str, region: &str) -> Result<(), String> {
        if (self.node.as_str(), self.cluster.as_str(), self.region.as_str()) == (node, cluster, region) {
            return Ok(());
        }
        Err(format!(
            "is about node {} of cluster {} in {}, not about {node} of {cluster} in {region}",
            self.node, self.cluster, self.region
        ))
    }

    /// Whether nothing is left to take away.
    pub fn is_empty(&self) -> bool {
        self.interface.is_none() && self.files.is_none() && self.firewall.is_none() && self.machine.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_others_are_refused() {
        let mut state = State::new("a10-01", "gh62", "us-east-1");
        assert!(state.is_empty());
        assert_eq!(State::parse(&state.text()).unwrap(), state);
        state.interface = Some("eni-1".into());
        state.files = Some(Files {
            written: vec![Written {
                path: "cluster/aws-auth-entry.yaml".into(),
                sha256: "00".into(),
            }],
        });
        state.firewall = Some(Opened {
            ruleset: "global".into(),
            from: vec![Ipv4Addr::new(198, 51, 100, 7)],
        });
        state.machine = Some(Launched {
            region: "us-west-1".into(),
            instance: None,
            address: None,
        });
        assert_eq!(State::parse(&state.text()).unwrap(), state);
        assert!(!state.is_empty());
        for (from, to, why) in [
            ("\"version\": 1", "\"version\": 2", "version 2"),
            ("\"node\"", "\"nodes\"", "nodes"),
            ("\"a10-01\"", "7", "invalid type"),
            ("\n}\n", "", "EOF"),
        ] {
            let error = State::parse(&state.text().replace(from, to)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert!(state.is_about("a10-01", "gh62", "us-east-1").is_ok());
        assert!(state.is_about("a10-02", "gh62", "us-east-1").is_err());
        assert!(state.is_about("a10-01", "gh62", "us-east-2").is_err());
    }
}
