//! What the tests share.

#![allow(
    clippy::disallowed_methods,
    reason = "tests reach the disk, processes and the environment"
)]
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use nodebake::base::{Policy, Report, Source};
use nodebake::catalog::Catalog;
use nodebake::facts::{self, ClusterFacts};
use nodebake::pipeline::{Built, Pipeline};
use nodebake::spec;

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of this test's own, removed when it goes out of scope.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "nodebake-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file below it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether a real tool is there. Without it the test is skipped with a printed reason, and fails where CI=true.
pub fn have(tool: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .any(|folder| folder.join(tool).is_file());
    if !found {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI=true and {tool} is not installed"
        );
        println!("skipped: {tool} is not installed");
    }
    found
}

/// The program under test.
pub fn nodebake(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nodebake"))
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The facts the tests use, of Kubernetes `minor`.
pub fn cluster(minor: &str) -> ClusterFacts {
    let text = std::fs::read_to_string(root().join("tests/fixtures/cluster.yaml")).unwrap();
    let text = text.replace(
        "kubernetesVersion: \"1.35\"",
        &format!("kubernetesVersion: \"{minor}\""),
    );
    // At the end, so that no line moves.
    let text = text + "  vpcId: vpc-0c1d2e3f405162738\n  clusterSecurityGroupId: sg-0f1e2d3c4b5a69788\n";
    facts::read(&Source::new("cluster.yaml", text)).unwrap_or_else(|report| panic!("{}", told(&report)))
}

/// A node of `profile` with `image` on `instance_type`; `more` is added to its spec.
pub fn node_yaml(profile: &str, image: &str, instance_type: &str, more: &str) -> String {
    if profile == "satellite-proxy" {
        return proxy_yaml(image, instance_type, more);
    }
    let who = if profile == "hybrid" {
        "  identity: { address: 10.80.0.17, nodeName: gpu-17 }\n  credentials:\n    rolesAnywhere:\n      roleArn: arn:aws:iam::111122223333:role/hybrid\n      profileArn: arn:aws:rolesanywhere:us-east-1:111122223333:profile/0f1e2d3c-1111-2222-3333-444455556666\n      trustAnchorArn: arn:aws:rolesanywhere:us-east-1:111122223333:trust-anchor/0f1e2d3c-7777-8888-9999-444455556666\n"
    } else {
        "  identity: { address: 10.0.2.233 }\n  credentials:\n    assumeRole:\n      roleArn: arn:aws:iam::111122223333:role/satellite-17\n      sourceProfile: node-user\n      principalArn: arn:aws:iam::111122223333:user/node-user\n"
    };
    let disk = if instance_type.starts_with("ec2/") {
        "  hardware: { diskGiB: 500 }\n"
    } else {
        ""
    };
    format!(
        "apiVersion: nodebake/v1\nkind: Node\nmetadata: {{ name: node-17 }}\nspec:\n  profile: {profile}\n  image: {image}\n  instanceType: {instance_type}\n  cluster: cluster.yaml\n{who}{disk}{more}"
    )
}

/// A proxy before two satellites; each form on a type of its own.
pub fn proxy_yaml(image: &str, instance_type: &str, more: &str) -> String {
    let form = match instance_type {
        "ec2/t3.small" => "haproxy",
        "ec2/c7gn.medium" => "serve",
        _ => "nftables",
    };
    // One interface of these has room for one.
    let second = if instance_type.contains(".micro") {
        ""
    } else {
        "    - { name: a10-02, address: 10.0.2.234, publicAddress: 129.213.90.18 }\n"
    };
    let program = if form == "serve" {
        "  artifacts:\n    files:\n      - { name: nodebake, source: \"https://example.com/nodebake\", sha256: 2f4ed7778681649b81244426c29c5d98df60ccabf83d561d69e61c1cbb943ddf, path: /usr/local/bin/nodebake, mode: \"0755\" }\n"
    } else {
        ""
    };
    format!(
        "apiVersion: nodebake/v1\nkind: Proxy\nmetadata: {{ name: gate }}\nspec:\n  profile: satellite-proxy\n  image: {image}\n  instanceType: {instance_type}\n  cluster: cluster.yaml\n  address: 10.0.2.10\n  form: {form}\n  satellites:\n    - {{ name: a10-01, address: 10.0.2.233, publicAddress: 129.213.90.17 }}\n{second}  launch: {{ subnet: subnet-0a1b2c3d4e5f60718, ami: ami-0123456789abcdef0, securityGroup: sg-0123456789abcdef0 }}\n{program}{more}"
    )
}

/// The whole pipeline on one node.
pub fn build(yaml: &str, minor: &str) -> Result<Built, Report> {
    let document = spec::read(&Source::new("node.yaml", yaml))?;
    let spec = document.nodes.into_iter().next().expect("a node");
    let (catalog, policy) = (Catalog::embedded(), Policy::default());
    Pipeline::new(&catalog, &policy, None).build(spec, cluster(minor))
}

/// A report on one line a finding, for failing tests.
pub fn told(report: &Report) -> String {
    let lines: Vec<String> = report
        .sorted()
        .iter()
        .map(|finding| {
            let place = finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{place} {}[{}]: {}", finding.severity, finding.id, finding.message)
        })
        .collect();
    lines.join("\n")
}
