//! What people have left to do once the machine runs: on the cluster, and with the one secret that nothing bakes.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// The file on the machine that waits for the key.
const KEY_FILE: &str = "/etc/nodebake/aws/source-credentials";

/// How the cluster learns who the node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// An item of aws-auth.
    AwsAuth,
    /// An access entry of EKS.
    AccessEntry,
}

/// What the commands are made of.
#[derive(Debug, Clone)]
pub struct Next<'n> {
    /// The name of the Node object.
    pub node: &'n str,
    /// The node's address, which its certificate must have and no other.
    pub node_ip: &'n str,
    /// The cluster's region, for the AWS CLI.
    pub region: &'n str,
    /// How the node is mapped.
    pub mapping: Mapping,
    /// Where the files for `kubectl` and `aws` are, if they were written.
    pub folder: Option<&'n str>,
    /// The machine's public address, if it has one.
    pub address: Option<Ipv4Addr>,
    /// Who logs in there.
    pub user: &'n str,
    /// Whether the machine waits for an AWS key.
    pub key: bool,
    /// What a satellite needs beside: a proxy, and somebody who approves its certificate.
    pub satellite: Option<Satellite<'n>>,
}

/// What is particular about a satellite.
#[derive(Debug, Clone, Copy)]
pub struct Satellite<'n> {
    /// The node, `metadata.name` of its node.yaml.
    pub name: &'n str,
    /// Whether Lambda's firewall lets the proxy in already.
    pub is_let_in: bool,
}

/// The commands, each under the sentence that says why, in the order in which they are due.
pub fn next_steps(next: &Next<'_>) -> String {
    let mut text = String::new();
    let mut number = 0;
    let mut step = |why: &str, commands: &[String]| {
        number += 1;
        let _ = writeln!(text, "{number}. {why}");
        for command in commands {
            let _ = writeln!(text, "     {command}");
        }
    };
    let Next {
        node, folder, region, ..
    } = next;
    let folder = folder.map_or_else(|| "OUT".to_owned(), shell);
    if next.folder.is_none() {
        step(
            "Write the files that the cluster and AWS need.",
            &["nodebake render node.yaml -o OUT".into()],
        );
    }
    match next.mapping {
        Mapping::AwsAuth => step(
            "Tell the cluster who the node is: add the item of this file, and keep every other one.",
            &[
                format!("cat {folder}/cluster/aws-auth-entry.yaml"),
                "kubectl -n kube-system get configmap aws-auth -o yaml > aws-auth.backup.yaml".into(),
                "kubectl -n kube-system edit configmap aws-auth".into(),
            ],
        ),
        Mapping::AccessEntry => step(
            "Tell the cluster who the node is.",
            &[format!(
                "aws eks create-access-entry --region {region} --cli-input-json file://{folder}/aws/access-entry.json"
            )],
        ),
    }
    let machine = next.address.map_or_else(
        || format!("{}@ADDRESS", next.user),
        |address| format!("{}@{address}", next.user),
    );
    if next.key {
        step(
            "Bring the machine its AWS key, which nothing bakes; `key` is a credentials file with one section.",
            &[format!(
                "ssh {machine} sudo install -D -o root -g root -m 600 /dev/stdin {KEY_FILE} < key"
            )],
        );
    }
    if let Some(satellite) = &next.satellite {
        let address = next
            .address
            .map_or_else(|| "ADDRESS".to_owned(), |address| address.to_string());
        step(
            "Have the proxy pass TCP 10250 on: a line for `satellites` of its proxy.yaml.",
            &[
                format!(
                    "- {{ name: {}, address: {}, publicAddress: {address} }}",
                    satellite.name, next.node_ip
                ),
                "nodebake proxy launch proxy.yaml".into(),
            ],
        );
        if !satellite.is_let_in {
            step(
                "Let the proxy through Lambda's firewall.",
                &["nodebake firewall allow --from THE-PROXYS-PUBLIC-ADDRESS".into()],
            );
        }
    }
    step(
        "See first boot end: `.done` if it went well, `.failed` says where it did not.",
        &[format!("ssh {machine} ls /var/lib/nodebake/")],
    );
    if next.satellite.is_some() {
        let user = format!("system:node:{node}");
        step(
            &format!(
                "Find the request for the kubelet's certificate; it must be for {node} and {}, and for nothing else.",
                next.node_ip
            ),
            &[
                format!(
                    "kubectl get csr -o jsonpath='{{range .items[?(@.spec.username==\"{user}\")]}}{{.metadata.name}}{{\"\\n\"}}{{end}}'"
                ),
                "kubectl get csr NAME -o jsonpath='{.spec.request}' | base64 -d | openssl req -noout -text".into(),
                "kubectl certificate approve NAME".into(),
            ],
        );
    }
    step(
        "Wait for the node.",
        &[format!("kubectl wait --for=condition=Ready node/{node} --timeout=15m")],
    );
    text
}

/// A path as a word of a shell.
fn shell(path: &str) -> String {
    let tame = |c: char| c.is_ascii_alphanumeric() || "/._-+@,".contains(c);
    if !path.is_empty() && path.chars().all(tame) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_node_gets_its_own_steps() {
        let satellite = Next {
            node: "fargate-ip-10-0-2-233.us-east-1.compute.internal",
            node_ip: "10.0.2.233",
            region: "us-east-1",
            mapping: Mapping::AwsAuth,
            folder: Some("my node.up"),
            address: Some(Ipv4Addr::new(203, 0, 113, 9)),
            user: "ubuntu",
            key: true,
            satellite: Some(Satellite {
                name: "a10-01",
                is_let_in: true,
            }),
        };
        let text = next_steps(&satellite);
        assert!(text.contains("cat 'my node.up'/cluster/aws-auth-entry.yaml"), "{text}");
        assert!(text.contains("ssh ubuntu@203.0.113.9 sudo install"), "{text}");
        assert!(
            text.contains("spec.username==\"system:node:fargate-ip-10-0-2-233.us-east-1.compute.internal\""),
            "{text}"
        );
        assert!(
            text.contains("- { name: a10-01, address: 10.0.2.233, publicAddress: 203.0.113.9 }"),
            "{text}"
        );
        assert!(
            text.contains("6. Wait for the node.") && !text.contains("firewall"),
            "{text}"
        );
        let hybrid = Next {
            node: "gpu-17",
            mapping: Mapping::AccessEntry,
            address: None,
            key: false,
            folder: None,
            satellite: None,
            ..satellite
        };
        let text = next_steps(&hybrid);
        assert!(text.contains("file://OUT/aws/access-entry.json"), "{text}");
        assert!(text.contains("ssh ubuntu@ADDRESS ls"), "{text}");
        assert!(!text.contains("csr") && !text.contains("aws-auth"), "{text}");
        assert!(text.contains("4. Wait for the node."), "{text}");
    }
}
