//! What is done with an input, shared by the fuzz targets and by the test that tries the kept inputs again.
//!
//! None may panic, loop or eat the machine. What can be held against a second opinion is.

#![allow(dead_code, reason = "a target uses one of them")]

use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use nodebake::bake;
use nodebake::base::{
    AbsPath, Cidr, HttpsUrl, IamArn, InterfaceName, KubeMinor, LabelKey, LabelValue, Mode, NodeName, Place, Policy,
    Report, Source, Version, quantity_value,
};
use nodebake::catalog::Catalog;
use nodebake::facts::{self, ClusterFacts};
use nodebake::pipeline::Pipeline;
use nodebake::spec;
use nodebake::syntax::quote::systemd_word;
use nodebake::syntax::yaml::{self, Reader, block_scalar, is_block_safe, scalar, to_json};
use nodebake::syntax::{ini, sysctl, systemd, toml};

/// What is done with an input.
pub type Target = fn(&[u8]);

/// The targets, by name.
pub const ALL: [(&str, Target); 7] = [
    ("node_yaml", node_yaml),
    ("cluster_yaml", cluster_yaml),
    ("catalog", catalog),
    ("yaml", yaml),
    ("files", files),
    ("words", words),
    ("values", values),
];

fn embedded() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(Catalog::embedded)
}

fn example_facts() -> ClusterFacts {
    static FACTS: OnceLock<ClusterFacts> = OnceLock::new();
    let read = || facts::read(&Source::new("cluster.yaml", spec::CLUSTER_YAML)).expect("an example");
    FACTS.get_or_init(read).clone()
}

/// Every place a finding points to can be shown.
fn look_at(report: &Report) {
    for finding in report.sorted() {
        let places = finding.place.iter().chain(finding.notes.iter().map(|note| &note.place));
        for Place { source, start, end } in places {
            assert!(start <= end && *end <= source.text.len(), "{finding:?}");
            assert!(
                source.text.is_char_boundary(*start) && source.text.is_char_boundary(*end),
                "{finding:?} splits a character"
            );
        }
        assert!(!finding.message.is_empty());
    }
}

fn source(name: &str, data: &[u8]) -> Option<Arc<Source>> {
    match Source::from_bytes(name, data) {
        Ok(source) => Some(source),
        Err(finding) => {
            look_at(&Report::from(*finding));
            None
        }
    }
}

fn build(document: spec::Document, catalog: &Catalog, facts: &ClusterFacts) {
    let policy = Policy::default();
    let pipeline = Pipeline::new(catalog, &policy, Some(1_800_000_000));
    for node in document.nodes.into_iter().take(3) {
        match pipeline.build(node, facts.clone()) {
            Ok(built) => {
                look_at(&built.warnings);
                // Baking reads its own document back; it may only refuse for its size.
                if let Err(report) = bake::user_data(&built.plan, &built.verified, &bake::Packer::default()) {
                    look_at(&report);
                    assert!(
                        report.sorted().iter().all(|finding| finding.id == "bake/budget"),
                        "{report:?}"
                    );
                }
            }
            Err(report) => {
                look_at(&report);
                assert!(report.has_errors());
            }
        }
    }
}

/// A node.yaml, through the whole pipeline.
pub fn node_yaml(data: &[u8]) {
    let Some(source) = source("node.yaml", data) else {
        return;
    };
    match spec::read(&source) {
        Ok(document) => build(document, embedded(), &example_facts()),
        Err(report) => {
            look_at(&report);
            assert!(report.has_errors());
        }
    }
}

/// A cluster.yaml, with the node of the example.
pub fn cluster_yaml(data: &[u8]) {
    let Some(source) = source("cluster.yaml", data) else {
        return;
    };
    match facts::read(&source) {
        Ok(facts) => {
            let node = spec::read(&Source::new("node.yaml", spec::NODE_YAML)).expect("an example");
            build(node, embedded(), &facts);
        }
        Err(report) => {
            look_at(&report);
            assert!(report.has_errors());
        }
    }
}

/// The files of the catalog that the example's node is built from.
pub const CATALOG_FILES: [&str; 11] = [
    "profiles/satellite.yaml",
    "profiles/sizing.yaml",
    "profiles/instance-types/lambda.yaml",
    "profiles/providers/lambda.yaml",
    "profiles/kubernetes/artifacts.yaml",
    "images/lambda-stack-22-04.yaml",
    "images/artifacts.csv",
    "templates/kubelet/config.j2",
    "templates/kubelet/node.j2",
    "templates/credentials/aws-config.j2",
    "templates/first-boot/node-env.j2",
];

/// A file laid over the catalog: the first byte says which.
pub fn catalog(data: &[u8]) {
    let Some((which, data)) = data.split_first() else {
        return;
    };
    let name = CATALOG_FILES[usize::from(*which) % CATALOG_FILES.len()];
    let Some(source) = source(name, data) else { return };
    match Catalog::embedded().overlay(vec![(name.to_owned(), source)]) {
        Ok(catalog) => {
            let node = spec::read(&Source::new("node.yaml", spec::NODE_YAML)).expect("an example");
            build(node, &catalog, &example_facts());
        }
        Err(report) => look_at(&report),
    }
}

/// Our YAML parser; what it reads is written and read again.
pub fn yaml(data: &[u8]) {
    let Some(source) = source("t.yaml", data) else { return };
    let again = |written: String| {
        let read = yaml::parse(&Source::new("again", format!("a: {written}\n"))).expect("our own YAML");
        read.get("a").and_then(|node| node.text().map(str::to_owned))
    };
    assert_eq!(again(scalar(&source.text)).as_deref(), Some(&*source.text));
    if is_block_safe(&source.text) {
        assert_eq!(again(block_scalar(&source.text, 3)).as_deref(), Some(&*source.text));
    }
    match yaml::parse(&source) {
        Ok(node) => {
            let mut report = Report::new();
            let value = to_json(&mut Reader { report: &mut report }, &node);
            look_at(&report);
            let place = Place::new(&source, 0..0);
            if !report.has_errors() {
                let mut second = Report::new();
                let node = yaml::from_json(&value, &place);
                assert_eq!(to_json(&mut Reader { report: &mut second }, &node), value);
            }
            assert_eq!(bare(&node.clone().over(&node)), bare(&node));
        }
        Err(report) => look_at(&report),
    }
}

fn bare(node: &yaml::Node) -> String {
    match &node.kind {
        yaml::Kind::Scalar { text, plain } => format!("{text:?}{plain}"),
        yaml::Kind::List(items) => format!("[{}]", items.iter().map(bare).collect::<Vec<_>>().join(",")),
        yaml::Kind::Map(entries) => {
            let pairs: Vec<String> = entries
                .iter()
                .map(|entry| format!("{:?}:{}", entry.key, bare(&entry.value)))
                .collect();
            format!("{{{}}}", pairs.join(","))
        }
    }
}

/// The parsers of the other types of file.
pub fn files(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.lines().count();
    match systemd::parse(text) {
        Ok(all) => assert!(all.iter().all(|assignment| (1..=lines).contains(&assignment.line))),
        Err(bad) => assert!((1..=lines).contains(&bad.line)),
    }
    match sysctl::parse(text) {
        Ok(all) => assert!(all.iter().all(|setting| (1..=lines).contains(&setting.line))),
        Err(line) => assert!((1..=lines).contains(&line)),
    }
    if let Err(line) = ini::parse(text) {
        assert!((1..=lines).contains(&line));
    }
    if let Err(error) = toml::parse(text) {
        assert!(error.line >= 1 && error.line <= lines + 1);
    }
    if let Ok(word) = systemd_word(text) {
        let unit = format!("[Service]\nExecStart=/x {word}\n");
        assert_eq!(systemd::parse(&unit).expect("our own unit").len(), 1);
    }
}

/// What is written back as it was read, or refused.
fn keeps<T: std::str::FromStr + ToString>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let shown = value.to_string();
        let again = shown.parse::<T>().ok().expect("what it wrote");
        assert_eq!(again.to_string(), shown);
    }
}

/// The small parsers: quantities, versions, names, addresses.
pub fn words(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    keeps::<Version>(text);
    keeps::<KubeMinor>(text);
    keeps::<NodeName>(text);
    keeps::<AbsPath>(text);
    keeps::<HttpsUrl>(text);
    keeps::<InterfaceName>(text);
    keeps::<Mode>(text);
    let _ = (text.parse::<LabelKey>(), text.parse::<LabelValue>());
    if let Ok(arn) = text.parse::<IamArn>() {
        assert_eq!(arn.as_str(), text);
        assert!(arn.without_path().parse::<IamArn>().is_ok(), "{text}");
        assert!(!arn.name().is_empty());
    }
    if let Ok(cidr) = text.parse::<Cidr>() {
        assert_eq!(cidr.to_string().parse::<Cidr>(), Ok(cidr));
        assert!(cidr.overlaps(cidr));
        if let Some(address) = cidr.nth(10) {
            assert!(cidr.contains(address) && address != Ipv4Addr::UNSPECIFIED || cidr.size() > 10);
        }
    }
    if let Some(value) = quantity_value(text) {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        // A larger unit never makes less of the same number.
        assert!(quantity_value(digits).is_some_and(|plain| text.ends_with('m') || plain <= value));
    }
}

/// The checks that read durations, quantities and shell words are private: a node's own files and configuration lead
/// there.
pub fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let more = format!(
        "  files:\n    - {{ path: /etc/x.env, mode: \"0644\", type: env, content: {} }}\n  kubelet:\n    config: {{ shutdownGracePeriod: {}, containerLogMaxSize: {} }}\n",
        scalar(&format!("X={text}\n")),
        scalar(text),
        scalar(text)
    );
    node_yaml(format!("{BARE}{more}").as_bytes());
}

const BARE: &str = "apiVersion: nodebake/v1
kind: Node
metadata: { name: a }
spec:
  profile: satellite
  image: lambda-stack-22-04
  instanceType: lambda/gpu_1x_a10
  cluster: cluster.yaml
  identity: { address: 10.0.2.233 }
  credentials: { user: { userArn: \"arn:aws:iam::111122223333:user/x\" } }
";
