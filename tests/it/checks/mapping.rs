//! Cases of `src/verify/mapping/`.

use nodebake::catalog::Plane::{Aws, Cluster};
use nodebake::tree::FileTree;

use super::{Case, NODE, edit, findings, tree_case};

const ITEM: &str = "/aws-auth-entry.yaml";
const ENTRY: &str = "/access-entry.json";

const fn hybrid(what: &'static str, change: fn(&mut FileTree)) -> Case {
    Case {
        id: "mapping/access-entry",
        what,
        node: ("hybrid", NODE.1, NODE.2, NODE.3),
        more: "",
        change,
    }
}

/// Puts a whole `ConfigMap` in the place of our item.
fn config_map(tree: &mut FileTree, roles: &str) {
    let mut entry = tree.get(Cluster, ITEM).unwrap().clone();
    let indented: String = roles.lines().map(|line| format!("    {line}\n")).collect();
    entry.text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: aws-auth, namespace: kube-system }}\ndata:\n  mapRoles: |\n{indented}"
    );
    tree.replace(entry);
}

pub const CASES: &[Case] = &[
    tree_case("mapping/form", "the walkthrough's user id", |tree| {
        edit(tree, Cluster, ITEM, "  username:", "  userid: AIDAEXAMPLE\n  username:");
    }),
    tree_case("mapping/form", "no ARN", |tree| {
        edit(
            tree,
            Cluster,
            ITEM,
            "- rolearn: \"arn:aws:iam::111122223333:role/satellite-17\"\n  username",
            "- username",
        );
    }),
    tree_case("mapping/form", "a ConfigMap whose text is no YAML", |tree| {
        config_map(tree, "- rolearn: [");
    }),
    tree_case("mapping/principal", "an empty ARN", |tree| {
        edit(
            tree,
            Cluster,
            ITEM,
            "\"arn:aws:iam::111122223333:role/satellite-17\"",
            "\"\"",
        );
    }),
    tree_case("mapping/principal", "a path", |tree| {
        edit(tree, Cluster, ITEM, "role/satellite-17", "role/nodes/satellite-17");
    }),
    tree_case("mapping/principal", "a session", |tree| {
        edit(
            tree,
            Cluster,
            ITEM,
            "iam::111122223333:role/satellite-17",
            "sts::111122223333:assumed-role/satellite-17/x",
        );
    }),
    tree_case("mapping/principal", "a user as a role", |tree| {
        edit(tree, Cluster, ITEM, ":role/", ":user/");
    }),
    tree_case("mapping/principal", "another role", |tree| {
        edit(tree, Cluster, ITEM, "satellite-17", "satellite-18");
    }),
    tree_case("mapping/username", "an instance's name", |tree| {
        edit(
            tree,
            Cluster,
            ITEM,
            "system:node:fargate-ip-10-0-2-233.us-east-1.compute.internal",
            "system:node:{{EC2PrivateDNSName}}",
        );
    }),
    tree_case("mapping/username", "no node", |tree| {
        edit(tree, Cluster, ITEM, "system:node:fargate", "fargate");
    }),
    tree_case("mapping/username", "capitals", |tree| {
        edit(tree, Cluster, ITEM, "system:node:fargate", "system:node:Fargate");
    }),
    tree_case("mapping/groups", "only one group", |tree| {
        edit(tree, Cluster, ITEM, "    - system:bootstrappers\n", "");
    }),
    tree_case("mapping/groups", "every right", |tree| {
        edit(
            tree,
            Cluster,
            ITEM,
            "    - system:nodes\n",
            "    - system:nodes\n    - system:masters\n",
        );
    }),
    tree_case("mapping/twice", "one role for two nodes", |tree| {
        config_map(
            tree,
            "- { rolearn: 'arn:aws:iam::111122223333:role/s', username: 'system:node:a', groups: [system:bootstrappers, system:nodes] }\n- { rolearn: 'arn:aws:iam::111122223333:role/S', username: 'system:node:b', groups: [system:bootstrappers, system:nodes] }",
        );
    }),
    hybrid("a type that is none of ours", |tree| {
        edit(tree, Aws, ENTRY, "HYBRID_LINUX", "EC2_LINUX");
    }),
    hybrid("a standard entry", |tree| {
        edit(tree, Aws, ENTRY, "HYBRID_LINUX", "STANDARD");
    }),
    hybrid("groups", |tree| {
        edit(
            tree,
            Aws,
            ENTRY,
            "\"tags\"",
            "\"kubernetesGroups\": [\"system:nodes\"], \"tags\"",
        );
    }),
    hybrid("another cluster", |tree| {
        edit(tree, Aws, ENTRY, "\"clusterName\": \"", "\"clusterName\": \"x");
    }),
    hybrid("another account", |tree| {
        edit(tree, Aws, ENTRY, "iam::111122223333", "iam::444455556666");
    }),
    hybrid("a user", |tree| {
        edit(tree, Aws, ENTRY, ":role/", ":user/");
    }),
    hybrid("a key of another call", |tree| {
        edit(
            tree,
            Aws,
            ENTRY,
            "\"principalArn\"",
            "\"kubernetesGroup\": 1, \"principalArn\"",
        );
    }),
];

/// A `ConfigMap` as clusters have them: the entries of EC2 nodes stay as EKS wrote them.
#[test]
fn the_entries_of_others_are_fine() {
    let case = tree_case("mapping/form", "fine", |tree| {
        config_map(
            tree,
            "- rolearn: arn:aws:iam::111122223333:role/nodes\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:bootstrappers, system:nodes]\n- rolearn: arn:aws:iam::111122223333:role/fargate\n  username: system:node:{{SessionName}}\n  groups: [system:bootstrappers, system:nodes, system:node-proxier]\n- rolearn: arn:aws:iam::111122223333:role/admin\n  username: admin:{{SessionName}}\n  groups: [system:masters]",
        );
    });
    let report = findings(&case, case.more, case.change);
    let told: Vec<&str> = report.sorted().iter().map(|finding| finding.id).collect();
    assert!(!told.iter().any(|id| id.starts_with("mapping/")), "{told:?}");
}
