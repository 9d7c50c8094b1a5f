//! Cases of `src/verify/secrets.rs`.

use nodebake::catalog::Plane::Node;

use super::{Case, edit, spec_case, tree_case};

pub const CASES: &[Case] = &[
    spec_case(
        "secret/in-text",
        "a file of the user has a key id",
        "  files:\n    - { path: /etc/x, mode: \"0600\", type: lines, content: \"AKIAIOSFODNN7EXAMPLE\\n\" }\n",
    ),
    tree_case("secret/in-text", "a kubeconfig has a token", |tree| {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJlc2lnbmF0dXJl";
        edit(
            tree,
            Node,
            "/var/lib/kubelet/kubeconfig",
            "kind: Config",
            &format!("kind: Config\ntoken: {token}"),
        );
    }),
    spec_case(
        "secret/mode",
        "a netplan file is readable by all",
        "  files:\n    - { path: /etc/netplan/95-x.yaml, mode: \"0644\", type: yaml, content: \"network: { version: 2 }\\n\" }\n",
    ),
];
