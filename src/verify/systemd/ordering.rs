//! Whether there is an order to start everything in.
//!
//! systemd breaks a cycle by leaving one of its jobs out: which one may differ from boot to boot
//! (awslabs/amazon-eks-ami#2703: one node in seven lost its user-data). A unit that comes after cloud-init's last stage
//! cannot be wanted by a target that comes before it (awslabs/amazon-eks-ami#2269).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::UnitFile;
use super::machine::{Machine, is_no, started_by};
use crate::base::{Finding, Place};
use crate::catalog::Catalog;
use crate::plan::Plan;
use crate::tree::FileTree;
use crate::verify::{Known, Subject};

/// A unit's name.
type Name<'s> = Cow<'s, str>;

/// Why one unit comes after another.
#[derive(Clone)]
enum Why<'s> {
    /// A line of the tree says so.
    Line(&'s UnitFile<'s>, usize),
    /// The image's package does.
    Package(&'s str),
    /// systemd adds it, or first boot does it.
    Added(&'static str),
}

#[derive(Clone)]
struct Edge<'s> {
    after: Name<'s>,
    why: Why<'s>,
}

/// What comes after what: the tree's part; the image's is looked up when it is reached.
struct Graph<'s> {
    machine: Machine<'s>,
    edges: BTreeMap<Name<'s>, Vec<Edge<'s>>>,
}

/// What first boot starts.
const STARTED: [&str; 2] = ["firstBoot.gpuUnits", "firstBoot.enableUnits"];

const DEFAULT: &str = "systemd adds it, unless DefaultDependencies=no";
const STARTS: &str = "a unit comes before what it starts";
const FIRST_BOOT: &str = "cloud-init's last stage runs first boot, which starts it and waits";

impl<'s> Graph<'s> {
    fn new(machine: Machine<'s>, subject: &'s Subject<'_>) -> Self {
        let mut graph = Self {
            machine,
            edges: BTreeMap::new(),
        };
        for file in machine.files() {
            graph.explicit(file);
        }
        for file in machine.files() {
            graph.implicit(file);
        }
        for list in STARTED {
            let units = subject.plan.book.get(list).and_then(|units| units.value().as_str());
            for unit in units.unwrap_or_default().split_whitespace() {
                graph.add("cloud-final.service", unit, Why::Added(FIRST_BOOT));
            }
        }
        graph
    }

    fn add(&mut self, unit: impl Into<Name<'s>>, after: &'s str, why: Why<'s>) {
        let edge = Edge {
            after: after.into(),
            why,
        };
        self.edges.entry(unit.into()).or_default().push(edge);
    }

    fn explicit(&mut self, file: &'s UnitFile<'s>) {
        for (other, line) in words(file, "Unit", "After") {
            self.add(file.name, other, Why::Line(file, line));
        }
        for (other, line) in words(file, "Unit", "Before") {
            self.add(other, file.name, Why::Line(file, line));
        }
    }

    /// The default dependencies of systemd.service(5), systemd.timer(5) and so on.
    fn implicit(&mut self, file: &'s UnitFile<'s>) {
        if let Some(started) = started_by(self.machine, file) {
            self.add(started, file.name, Why::Added(STARTS));
        }
        let own = self.has_defaults(file.name);
        let added = || Why::Added(DEFAULT);
        if own && !file.drop_in {
            if matches!(file.kind, "service" | "timer" | "path" | "socket") {
                self.add(file.name, "sysinit.target", added());
            }
            match file.kind {
                "service" => self.add(file.name, "basic.target", added()),
                "timer" => self.add("timers.target", file.name, added()),
                "path" => self.add("paths.target", file.name, added()),
                "socket" => self.add("sockets.target", file.name, added()),
                _ => {}
            }
        }
        // A target comes after what it wants, but where the other way round is written down.
        for (other, line) in words(file, "Install", "WantedBy").chain(words(file, "Install", "RequiredBy")) {
            self.wanted(other, file.name, Why::Line(file, line));
        }
        for (other, line) in words(file, "Unit", "Wants").chain(words(file, "Unit", "Requires")) {
            self.wanted(file.name, other, Why::Line(file, line));
        }
    }

    fn wanted(&mut self, target: &'s str, unit: &'s str, why: Why<'s>) {
        let reverse = |edges: &Vec<Edge<'_>>| edges.iter().any(|edge| edge.after == target);
        let both = target.ends_with(".target") && self.has_defaults(target) && self.has_defaults(unit);
        if both && !self.edges.get(unit).is_some_and(reverse) {
            self.add(target, unit, why);
        }
    }

    fn has_defaults(&self, unit: &str) -> bool {
        let files = self.machine.about(unit);
        let last = files.flat_map(|file| file.values("Unit", "DefaultDependencies")).last();
        !last.is_some_and(|(word, _)| is_no(word))
    }

    /// What a unit comes after.
    fn before(&self, unit: &str) -> Vec<Edge<'s>> {
        let mut found = self.edges.get(unit).cloned().unwrap_or_default();
        // What the tree brings itself replaces the image's.
        if !self.machine.brings(unit) {
            for (from, after) in self.machine.image_rows(unit) {
                let names = after.split(' ').filter(|name| !name.is_empty());
                found.extend(names.map(|name| Edge {
                    after: name.into(),
                    why: Why::Package(from),
                }));
            }
        }
        found
    }

    /// Every cycle that a search from the tree's units comes upon.
    fn cycles(&self) -> Vec<Vec<Step<'s>>> {
        let mut cycles = Vec::new();
        // How far along the way a unit is; nothing once all that comes before it was seen.
        let mut seen: BTreeMap<Name<'s>, Option<usize>> = BTreeMap::new();
        for start in self.edges.keys() {
            if seen.contains_key(start) {
                continue;
            }
            let mut path: Vec<Step<'s>> = Vec::new();
            let mut ways = vec![(start.clone(), self.before(start).into_iter())];
            seen.insert(start.clone(), Some(0));
            while let Some((unit, rest)) = ways.last_mut() {
                let Some(Edge { after, why }) = rest.next() else {
                    seen.insert(unit.clone(), None);
                    ways.pop();
                    path.pop();
                    continue;
                };
                let step = Step {
                    unit: unit.clone(),
                    after: after.clone(),
                    why,
                };
                match seen.get(&after) {
                    Some(None) => {}
                    Some(Some(at)) => {
                        let mut cycle = path[*at..].to_vec();
                        cycle.push(step);
                        cycles.push(cycle);
                    }
                    None => {
                        path.push(step);
                        let further = self.before(&after).into_iter();
                        seen.insert(after.clone(), Some(ways.len()));
                        ways.push((after, further));
                    }
                }
            }
        }
        cycles
    }
}

/// Why a unit is started after another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A line of a unit in the tree says so.
    Written(Place),
    /// A package of the image says so.
    Package(String),
    /// The other one starts it.
    Starts,
    /// systemd adds it by itself.
    Default,
}

/// A unit is started after another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The unit.
    pub unit: String,
    /// What comes before it.
    pub after: String,
    /// Who says so.
    pub reason: Reason,
}

/// What comes after what when first boot starts the units of `tree`: of these, and of everything they come after. What
/// an image's own target waits for at later boots, because first boot hooked it in there, is left out.
pub fn start_order(plan: &Plan, tree: &FileTree, catalog: &Catalog) -> Vec<After> {
    let known = Known::default();
    let subject = Subject::new(plan, tree, catalog, &known);
    let machine = Machine::of(&subject);
    let graph = Graph::new(machine, &subject);
    let mut open: Vec<Name<'_>> = graph.edges.keys().cloned().collect();
    let mut seen: BTreeSet<Name<'_>> = open.iter().cloned().collect();
    let mut all = Vec::new();
    while let Some(unit) = open.pop() {
        for Edge { after, why } in graph.before(&unit) {
            if machine.brings(&after) && !machine.brings(&unit) {
                continue;
            }
            if seen.insert(after.clone()) {
                open.push(after.clone());
            }
            let reason = match why {
                Why::Line(file, line) => Reason::Written(file.place(line)),
                Why::Package(from) => Reason::Package(from.to_owned()),
                Why::Added(FIRST_BOOT) => continue,
                Why::Added(STARTS) => Reason::Starts,
                Why::Added(_) => Reason::Default,
            };
            all.push(After {
                unit: unit.to_string(),
                after: after.into_owned(),
                reason,
            });
        }
    }
    all
}

/// One step of a way back through the order.
#[derive(Clone)]
struct Step<'s> {
    unit: Name<'s>,
    after: Name<'s>,
    why: Why<'s>,
}

impl Step<'_> {
    fn place(&self) -> Option<Place> {
        match self.why {
            Why::Line(file, line) => Some(file.place(line)),
            _ => None,
        }
    }
}

fn words<'s>(
    file: &'s UnitFile<'s>,
    section: &'static str,
    key: &'static str,
) -> impl Iterator<Item = (&'s str, usize)> {
    file.values(section, key)
        .flat_map(|(value, line)| value.split_whitespace().map(move |word| (word, line)))
}

pub(super) fn cycles(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = Machine::of(subject);
    let text = || text(machine, subject).into();
    let look = || found(machine, subject);
    subject.known.look("systemd/ordering-cycle", text, look)
}

/// All that the order depends on: what stands in the units beside what they run, the image, and what first boot starts.
fn text(machine: Machine<'_>, subject: &Subject<'_>) -> String {
    let mut text = format!("{}\n", subject.plan.image.name);
    for list in STARTED {
        let units = subject.plan.book.get(list).and_then(|units| units.value().as_str());
        text.extend([units.unwrap_or_default(), "\n"]);
    }
    for file in machine.files() {
        text.extend([file.name, if file.drop_in { "+" } else { "" }, "\n"]);
        for line in file.lines().iter().filter(|line| line.section != "Service") {
            text.extend([&*line.section, " ", &line.key, "=", &line.value, "\n"]);
        }
    }
    text
}

fn found(machine: Machine<'_>, subject: &Subject<'_>) -> Vec<Finding> {
    let graph = Graph::new(machine, subject);
    let users = |file: &UnitFile<'_>| {
        subject
            .plan
            .spec
            .files
            .iter()
            .any(|own| own.path.place == file.entry.origin)
    };
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for mut cycle in graph.cycles() {
        // It is told from the user's line on, or from one of ours.
        let first = cycle
            .iter()
            .position(|step| matches!(step.why, Why::Line(file, _) if users(file)));
        let first = first.or_else(|| cycle.iter().position(|step| matches!(step.why, Why::Line(..))));
        cycle.rotate_left(first.unwrap_or(0));
        let place = cycle.first().and_then(Step::place);
        let key = place.as_ref().map(ToString::to_string).unwrap_or_default();
        if seen.insert(key) {
            findings.push(told(&cycle, place.as_ref()));
        }
    }
    findings
}

fn told(cycle: &[Step<'_>], place: Option<&Place>) -> Finding {
    let mut way = cycle.first().map(|step| step.unit.to_string()).unwrap_or_default();
    let mut others = Vec::new();
    for step in cycle {
        way = format!("{way} after {}", step.after);
        let why = match step.why {
            Why::Package(from) => format!("the {from} of the image"),
            Why::Added(why) => why.to_owned(),
            Why::Line(..) => continue,
        };
        others.push(format!("{} after {}: {why}", step.unit, step.after));
    }
    let stage = cycle
        .iter()
        .any(|step| step.after == "cloud-final.service" || step.after == "cloud-init.target");
    let early = cycle.iter().any(|step| step.after == "sysinit.target");
    let mut hint = others.join("; ");
    if stage {
        hint.push_str("; order it after cloud-config.target, or have cloud-init.target want it");
    } else if early {
        hint.push_str("; what comes before sysinit.target needs DefaultDependencies=no");
    }
    let mut finding = Finding::new(
        crate::base::Severity::Error,
        "systemd/ordering-cycle",
        format!("these wait for each other: {way}"),
    )
    .maybe_at(place)
    .hint(hint);
    for place in cycle.iter().skip(1).filter_map(Step::place) {
        finding = finding.note(&place, "this is part of it");
    }
    finding
}
