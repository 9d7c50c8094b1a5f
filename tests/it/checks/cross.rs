//! Cases of `src/verify/cross.rs`.

use nodebake::catalog::Plane::{Cluster, Node};

use super::{Case, edit, spec_case, tree_case};

const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";

pub const CASES: &[Case] = &[
    tree_case("identity/name", "the kubelet has another name", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--hostname-override=fargate",
            "--hostname-override=other",
        );
    }),
    tree_case("identity/name", "the mapping has another name", |tree| {
        edit(
            tree,
            Cluster,
            "/aws-auth-entry.yaml",
            "system:node:fargate-ip-10-0-2",
            "system:node:fargate-ip-10-0-3",
        );
    }),
    tree_case("identity/name", "the session has another name", |tree| {
        edit(
            tree,
            Node,
            "/etc/nodebake/aws/config",
            "role_session_name = fargate",
            "role_session_name = x",
        );
    }),
    tree_case("network/address", "the dummy has the subnet", |tree| {
        edit(tree, Node, "/etc/systemd/network/10-nodebake.network", "/32", "/24");
    }),
    tree_case("network/address", "the kubelet has another address", |tree| {
        edit(tree, Node, DROP_IN, "--node-ip=10.0.2.233", "--node-ip=10.0.2.234");
    }),
    tree_case("cgroup/driver", "a runtime lacks SystemdCgroup", |tree| {
        edit(
            tree,
            Node,
            "/etc/containerd/config.toml",
            "SystemdCgroup = true\nBinaryName",
            "BinaryName",
        );
    }),
    spec_case(
        "cgroup/driver",
        "the kubelet uses cgroupfs",
        "  kubelet: { config: { cgroupDriver: cgroupfs } }\n",
    ),
    tree_case("sysctl/kernel-defaults", "a setting is missing", |tree| {
        edit(
            tree,
            Node,
            "/etc/sysctl.d/99-zz-nodebake.conf",
            "vm.panic_on_oom = 0\n",
            "",
        );
    }),
    spec_case(
        "sysctl/kernel-defaults",
        "a later file of the user sets another value",
        "  files:\n    - { path: /etc/sysctl.d/99-zzz.conf, mode: \"0644\", type: sysctl, content: \"kernel.panic = 30\\n\" }\n",
    ),
    tree_case("file/reference", "the kubeconfig names another CA", |tree| {
        edit(
            tree,
            Node,
            "/var/lib/kubelet/kubeconfig",
            "/etc/kubernetes/pki/ca.crt",
            "/etc/kubernetes/pki/nope.crt",
        );
    }),
    tree_case("file/reference", "a flag names a file that nothing brings", |tree| {
        edit(
            tree,
            Node,
            DROP_IN,
            "--kubeconfig=/var/lib/kubelet/kubeconfig",
            "--kubeconfig=/root/.kube/config",
        );
    }),
];
