//! Cases of `src/verify/text.rs`.

use nodebake::catalog::Plane::{Cluster, Node};

use super::{Case, edit, spec_case, tree_case};

const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";

pub const CASES: &[Case] = &[
    tree_case("text/placeholder", "the walkthrough's stand-in is left", |tree| {
        edit(
            tree,
            Node,
            "/var/lib/kubelet/kubeconfig",
            "server: ",
            "server: MASTER_ENDPOINT # ",
        );
    }),
    tree_case("text/placeholder", "a template's tag is left", |tree| {
        edit(
            tree,
            Cluster,
            "/aws-auth-entry.yaml",
            "system:node:fargate",
            "system:node:{{ NodeName }}-fargate",
        );
    }),
    spec_case(
        "text/placeholder",
        "in a file of the user",
        "  files:\n    - { path: /etc/x, mode: \"0644\", type: lines, content: \"{{ x }}\\n\" }\n",
    ),
    tree_case("text/dash", "the walkthrough's flag", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "—Pod-infra-container-image=x \\\n  --node-ip=",
        );
    }),
    spec_case(
        "sysctl/conflict",
        "a file of the user sets what ours sets",
        "  files:\n    - { path: /etc/sysctl.d/10-x.conf, mode: \"0644\", type: sysctl, content: \"net.ipv4.ip_forward = 0\\n\" }\n",
    ),
];
