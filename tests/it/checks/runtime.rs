//! Cases of `src/verify/{containerd,cni,iam,agreements}.rs`.

use nodebake::catalog::Plane::{Aws, Node};

use super::{Case, edit, spec_case, tree_case};

const CONFIG: &str = "/etc/containerd/config.toml";
const CONFLIST: &str = "/etc/cni/net.d/10-host-network.conflist";
const OLD: (&str, &str, &str, &str) = ("satellite", "ubuntu-20-04", "lambda/gpu_1x_a10", "1.34");

pub const CASES: &[Case] = &[
    tree_case("cni/folders", "the lists are elsewhere", |tree| {
        edit(tree, Node, CONFIG, "/etc/cni/net.d", "/etc/containerd/cni");
    }),
    tree_case(
        "cni/folders",
        "the plugins are elsewhere, as in Debian's package",
        |tree| {
            edit(tree, Node, CONFIG, "/opt/cni/bin", "/usr/lib/cni");
        },
    ),
    tree_case("cni/program", "a plugin of another package", |tree| {
        edit(tree, Node, CONFLIST, "\"loopback\"", "\"aws-cni\"");
    }),
    spec_case(
        "containerd/reference",
        "a runtime that nobody brings",
        "  containerd:\n    config: |\n      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.kata]\n      runtime_type = 'io.containerd.runc.v2'\n      base_runtime_spec = '/etc/containerd/spec.json'\n      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.kata.options]\n      SystemdCgroup = true\n",
    ),
    tree_case("containerd/shim", "a shim that containerd 2 has no more", |tree| {
        edit(tree, Node, CONFIG, "io.containerd.runc.v2", "io.containerd.runc.v1");
    }),
    spec_case(
        "containerd/shim",
        "a runtime without a type",
        "  containerd:\n    config: |\n      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.x.options]\n      SystemdCgroup = true\n",
    ),
    tree_case("credentials/refresh", "once a session", |tree| {
        edit(
            tree,
            Node,
            "/etc/systemd/system/nodebake-credentials.timer",
            "OnUnitActiveSec=",
            "OnUnitActiveSec=1h ",
        );
    }),
    tree_case("containerd/plugin", "the version is another one", |tree| {
        edit(tree, Node, CONFIG, "version = 3", "version = 2");
    }),
    Case {
        id: "containerd/plugin",
        what: "a table of version 3 stands in version 2",
        node: OLD,
        more: "  containerd:\n    config: |\n      [plugins.'io.containerd.cri.v1.runtime']\n      enable_cdi = true\n",
        change: |_| {},
    },
    spec_case(
        "containerd/plugin",
        "the table of version 1",
        "  containerd: { config: \"[plugins.cri]\\nx = 1\\n\" }\n",
    ),
    tree_case("containerd/runtime", "the default has no entry", |tree| {
        edit(
            tree,
            Node,
            CONFIG,
            "default_runtime_name = \"nvidia\"",
            "default_runtime_name = \"kata\"",
        );
    }),
    Case {
        id: "containerd/runtime",
        what: "NVIDIA's program on a machine without it",
        node: ("satellite", "lambda-stack-22-04", "lambda/cpu_4x_general", "1.35"),
        more: "  containerd:\n    config: |\n      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.gpu.options]\n      SystemdCgroup = true\n      BinaryName = '/usr/bin/nvidia-container-runtime'\n",
        change: |_| {},
    },
    spec_case(
        "containerd/clash",
        "mirrors beside config_path",
        "  containerd:\n    config: |\n      [plugins.'io.containerd.cri.v1.images'.registry.mirrors.'docker.io']\n      endpoint = ['https://mirror.example']\n",
    ),
    spec_case(
        "containerd/clash",
        "bin_dir beside bin_dirs",
        "  containerd:\n    config: |\n      [plugins.'io.containerd.cri.v1.runtime'.cni]\n      bin_dir = '/usr/lib/cni'\n",
    ),
    Case {
        id: "containerd/clash",
        what: "an import on 1.x",
        node: OLD,
        more: "  containerd: { config: \"imports = ['/etc/containerd/conf.d/*.toml']\\n\" }\n",
        change: |_| {},
    },
    tree_case("cni/form", "the version is unknown", |tree| {
        edit(tree, Node, CONFLIST, "1.0.0", "2.0.0");
    }),
    tree_case("cni/form", "a plugin has no type", |tree| {
        edit(tree, Node, CONFLIST, "\"type\"", "\"typ\"");
    }),
    tree_case("cni/form", "the name has a slash", |tree| {
        edit(tree, Node, CONFLIST, "host-network\",", "a/b\",");
    }),
    Case {
        id: "cni/form",
        what: "1.1.0 on containerd 1.x",
        node: OLD,
        more: "",
        change: |tree| edit(tree, Node, CONFLIST, "1.0.0", "1.1.0"),
    },
    spec_case(
        "cni/form",
        "a .conf file",
        "  files:\n    - { path: /etc/cni/net.d/20-x.conf, mode: \"0644\", type: json, content: \"{}\\n\" }\n",
    ),
    spec_case(
        "cni/first-file",
        "a file of the user sorts before ours",
        "  files:\n    - { path: /etc/cni/net.d/05-x.conflist, mode: \"0644\", type: json, content: \"{}\\n\" }\n",
    ),
    tree_case("iam/wildcard", "every action of ECR", |tree| {
        edit(
            tree,
            Aws,
            "/role-policy.json",
            "\"ecr:GetAuthorizationToken\"",
            "\"ecr:*\"",
        );
    }),
    tree_case("iam/wildcard", "every repository", |tree| {
        edit(
            tree,
            Aws,
            "/role-policy.json",
            "arn:aws:ecr:us-east-1:111122223333:repository/*",
            "*",
        );
    }),
    tree_case("iam/wildcard", "the trust policy of the walkthrough", |tree| {
        let user = "{ \"AWS\": \"arn:aws:iam::111122223333:user/node-user\" }";
        edit(
            tree,
            Aws,
            "/role-trust-policy.json",
            user,
            "{ \"Service\": \"ec2.amazonaws.com\" }",
        );
    }),
    tree_case("iam/wildcard", "anybody", |tree| {
        edit(
            tree,
            Aws,
            "/role-trust-policy.json",
            "arn:aws:iam::111122223333:user/node-user",
            "*",
        );
    }),
    tree_case("iam/session-name", "any session name", |tree| {
        edit(
            tree,
            Aws,
            "/role-trust-policy.json",
            "sts:RoleSessionName",
            "aws:RequestedRegion",
        );
    }),
    tree_case("iam/session-name", "another node's name", |tree| {
        edit(
            tree,
            Aws,
            "/role-trust-policy.json",
            "fargate-ip-10-0-2-233",
            "fargate-ip-10-0-2-234",
        );
    }),
];
