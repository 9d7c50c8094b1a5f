//! Cases of `src/verify/kubelet.rs`.

use nodebake::catalog::Plane::Node;

use super::{Case, NODE, edit, spec_case, tree_case};

const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";

pub const CASES: &[Case] = &[
    spec_case(
        "kubelet/unknown-key",
        "a key is mistyped",
        "  kubelet: { config: { maxPodz: 1 } }\n",
    ),
    spec_case(
        "kubelet/unknown-key",
        "a nested key is mistyped",
        "  kubelet: { config: { authentication: { anonymus: { enabled: false } } } }\n",
    ),
    Case {
        id: "kubelet/unknown-key",
        what: "a key is younger than the kubelet",
        node: ("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", "1.32"),
        more: "  kubelet: { config: { mergeDefaultEvictionSettings: true } }\n",
        change: |_| {},
    },
    tree_case("kubelet/unknown-key", "our own file has a typo", |tree| {
        edit(
            tree,
            Node,
            "/etc/kubernetes/kubelet/kubelet-config.yaml",
            "clusterDNS:",
            "clusterDns:",
        );
    }),
    spec_case(
        "kubelet/value",
        "a number is negative",
        "  kubelet: { config: { maxPods: -1 } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a duration is none",
        "  kubelet: { config: { syncFrequency: 5 minutes } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a word is not in the set",
        "  kubelet: { config: { cpuManagerPolicy: statik } }\n",
    ),
    spec_case(
        "kubelet/value",
        "a boolean is text",
        "  kubelet: { config: { failSwapOn: \"true\" } }\n",
    ),
    spec_case(
        "kubelet/feature-gate",
        "a gate does not exist",
        "  kubelet: { config: { featureGates: { Nope: true } } }\n",
    ),
    spec_case(
        "kubelet/feature-gate",
        "a gate is gone",
        "  kubelet: { config: { featureGates: { KubeletCredentialProviders: true } } }\n",
    ),
    spec_case(
        "kubelet/feature-gate",
        "a gate is locked",
        "  kubelet: { config: { featureGates: { NodeSwap: false } } }\n",
    ),
    tree_case("kubelet/flag", "a flag was removed", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "--pod-infra-container-image=x \\\n  --node-ip=",
        );
    }),
    tree_case("kubelet/flag", "a dash is not a dash", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--node-ip=",
            "—network-plugin=cni \\\n  --node-ip=",
        );
    }),
    spec_case(
        "kubelet/exec-auth",
        "certificates rotate",
        "  kubelet: { config: { rotateCertificates: true } }\n",
    ),
    Case {
        id: "kubelet/flag",
        what: "a flag never existed",
        node: NODE,
        more: "",
        change: |tree| edit(tree, Node, DROP_IN, "--node-ip=", "--nod-ip=1 \\\n  --node-ip="),
    },
];
