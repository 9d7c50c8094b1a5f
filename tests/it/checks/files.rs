//! Cases of `src/verify/files.rs`.

use nodebake::catalog::Plane::Node;

use super::{Case, edit, spec_case, tree_case};

pub const CASES: &[Case] = &[
    tree_case("file/syntax", "a YAML file has a duplicate key", |tree| {
        edit(
            tree,
            Node,
            "/var/lib/kubelet/kubeconfig",
            "kind: Config",
            "kind: Config\nkind: Config",
        );
    }),
    tree_case("file/syntax", "a TOML file has an open table", |tree| {
        edit(
            tree,
            Node,
            "/etc/containerd/config.toml",
            "version = 3",
            "version = 3\n[plugins",
        );
    }),
    tree_case("file/syntax", "a JSON file has a trailing comma", |tree| {
        edit(
            tree,
            Node,
            "/etc/cni/net.d/10-host-network.conflist",
            "\"plugins\"",
            "\"a\": [1,],\n  \"plugins\"",
        );
    }),
    tree_case("file/syntax", "a unit has a line that is none", |tree| {
        edit(
            tree,
            Node,
            "/etc/systemd/system/kubelet.service",
            "[Service]",
            "[Service]\nRestart always",
        );
    }),
    tree_case("file/syntax", "a sysctl file has no value", |tree| {
        edit(
            tree,
            Node,
            "/etc/sysctl.d/99-zz-nodebake.conf",
            "kernel.panic = 10",
            "kernel.panic",
        );
    }),
    tree_case("file/syntax", "an environment file expands something", |tree| {
        edit(
            tree,
            Node,
            "/etc/nodebake/node.env",
            "NB_ARCH=amd64",
            "NB_ARCH=$(uname -m)",
        );
    }),
    tree_case("file/syntax", "an AWS configuration has a line that is none", |tree| {
        edit(tree, Node, "/etc/nodebake/aws/config", "region =", "region");
    }),
    tree_case("file/syntax", "a script has no interpreter", |tree| {
        edit(
            tree,
            Node,
            "/usr/local/lib/nodebake/first-boot",
            "#!/bin/bash",
            "# bash",
        );
    }),
    tree_case("file/syntax", "the CA is no PEM", |tree| {
        edit(tree, Node, "/etc/kubernetes/pki/ca.crt", "-----BEGIN", "----BEGIN");
    }),
    tree_case("file/syntax", "a file has CRLF line ends", |tree| {
        edit(
            tree,
            Node,
            "/etc/modules-load.d/nodebake.conf",
            "overlay\n",
            "overlay\r\n",
        );
    }),
    tree_case("file/syntax", "a file has no final newline", |tree| {
        edit(tree, Node, "/etc/modules-load.d/nodebake.conf", "dummy\n", "dummy");
    }),
    spec_case(
        "file/path",
        "a file of the user lies under /run",
        "  files:\n    - { path: /run/x, mode: \"0644\", type: lines, content: \"x\\n\" }\n",
    ),
    spec_case(
        "file/path",
        "an artifact of the user lies among nodebake's own state",
        "  artifacts:\n    files:\n      - { name: x, source: x.tar, sha256: 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf, path: /var/lib/nodebake/x, mode: \"0644\" }\n",
    ),
    spec_case(
        "file/artifact",
        "an artifact of the user wants the place of a file of ours",
        "  artifacts:\n    files:\n      - { name: x, source: x.tar, sha256: 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf, path: /etc/nodebake/node.env, mode: \"0644\" }\n",
    ),
    spec_case(
        "file/artifact",
        "an artifact of the user wants the place of a folder",
        "  artifacts:\n    files:\n      - { name: x, source: x.tar, sha256: 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf, path: /etc/nodebake, mode: \"0644\" }\n",
    ),
    spec_case(
        "file/artifact",
        "a file of the user wants the place of the kubelet",
        "  files:\n    - { path: /usr/local/bin/kubelet, mode: \"0755\", type: bash, content: \"#!/bin/sh\\n\" }\n",
    ),
    spec_case(
        "file/artifact",
        "a file of the user stands where a folder of programs is to be",
        "  files:\n    - { path: /opt/cni, mode: \"0644\", type: lines, content: \"x\\n\" }\n",
    ),
];
