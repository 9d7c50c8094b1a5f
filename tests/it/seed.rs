//! The walkthroughs this project began with, held against its checks: each row is a piece of their own text that is
//! wrong about a node, the place where somebody would put it, and the findings that must come - all of them, and no
//! other. A row without a finding is text that is right.
//!
//! Three walkthroughs: a machine outside AWS that joins EKS by hand (satellite), the bootstrap of Amazon's own worker
//! nodes (worker), and EKS Distro with Kata Containers (kata).

#![allow(clippy::disallowed_methods, reason = "tests reach the disk")]

use std::collections::BTreeSet;

use nodebake::base::{Policy, Report, Source};
use nodebake::catalog::Catalog;
use nodebake::catalog::Plane::{self, Aws, Cluster, Node};
use nodebake::plan::Plan;
use nodebake::render::Renderer;
use nodebake::tree::FileTree;
use nodebake::verify::Known;
use nodebake::{facts, spec, verify};

use crate::support::{node_yaml, root, told};

/// Where a fragment goes.
#[derive(Clone, Copy)]
enum To {
    /// To the end of the node's spec.
    Spec,
    /// Into node.yaml, in the place of this text.
    NodeYaml(&'static str),
    /// Into cluster.yaml, in the place of this text.
    ClusterYaml(&'static str),
    /// `kubelet.config`
    Kubelet,
    /// `containerd.config`
    Containerd,
    /// `files`: a file of this path, mode and type.
    File(&'static str, &'static str, &'static str),
    /// A rendered file, all of it.
    Whole(Plane, &'static str),
    /// A rendered file, in the place of this text.
    Part(Plane, &'static str, &'static str),
}

struct Row {
    /// Which walkthrough, and what is wrong there.
    key: &'static str,
    /// The node's address, which gives it its name.
    address: &'static str,
    to: To,
    fragment: &'static str,
    expected: &'static [&'static str],
}

const ADDRESS: &str = "10.0.2.233";
const DROP_IN: &str = "/etc/systemd/system/kubelet.service.d/10-node.conf";
const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";

const fn row(key: &'static str, to: To, fragment: &'static str, expected: &'static [&'static str]) -> Row {
    Row {
        key,
        address: ADDRESS,
        to,
        fragment,
        expected,
    }
}

const ROWS: &[Row] = &[
    Row {
        key: "satellite: a user mapped by userid, without an ARN",
        address: "10.0.2.27",
        to: To::Whole(Cluster, "/aws-auth-entry.yaml"),
        fragment: "- rolearn: \"\"\n  username: system:node:fargate-ip-10-0-2-27.us-east-1.compute.internal\n  groups:\n  - system:bootstrappers\n  - system:nodes\n  userid: AIDAYZ57AXBUCE2ABSLCN\n",
        expected: &["mapping/form", "mapping/principal"],
    },
    Row {
        key: "satellite: the same in the ConfigMap, beside the cluster's own nodes",
        address: "10.0.2.27",
        to: To::Whole(Cluster, "/aws-auth-entry.yaml"),
        fragment: "apiVersion: v1\ndata:\n  mapRoles: |\n    - rolearn: arn:aws:iam::605454121064:role/gh62-mng-role\n      username: system:node:{{EC2PrivateDNSName}}\n      groups:\n      - system:bootstrappers\n      - system:nodes\n    - rolearn: \"\"\n      username: system:node:fargate-ip-10-0-2-27.us-east-1.compute.internal\n      groups:\n      - system:bootstrappers\n      - system:nodes\n      userid: AIDAYZ57AXBUCE2ABSLCN\n",
        expected: &["mapping/form", "mapping/principal"],
    },
    Row {
        key: "satellite: a role for one node is right",
        address: "10.0.14.170",
        to: To::Whole(Cluster, "/aws-auth-entry.yaml"),
        fragment: "apiVersion: v1\ndata:\n  mapRoles: |\n    - rolearn: arn:aws:iam::605454121064:role/gh62-mng-role\n      username: system:node:{{EC2PrivateDNSName}}\n      groups:\n      - system:bootstrappers\n      - system:nodes\n    - rolearn: arn:aws:iam::605454121064:role/gh62-satellite\n      username: system:node:fargate-ip-10-0-14-170.us-east-1.compute.internal\n      groups:\n      - system:bootstrappers\n      - system:nodes\n",
        expected: &[],
    },
    row(
        "satellite: a trust policy for every EC2 instance, and for any session",
        To::Whole(Aws, "/role-trust-policy.json"),
        "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Sid\": \"EKSNodeAssumeRole\",\n            \"Effect\": \"Allow\",\n            \"Principal\": {\n                \"Service\": \"ec2.amazonaws.com\"\n            },\n            \"Action\": \"sts:AssumeRole\"\n        },\n        {\n            \"Effect\": \"Allow\",\n            \"Principal\": { \"AWS\": \"arn:aws:iam::605454121064:user/gyuho\" },\n            \"Action\": \"sts:AssumeRole\"\n        }\n    ]\n}\n",
        &["iam/session-name", "iam/wildcard"],
    ),
    row(
        "satellite: the session is called test",
        To::Part(
            Node,
            "/etc/nodebake/aws/config",
            "fargate-ip-10-0-2-233.us-east-1.compute.internal",
        ),
        "test",
        &["identity/name"],
    ),
    row(
        "satellite: four hours of a role that allows one",
        To::NodeYaml("      sourceProfile: node-user\n"),
        "      sourceProfile: node-user\n      durationSeconds: 14400\n",
        &["plan/session-duration"],
    ),
    row(
        "satellite: the dummy interface is called eth0",
        To::Spec,
        "  network: { interface: eth0 }\n",
        &["spec/interface"],
    ),
    row(
        "satellite: the dummy interface has the whole subnet",
        To::Part(Node, "/etc/systemd/network/10-nodebake.network", "10.0.2.233/32"),
        "10.0.2.233/24",
        &["network/address"],
    ),
    row(
        "satellite: the name is of one address, the node IP another",
        To::NodeYaml("address: 10.0.2.233"),
        "address: 10.0.2.233, eniAddress: 10.0.14.170",
        &["plan/two-addresses"],
    ),
    row(
        "satellite: a list of CNI plugins in a .conf file",
        To::File("/etc/cni/net.d/10-host-network.conf", "0644", "json"),
        "{ \"cniVersion\": \"1.0.0\", \"name\": \"host-network\", \"plugins\": [{ \"type\": \"loopback\" }] }\n",
        &["cni/first-file", "cni/form"],
    ),
    row(
        "satellite: keys in the script that starts the kubelet",
        To::File("/usr/bin/kubelet.sh", "0755", "bash"),
        "#!/bin/bash\n\nAWS_ACCESS_KEY_ID=\"AKIAIOSFODNN7EXAMPLE\" \\\nAWS_SECRET_ACCESS_KEY=\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\" \\\n/usr/bin/kubelet \\\n--config=/etc/kubernetes/kubelet/kubelet-config.yaml\n",
        &["secret/in-text"],
    ),
    row(
        "satellite: the kubelet's kubeconfig is root's own",
        To::Part(Node, DROP_IN, "--kubeconfig=/var/lib/kubelet/kubeconfig"),
        "--kubeconfig=/root/.kube/config",
        &["file/reference"],
    ),
    row(
        "satellite: flags and their values are two words",
        To::Part(
            Node,
            DROP_IN,
            "--hostname-override=fargate-ip-10-0-2-233.us-east-1.compute.internal",
        ),
        "--hostname-override fargate-ip-10-0-2-233.us-east-1.compute.internal",
        &["identity/name", "kubelet/flag"],
    ),
    row(
        "satellite: no clusterDNS, so that every pod falls back to the host's resolver",
        To::Kubelet,
        "{ clusterDNS: null }",
        &["kubelet/other-dns"],
    ),
    row(
        "satellite: kernel settings that the kubelet compares",
        To::Part(Node, "/etc/sysctl.d/99-zz-nodebake.conf", "kernel.panic = 10"),
        "kernel.panic = -1",
        &["sysctl/kernel-defaults"],
    ),
    row(
        "satellite: the endpoint of the runtime as a flag is still right",
        To::Part(Node, DROP_IN, "--node-ip=10.0.2.233"),
        "--node-ip=10.0.2.233 --container-runtime-endpoint=unix:///run/containerd/containerd.sock",
        &[],
    ),
    row(
        "worker: an exec plugin API that is gone, of a program that is not here, for another cluster",
        To::Whole(Node, KUBECONFIG),
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority: /etc/kubernetes/pki/ca.crt\n    server: https://A8E7A39CAEBEF6AA9250DFA9366FDFA2.gr7.eu-west-1.eks.amazonaws.com\n  name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n    user: kubelet\n  name: kubelet\ncurrent-context: kubelet\nusers:\n- name: kubelet\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1alpha1\n      command: /usr/bin/aws-iam-authenticator\n      args:\n        - \"token\"\n        - \"-i\"\n        - \"ironman-2022\"\n        - --region\n        - \"eu-west-1\"\n",
        &["file/reference", "kubeconfig/exec"],
    ),
    row(
        "worker: flags of dockershim and of the in-tree cloud provider",
        To::Part(Node, DROP_IN, "--node-ip=10.0.2.233"),
        "--node-ip=10.0.2.233 --cloud-provider=aws --container-runtime=docker --network-plugin=cni",
        &["kubelet/flag", "kubelet/flag-value"],
    ),
    row(
        "worker: the pause image as a flag",
        To::Part(Node, DROP_IN, "--node-ip=10.0.2.233"),
        "--node-ip=10.0.2.233 --pod-infra-container-image=602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause:3.5",
        &["kubelet/flag"],
    ),
    row(
        "worker: cgroupfs beside containerd's systemd",
        To::Kubelet,
        "{ \"cgroupDriver\": \"cgroupfs\", \"cgroupRoot\": \"/\", \"featureGates\": { \"RotateKubeletServerCertificate\": true } }",
        &["cgroup/driver"],
    ),
    row(
        "worker: the DNS server of another service network",
        To::Kubelet,
        "{ \"clusterDNS\": [\"10.100.0.10\"] }",
        &["kubelet/cluster-dns"],
    ),
    row(
        "worker: its TLS suites and access are right",
        To::Kubelet,
        "{ \"address\": \"0.0.0.0\", \"authentication\": { \"anonymous\": { \"enabled\": false }, \"webhook\": { \"cacheTTL\": \"2m0s\", \"enabled\": true } }, \"authorization\": { \"mode\": \"Webhook\", \"webhook\": { \"cacheAuthorizedTTL\": \"5m0s\", \"cacheUnauthorizedTTL\": \"30s\" } }, \"tlsCipherSuites\": [\"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\", \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\", \"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305\"] }",
        &[],
    ),
    row(
        "kata: table headers without their bracket",
        To::Containerd,
        "plugins.cri.containerd]\n no_pivot = false\nplugins.cri.containerd.runtimes]\n [plugins.cri.containerd.runtimes.runc]\n    runtime_type = \"io.containerd.runc.v1\"\n",
        &["spec/toml"],
    ),
    row(
        "kata: the same file in the place of ours",
        To::Whole(Node, "/etc/containerd/config.toml"),
        "plugins.cri.containerd]\n no_pivot = false\n",
        &["file/syntax"],
    ),
    row(
        "kata: repaired, it is of version 1",
        To::Containerd,
        "[plugins.cri.containerd]\n no_pivot = false\n[plugins.cri.containerd.runtimes]\n [plugins.cri.containerd.runtimes.kata]\n    runtime_type = \"io.containerd.kata.v2\"\n",
        &["containerd/plugin"],
    ),
    row(
        "kata: runc without systemd's cgroups, and a runtime nobody brings",
        To::Containerd,
        "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.katacli]\n    runtime_type = \"io.containerd.runc.v1\"\n    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.katacli.options]\n      BinaryName = \"/opt/kata/bin/kata-runtime\"\n      SystemdCgroup = false\n",
        &["cgroup/driver", "containerd/reference", "containerd/shim"],
    ),
    row(
        "kata: long dashes",
        To::File("/etc/sysconfig/kubelet", "0644", "lines"),
        "KUBELET_KUBEADM_ARGS=\"--cgroup-driver=systemd \u{2014}network-plugin=cni \u{2014}Pod-infra-container-image=public.ecr.aws/eks-distro/kubernetes/pause:3.2\"\n",
        &["text/dash"],
    ),
    row(
        "kata: dockershim's socket",
        To::Kubelet,
        "{ containerRuntimeEndpoint: /var/run/dockershim.sock }",
        &["kubelet/runtime-endpoint"],
    ),
    row(
        "all: a name in capitals that nobody filled in",
        To::Part(
            Node,
            KUBECONFIG,
            "https://11111111111111111111111111111111.gr7.us-east-1.eks.amazonaws.com",
        ),
        "MASTER_ENDPOINT",
        &["kubeconfig/server", "text/placeholder"],
    ),
    row(
        "all: aws-auth on a cluster that reads access entries only",
        To::ClusterYaml("API_AND_CONFIG_MAP"),
        "API",
        &["plan/mapping"],
    ),
    row(
        "all: an image without a fixed tag",
        To::Spec,
        "  containerd: { pauseImage: docker.io/library/busybox:latest }\n",
        &["spec/image-reference"],
    ),
    row(
        "all: a label that a node may not give itself",
        To::Spec,
        "  kubelet: { labels: { node-role.kubernetes.io/worker: \"true\" } }\n",
        &["plan/label"],
    ),
];

fn changed(tree: &mut FileTree, row: &Row) {
    let (plane, path, part) = match row.to {
        To::Whole(plane, path) => (plane, path, None),
        To::Part(plane, path, part) => (plane, path, Some(part)),
        _ => return,
    };
    let mut entry = tree
        .get(plane, path)
        .unwrap_or_else(|| panic!("{}: no {path}", row.key))
        .clone();
    entry.text = match part {
        None => row.fragment.to_owned(),
        Some(part) => {
            assert!(entry.text.contains(part), "{}: {path} has no {part}", row.key);
            entry.text.replace(part, row.fragment)
        }
    };
    tree.replace(entry);
}

fn found(row: &Row) -> Report {
    let quoted = serde_json::to_string(row.fragment).unwrap();
    let more = match row.to {
        To::Spec => row.fragment.to_owned(),
        To::Kubelet => format!("  kubelet:\n    config: {}\n", row.fragment),
        To::Containerd => format!("  containerd:\n    config: {quoted}\n"),
        To::File(path, mode, kind) => {
            format!("  files:\n    - {{ path: {path}, mode: \"{mode}\", type: {kind}, content: {quoted} }}\n")
        }
        _ => String::new(),
    };
    let mut yaml = node_yaml("satellite", "lambda-stack-22-04", "lambda/gpu_1x_a10", &more);
    yaml = yaml.replace(ADDRESS, row.address);
    let mut cluster = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    for (text, to) in [(&mut yaml, 0), (&mut cluster, 1)] {
        let ((To::NodeYaml(from), 0) | (To::ClusterYaml(from), 1)) = (row.to, to) else {
            continue;
        };
        assert!(text.contains(from), "{}: no {from}", row.key);
        *text = text.replace(from, row.fragment);
    }
    let catalog = Catalog::embedded();
    let facts = facts::read(&Source::new("cluster.yaml", cluster)).unwrap_or_else(|report| panic!("{}", told(&report)));
    let document = match spec::read(&Source::new("node.yaml", yaml)) {
        Ok(document) => document,
        Err(report) => return report,
    };
    let (plan, mut report) = Plan::resolve(document.nodes.into_iter().next().unwrap(), &catalog, facts);
    let Some(plan) = plan else { return report };
    match Renderer::new(&catalog).render(&plan) {
        Ok(mut tree) => {
            changed(&mut tree, row);
            let (policy, known) = (Policy::default(), Known::default());
            report.extend(verify::verify(tree, &plan, &catalog, None, &policy, &known, Vec::new()).1);
        }
        Err(failed) => report.extend(failed),
    }
    report
}

fn ids(report: &Report) -> BTreeSet<&'static str> {
    report.sorted().iter().map(|finding| finding.id).collect()
}

#[test]
fn what_is_wrong_in_the_walkthroughs_is_named_and_nothing_else() {
    let good = row("the node itself", To::Spec, "", &[]);
    assert_eq!(ids(&found(&good)), BTreeSet::new());
    let mut wrong = Vec::new();
    let mut keys = BTreeSet::new();
    for row in ROWS {
        assert!(keys.insert(row.key), "{} stands twice", row.key);
        let report = found(row);
        let expected: BTreeSet<&str> = row.expected.iter().copied().collect();
        if ids(&report) != expected {
            wrong.push(format!("{}: expected {expected:?}, found\n{}", row.key, told(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
