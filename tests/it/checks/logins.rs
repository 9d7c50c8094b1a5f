//! Cases of `src/verify/{image_credentials,kubeconfig}.rs`.

use nodebake::catalog::Plane::Node;

use super::{Case, NODE, edit, findings, spec_case, tree_case};

const CONFIG: &str = "/etc/eks/image-credential-provider/config.json";
const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";

pub const CASES: &[Case] = &[
    tree_case("image-credentials/form", "the kind is another one", |tree| {
        edit(
            tree,
            Node,
            CONFIG,
            "\"CredentialProviderConfig\"",
            "\"CredentialProvider\"",
        );
    }),
    tree_case("image-credentials/form", "a key is mistyped", |tree| {
        edit(tree, Node, CONFIG, "\"matchImages\"", "\"matchImage\"");
    }),
    tree_case("image-credentials/form", "no duration", |tree| {
        edit(tree, Node, CONFIG, "\"defaultCacheDuration\": \"12h\",", "");
    }),
    tree_case("image-credentials/form", "a duration below nothing", |tree| {
        edit(tree, Node, CONFIG, "\"12h\"", "\"-12h\"");
    }),
    tree_case("image-credentials/form", "a number in the environment", |tree| {
        edit(tree, Node, CONFIG, "\"value\": \"true\"", "\"values\": \"true\"");
    }),
    tree_case("image-credentials/form", "a plugin API that is gone", |tree| {
        edit(
            tree,
            Node,
            CONFIG,
            "credentialprovider.kubelet.k8s.io/v1",
            "credentialprovider.kubelet.k8s.io/v2",
        );
    }),
    tree_case("image-credentials/program", "a path for a name", |tree| {
        edit(
            tree,
            Node,
            CONFIG,
            "\"ecr-credential-provider\"",
            "\"/bin/ecr-credential-provider\"",
        );
    }),
    tree_case("image-credentials/program", "a program nobody brings", |tree| {
        edit(
            tree,
            Node,
            CONFIG,
            "\"ecr-credential-provider\"",
            "\"gcr-credential-provider\"",
        );
    }),
    tree_case("image-credentials/images", "a scheme", |tree| {
        edit(tree, Node, CONFIG, "\"public.ecr.aws\"", "\"https://public.ecr.aws\"");
    }),
    tree_case("image-credentials/images", "a star in the path", |tree| {
        edit(tree, Node, CONFIG, "\"public.ecr.aws\"", "\"public.ecr.aws/*\"");
    }),
    Case {
        id: "image-credentials/token",
        what: "a kubelet without the gate",
        node: (NODE.0, NODE.1, NODE.2, "1.32"),
        more: "",
        change: |tree| {
            edit(
                tree,
                Node,
                CONFIG,
                "\"env\"",
                "\"tokenAttributes\": { \"serviceAccountTokenAudience\": \"a\", \"requireServiceAccount\": false }, \"env\"",
            );
        },
    },
    tree_case("image-credentials/token", "no audience", |tree| {
        edit(
            tree,
            Node,
            CONFIG,
            "\"env\"",
            "\"tokenAttributes\": { \"cacheType\": \"Token\", \"requireServiceAccount\": false }, \"env\"",
        );
    }),
    tree_case("kubeconfig/form", "the context names another user", |tree| {
        edit(tree, Node, KUBECONFIG, "user: kubelet", "user: kubelets");
    }),
    tree_case("kubeconfig/form", "the current context is another one", |tree| {
        edit(
            tree,
            Node,
            KUBECONFIG,
            "current-context: kubelet",
            "current-context: default",
        );
    }),
    tree_case("kubeconfig/form", "a key is mistyped", |tree| {
        edit(tree, Node, KUBECONFIG, "current-context:", "currentContext:");
    }),
    spec_case(
        "kubeconfig/form",
        "a kubeconfig of the user's own",
        "  files:\n    - path: /root/.kube/config\n      mode: \"0600\"\n      type: yaml\n      content: |\n        kind: Config\n        apiVersion: v1\n        clusters: []\n        contexts: []\n        users: []\n        current-context: x\n",
    ),
    tree_case("kubeconfig/server", "plain http", |tree| {
        edit(tree, Node, KUBECONFIG, "https://", "http://");
    }),
    tree_case("kubeconfig/server", "no CA", |tree| {
        edit(
            tree,
            Node,
            KUBECONFIG,
            "      certificate-authority: /etc/kubernetes/pki/ca.crt\n",
            "",
        );
    }),
    tree_case("kubeconfig/server", "no check of the server", |tree| {
        edit(
            tree,
            Node,
            KUBECONFIG,
            "certificate-authority: /etc/kubernetes/pki/ca.crt",
            "insecure-skip-tls-verify: true",
        );
    }),
    tree_case("kubeconfig/server", "two CAs", |tree| {
        edit(
            tree,
            Node,
            KUBECONFIG,
            "certificate-authority: /etc",
            "certificate-authority-data: AAAA\n      certificate-authority: /etc",
        );
    }),
    tree_case("kubeconfig/exec", "the plugin API of the walkthrough", |tree| {
        edit(tree, Node, KUBECONFIG, "k8s.io/v1\n", "k8s.io/v1alpha1\n");
    }),
    tree_case("kubeconfig/exec", "no interactiveMode", |tree| {
        edit(tree, Node, KUBECONFIG, "        interactiveMode: Never\n", "");
    }),
    tree_case("kubeconfig/exec", "a terminal", |tree| {
        edit(tree, Node, KUBECONFIG, "Never", "Always");
    }),
    tree_case("kubeconfig/exec", "a command without a path", |tree| {
        edit(
            tree,
            Node,
            KUBECONFIG,
            "/usr/local/lib/nodebake/aws-credentials",
            "aws-credentials",
        );
    }),
    tree_case("kubeconfig/exec", "another cluster's token", |tree| {
        edit(tree, Node, KUBECONFIG, "\"--cluster\", ", "\"--cluster\", x");
    }),
    tree_case("kubeconfig/exec", "no plugin", |tree| {
        edit(tree, Node, KUBECONFIG, "      exec:", "      exe:");
    }),
    tree_case("kubeconfig/secret", "a token", |tree| {
        edit(tree, Node, KUBECONFIG, "      exec:", "      token: abc\n      exec:");
    }),
];

/// A person's own kubeconfig is no kubelet's: it may ask at a terminal, for a program of the PATH.
#[test]
fn kubeconfigs_of_people_are_fine() {
    let case = spec_case(
        "kubeconfig/exec",
        "a person's",
        "  files:\n    - path: /root/.kube/config\n      mode: \"0600\"\n      type: yaml\n      content: |\n        apiVersion: v1\n        kind: Config\n        clusters: [{ name: c, cluster: { server: 'https://x.example', certificate-authority: ca.crt } }]\n        contexts: [{ name: c, context: { cluster: c, user: u } }]\n        current-context: c\n        users: [{ name: u, user: { exec: { apiVersion: client.authentication.k8s.io/v1beta1, command: aws, interactiveMode: Always, args: [token, --cluster, other] } } }]\n",
    );
    let report = findings(&case, case.more, case.change);
    let told: Vec<&str> = report.sorted().iter().map(|finding| finding.id).collect();
    assert!(!told.iter().any(|id| id.starts_with("kubeconfig/")), "{told:?}");
}

/// tokenAttributes, right for a kubelet that has them.
#[test]
fn tokens_of_service_accounts_are_fine_where_they_exist() {
    let case = tree_case("image-credentials/token", "right", |tree| {
        edit(
            tree,
            Node,
            CONFIG,
            "\"env\"",
            "\"tokenAttributes\": { \"serviceAccountTokenAudience\": \"sts.amazonaws.com\", \"cacheType\": \"Token\", \"requireServiceAccount\": true, \"requiredServiceAccountAnnotationKeys\": [\"a\"] }, \"env\"",
        );
    });
    let report = findings(&case, case.more, case.change);
    let told: Vec<&str> = report.sorted().iter().map(|finding| finding.id).collect();
    assert!(!told.iter().any(|id| id.starts_with("image-credentials/")), "{told:?}");
}
