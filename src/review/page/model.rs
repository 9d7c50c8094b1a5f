//! What stands on a page, ready to be written: every text is a plain string here, and is escaped where it is written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bar::{Bar, Part, Unit, percent};
use super::changes::Changes;
use super::findings::FindingView;
use super::kinds::{kinds, own_files};
use super::node::{File, NodeView};
use super::order::{Picture, picture};
use super::own_lines::{OwnLine, own_lines};
use super::text::{Paths, count, few, shown};
use super::values::ValueView;
use crate::base::Sha256;
use crate::catalog::Plane;
use crate::review::NodeDiff;
use crate::review::words::grouped;

/// A whole page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    title: String,
    is_fleet: bool,
    source: String,
    version: &'static str,
    cards: Vec<(String, String)>,
    rows: Vec<Row>,
    findings: Vec<Told>,
    changes: Option<Changes>,
    kinds: Vec<Kind>,
}

/// A node's line in the table of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    name: String,
    node_name: String,
    instance_type: String,
    image: String,
    profile: String,
    gpus: String,
    max_pods: u64,
    cpu: String,
    memory: String,
    used: String,
    max: String,
    share: String,
    findings: usize,
}

/// A finding, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Told {
    finding: FindingView,
    nodes: String,
    anchor: String,
}

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Kind {
    number: usize,
    title: String,
    first: String,
    who: String,
    facts: Vec<(&'static str, String)>,
    resources: Vec<ResourceView>,
    user_data: UserDataView,
    order: Picture,
    values: Vec<ValueView>,
    /// How many values are those of the first kind.
    same_values: usize,
    planes: Vec<PlaneView>,
    members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ResourceView {
    name: &'static str,
    counted: String,
    capacity: String,
    allocatable: String,
    bar: Bar,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct UserDataView {
    taker: String,
    used: String,
    max: String,
    share: String,
    gzipped: bool,
    /// How far the other nodes of the kind are away.
    spread: String,
    bar: Bar,
    /// Files too small for the picture, in one of its parts.
    small: Vec<(String, String, &'static str)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PlaneView {
    word: &'static str,
    what: &'static str,
    files: Vec<FileView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FileView {
    path: String,
    mode: String,
    size: String,
    digest: String,
    anchor: String,
    template: String,
    summary: String,
    origin: String,
    uses: Vec<(String, String)>,
    /// Whether the nodes of the kind have each their own.
    own: bool,
    /// Where the text stands already; else it stands here.
    before: String,
    lines: Vec<String>,
    ends: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Member {
    name: String,
    node_name: String,
    used: String,
    values: Vec<(String, String)>,
    files: Vec<(String, Vec<OwnLine>)>,
}

/// What each plane is for.
fn purpose(plane: Plane) -> &'static str {
    match plane {
        Plane::Node => "on the machine",
        Plane::Cluster => "for kubectl",
        Plane::Aws => "for the AWS CLI",
        Plane::Image => "for an image that is built offline",
    }
}

/// Parts of the user-data that get a colour of their own.
const LARGE: usize = 7;
/// Digits of a digest that a page shows and links by.
const DIGITS: usize = 12;

impl Page {
    /// The page of `nodes`, which `source` describes.
    pub fn new(title: &str, source: &str, is_fleet: bool, nodes: &[NodeView]) -> Self {
        let groups = kinds(nodes);
        let mut texts = Shown::default();
        let mut made: Vec<Kind> = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let members: Vec<&NodeView> = group.iter().map(|number| &nodes[*number]).collect();
            let first = groups[0].first().map(|number| &nodes[*number]);
            made.extend(kind(at + 1, &members, first, &mut texts));
        }
        let findings = told(nodes);
        Self {
            title: shown(title),
            is_fleet,
            source: shown(source),
            version: env!("CARGO_PKG_VERSION"),
            cards: cards(nodes, made.len(), findings.len()),
            rows: nodes.iter().map(row).collect(),
            findings,
            changes: None,
            kinds: made,
        }
    }

    /// The page with what differs from the folder of goldens called `folder`.
    #[must_use]
    pub fn against(mut self, folder: &str, nodes: &[NodeDiff], paths: &Paths) -> Self {
        self.changes = Some(Changes::new(folder, nodes, paths));
        self
    }
}

fn cards(nodes: &[NodeView], kinds: usize, findings: usize) -> Vec<(String, String)> {
    let gpus: u64 = nodes.iter().map(|node| node.gpu_count).sum();
    let fullest = nodes.iter().max_by_key(|node| {
        let max = node.user_data.max.unwrap_or(usize::MAX).max(1);
        (node.user_data.used.saturating_mul(10_000) / max, node.user_data.used)
    });
    let versions: BTreeSet<&str> = nodes.iter().map(|node| node.kubernetes.as_str()).collect();
    let clusters: BTreeSet<&str> = nodes.iter().map(|node| node.cluster.as_str()).collect();
    let list = |words: BTreeSet<&str>| few(&words.into_iter().collect::<Vec<_>>());
    let mut cards = vec![
        (count(nodes.len(), "node"), count(kinds, "kind")),
        (
            count(usize::try_from(gpus).unwrap_or(usize::MAX), "GPU"),
            "in all".into(),
        ),
        (
            format!("Kubernetes {}", list(versions)),
            format!("cluster {}", list(clusters)),
        ),
        (
            if findings == 0 {
                "No findings".into()
            } else {
                count(findings, "finding")
            },
            "every file was checked".into(),
        ),
    ];
    if let Some(node) = fullest {
        let (used, data) = (Unit::Byte.words(node.user_data.used as u64), &node.user_data);
        let share = data
            .max
            .map(|max| format!("{} of what {} takes", percent(data.used as u64, max as u64), data.taker));
        let whose = if nodes.len() > 1 {
            "largest user-data"
        } else {
            "user-data"
        };
        cards.push((
            used,
            share.map_or_else(|| whose.into(), |share| format!("{whose}, {share}")),
        ));
    }
    cards
        .into_iter()
        .map(|(main, more)| (shown(&main), shown(&more)))
        .collect()
}

fn row(node: &NodeView) -> Row {
    let data = &node.user_data;
    Row {
        name: shown(&node.name),
        node_name: shown(&node.node_name),
        instance_type: shown(&node.instance_type),
        image: shown(&node.image),
        profile: shown(&node.profile),
        gpus: shown(&node.gpus),
        max_pods: node.max_pods,
        cpu: node.resources[0].allocatable_words(),
        memory: node.resources[1].allocatable_words(),
        used: grouped(data.used as u64),
        max: data.max.map_or_else(|| "no limit".into(), |max| grouped(max as u64)),
        share: data
            .max
            .map(|max| percent(data.used as u64, max as u64))
            .unwrap_or_default(),
        findings: node.findings.len(),
    }
}

/// Every finding once, with the nodes that have it.
fn told(nodes: &[NodeView]) -> Vec<Told> {
    let mut all: BTreeMap<&FindingView, Vec<&NodeView>> = BTreeMap::new();
    for node in nodes {
        for finding in &node.findings {
            all.entry(finding).or_default().push(node);
        }
    }
    let one = |(finding, nodes): (&FindingView, Vec<&NodeView>)| {
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let file = nodes
            .iter()
            .flat_map(|node| &node.files)
            .find(|file| finding.is_in(&tree_path(file)));
        Told {
            finding: finding.clone(),
            nodes: shown(&few(&names)),
            anchor: file.map(|file| anchor(&file.digest)).unwrap_or_default(),
        }
    };
    all.into_iter().map(one).collect()
}

fn tree_path(file: &File) -> String {
    format!("{}{}", file.plane.word(), file.path)
}

fn anchor(digest: &Sha256) -> String {
    format!("t-{}", &digest.to_string()[..DIGITS])
}

/// Texts that stand on the page already, with the section they stand in.
#[derive(Default)]
struct Shown {
    texts: BTreeMap<Sha256, String>,
}

fn kind(number: usize, members: &[&NodeView], very_first: Option<&NodeView>, texts: &mut Shown) -> Option<Kind> {
    let first = *members.first()?;
    let names: Vec<&str> = members.iter().map(|node| node.name.as_str()).collect();
    let own = own_files(members);
    let known: BTreeSet<&ValueView> = very_first
        .filter(|_| number > 1)
        .map(|node| node.values.iter().collect())
        .unwrap_or_default();
    let values: Vec<ValueView> = first
        .values
        .iter()
        .filter(|value| !known.contains(value))
        .cloned()
        .collect();
    let new: BTreeSet<&str> = values.iter().map(|value| value.path.as_str()).collect();
    let mut planes = Vec::new();
    for plane in Plane::ALL {
        let files = first.files.iter().enumerate().filter(|(_, file)| file.plane == plane);
        let files: Vec<FileView> = files
            .map(|(at, file)| file_view(file, own.contains(&at), number, &new, texts))
            .collect();
        if !files.is_empty() {
            planes.push(PlaneView {
                word: plane.word(),
                what: purpose(plane),
                files,
            });
        }
    }
    Some(Kind {
        number,
        title: shown(&format!("{}, {}", first.instance_type, first.profile)),
        first: shown(&first.name),
        who: shown(&few(&names)),
        facts: vec![
            ("Instance type", shown(&first.instance_type)),
            ("GPUs", shown(&first.gpus)),
            ("Image", shown(&first.image)),
            ("Profile", shown(&first.profile)),
            ("Kubernetes", shown(&first.kubernetes)),
            ("Pods", first.max_pods.to_string()),
        ],
        resources: first
            .resources
            .iter()
            .map(|resource| ResourceView {
                name: resource.name,
                counted: shown(&resource.counted),
                capacity: resource.capacity_words(),
                allocatable: resource.allocatable_words(),
                bar: resource.bar(),
            })
            .collect(),
        user_data: user_data(members),
        order: picture(&first.steps),
        same_values: first.values.len() - values.len(),
        values,
        planes,
        members: members.iter().map(|node| member(first, node, &own)).collect(),
    })
}

fn file_view(file: &File, own: bool, kind: usize, new: &BTreeSet<&str>, texts: &mut Shown) -> FileView {
    let before = texts.texts.get(&file.digest).cloned();
    if before.is_none() {
        texts.texts.insert(file.digest, format!("{} of kind {kind}", file.path));
    }
    let text = if before.is_none() {
        shown(&file.text)
    } else {
        String::new()
    };
    let anchored = |path: &String| {
        let kind = if new.contains(path.as_str()) { kind } else { 1 };
        (path.clone(), format!("v{kind}-{path}"))
    };
    FileView {
        path: shown(&file.path),
        mode: file.mode.to_string(),
        size: Unit::Byte.words(file.text.len() as u64),
        digest: file.digest.to_string()[..DIGITS].to_owned(),
        anchor: anchor(&file.digest),
        template: shown(file.template.as_deref().unwrap_or_default()),
        summary: shown(&file.summary),
        origin: shown(&file.origin),
        uses: file.uses.iter().map(anchored).collect(),
        own,
        before: shown(&before.unwrap_or_default()),
        lines: text.lines().map(str::to_owned).collect(),
        ends: file.text.is_empty() || file.text.ends_with('\n'),
    }
}

fn user_data(members: &[&NodeView]) -> UserDataView {
    let data = &members[0].user_data;
    let mut parts: Vec<Part> = Vec::new();
    let large = data.parts.iter().take(LARGE);
    parts.extend(large.map(|part| Part {
        label: shown(&part.path),
        note: part.encoding.into(),
        amount: part.bytes as u64,
    }));
    let small: Vec<_> = data.parts.iter().skip(LARGE).collect();
    let small_bytes: usize = small.iter().map(|part| part.bytes).sum();
    let files: usize = data.parts.iter().map(|part| part.bytes).sum();
    let frame = data.used.saturating_sub(files);
    if !small.is_empty() || frame > 0 {
        parts.push(Part {
            label: format!("{} and the document around them", count(small.len(), "smaller file")),
            note: String::new(),
            amount: (small_bytes + if data.gzipped { 0 } else { frame }) as u64,
        });
    }
    let bytes = members.iter().map(|node| node.user_data.used);
    let (least, most) = (bytes.clone().min().unwrap_or(0), bytes.max().unwrap_or(0));
    let max = data.max.map(|max| max as u64);
    UserDataView {
        taker: shown(&data.taker),
        used: Unit::Byte.words(data.used as u64),
        max: max.map(|max| Unit::Byte.words(max)).unwrap_or_default(),
        share: max.map(|max| percent(data.used as u64, max)).unwrap_or_default(),
        gzipped: data.gzipped,
        spread: if least == most {
            String::new()
        } else {
            format!("{} to {}", grouped(least as u64), Unit::Byte.words(most as u64))
        },
        bar: Bar::new(Unit::Byte, ("user-data", "left"), data.used as u64, max, &parts),
        small: small
            .iter()
            .map(|part| (shown(&part.path), Unit::Byte.words(part.bytes as u64), part.encoding))
            .collect(),
    }
}

/// A node beside the first of its kind.
fn member(first: &NodeView, node: &NodeView, own: &BTreeSet<usize>) -> Member {
    let values = first
        .values
        .iter()
        .map(|value| (value.path.as_str(), value.value.as_str()));
    let known: BTreeSet<(&str, &str)> = values.collect();
    let values = node
        .values
        .iter()
        .filter(|value| !known.contains(&(&value.path, &value.value)));
    let files = own
        .iter()
        .filter(|at| node.files[**at].digest != first.files[**at].digest);
    Member {
        name: shown(&node.name),
        node_name: shown(&node.node_name),
        used: Unit::Byte.words(node.user_data.used as u64),
        values: values
            .map(|value| (value.path.clone(), own_items(first, value)))
            .collect(),
        files: files
            .map(|at| {
                let (file, base) = (&node.files[*at], &first.files[*at]);
                (shown(&tree_path(file)), own_lines(&base.text, &file.text))
            })
            .collect(),
    }
}

/// A value; of a list only what the first node's has not.
fn own_items(first: &NodeView, value: &ValueView) -> String {
    let base = first.values.iter().find(|other| other.path == value.path);
    let known: Vec<&str> = base.map(|base| base.value.lines().collect()).unwrap_or_default();
    let own: Vec<&str> = value.value.lines().filter(|item| !known.contains(item)).collect();
    match own.len() {
        0 => value.value.clone(),
        _ if own.len() == value.value.lines().count() => value.value.clone(),
        _ => format!("\u{2026}\n{}", own.join("\n")),
    }
}
