//! In which order a machine starts: cloud-init, first boot, and the units, as `After=` and `Before=` of the tree and of
//! the image's packages have it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::text::Paths;
use crate::catalog::{Catalog, Plane};
use crate::plan::Plan;
use crate::syntax::systemd::{Assignment, parse};
use crate::tree::FileTree;
use crate::verify::{After, Reason, start_order};

/// The stage of cloud-init that runs commands.
const CLOUD_INIT: &str = "cloud-final.service";
/// Stands for the script; no unit has a blank in its name.
const FIRST_BOOT: &str = "first boot";
/// Where units are.
const UNITS: &str = "/etc/systemd/system/";

/// Whose a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Whose {
    /// The image's own.
    Image,
    /// cloud-init, or first boot.
    Boot,
    /// A file of the tree.
    Tree,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The unit.
    pub(super) name: String,
    /// Whose it is.
    pub(super) whose: Whose,
    /// The steps it directly comes after, by their number.
    pub(super) after: Vec<usize>,
    /// The steps that start it, whether or not something lies between.
    pub(super) started_by: Vec<usize>,
    /// Units it asks for, with the key's word.
    pub(super) asks: Vec<String>,
    /// The lines that say what it comes after.
    pub(super) lines: Vec<String>,
}

/// A unit's lines in the tree.
#[derive(Default)]
struct Unit {
    whole: bool,
    lines: Vec<Assignment>,
}

fn units(tree: &FileTree) -> BTreeMap<&str, Unit> {
    let mut units: BTreeMap<&str, Unit> = BTreeMap::new();
    for entry in tree.plane(Plane::Node) {
        let Some(below) = entry.path.as_str().strip_prefix(UNITS) else {
            continue;
        };
        let (name, drop_in) = match below.split_once('/') {
            None => (below, false),
            Some((folder, _)) => (folder.strip_suffix(".d").unwrap_or(folder), true),
        };
        let unit = units.entry(name).or_default();
        unit.whole |= !drop_in;
        unit.lines.extend(parse(&entry.text).unwrap_or_default());
    }
    units
}

fn words<'u>(unit: &'u Unit, keys: &'u [&str]) -> impl Iterator<Item = (&'u str, &'u str)> {
    let lines = unit
        .lines
        .iter()
        .filter(|line| line.section == "Unit" && keys.contains(&line.key.as_str()));
    lines.flat_map(|line| line.value.split_whitespace().map(|word| (line.key.as_str(), word)))
}

/// The steps of a node, in an order that keeps what its units say.
pub(super) fn steps(plan: &Plan, tree: &FileTree, catalog: &Catalog, paths: &Paths) -> Vec<Step> {
    let listed = |path: &str| plan.book.get(path).and_then(|units| units.value().as_str());
    let lists = ["firstBoot.gpuUnits", "firstBoot.enableUnits"].map(|path| listed(path).unwrap_or_default());
    let started: Vec<&str> = lists.iter().flat_map(|list| list.split_whitespace()).collect();
    let interface = listed("firstBoot.interface").filter(|name| !name.is_empty());
    let device = interface.map(|name| format!("sys-subsystem-net-devices-{name}.device"));
    let units = units(tree);
    let mut order = start_order(plan, tree, catalog);
    // What first boot starts, the image's own targets do not wait for.
    order.retain(|edge| units.contains_key(edge.unit.as_str()) || !started.contains(&edge.after.as_str()));
    let mut shown: BTreeSet<&str> = [CLOUD_INIT, FIRST_BOOT].into();
    shown.extend(&started);
    for (name, unit) in &units {
        shown.insert(name);
        shown.extend(words(unit, &["After", "Before"]).map(|(_, other)| other));
    }
    let mut befores = direct(&shown, &order);
    let mut starts: BTreeSet<(&str, &str)> = BTreeSet::new();
    let begun = started.iter().copied().chain(device.as_deref());
    for unit in begun.filter(|unit| shown.contains(unit)) {
        befores.entry(unit).or_default().insert(FIRST_BOOT);
        starts.insert((unit, FIRST_BOOT));
    }
    befores.entry(FIRST_BOOT).or_default().insert(CLOUD_INIT);
    starts.insert((FIRST_BOOT, CLOUD_INIT));
    for edge in order.iter().filter(|edge| edge.reason == Reason::Starts) {
        starts.insert((edge.unit.as_str(), edge.after.as_str()));
    }
    let rank = |name: &str| match name {
        CLOUD_INIT => 1,
        FIRST_BOOT => 2,
        _ => match started.iter().position(|unit| *unit == name) {
            Some(at) => 4 + at,
            None if units.contains_key(name) => 3,
            None => 0,
        },
    };
    let sorted = sorted(&shown, &befores, rank);
    let number: BTreeMap<&str, usize> = sorted.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let reduced = reduced(&sorted, &befores);
    let one = |name: &&str| {
        let unit = units.get(name);
        let numbers = |names: &BTreeSet<&str>| -> Vec<usize> {
            let mut all: Vec<usize> = names.iter().filter_map(|name| number.get(name).copied()).collect();
            all.sort_unstable();
            all
        };
        let after = reduced.get(name).map(&numbers).unwrap_or_default();
        let begun_by: BTreeSet<&str> = starts
            .iter()
            .filter(|(started, _)| started == name)
            .map(|(_, by)| *by)
            .collect();
        let asks = unit.map(|unit| words(unit, &["Requires", "BindsTo", "Requisite", "Wants"]));
        Step {
            name: (*name).to_owned(),
            whose: match unit {
                _ if [CLOUD_INIT, FIRST_BOOT].contains(name) => Whose::Boot,
                Some(unit) if unit.whole => Whose::Tree,
                _ => Whose::Image,
            },
            started_by: numbers(&begun_by),
            after,
            asks: asks
                .into_iter()
                .flatten()
                .map(|(key, other)| format!("{key}={other}"))
                .collect(),
            lines: said(name, &order, paths),
        }
    };
    sorted.iter().map(one).collect()
}

/// The lines of the tree about what a unit comes after.
fn said(unit: &str, order: &[After], paths: &Paths) -> Vec<String> {
    let mut lines: Vec<String> = order
        .iter()
        .filter(|edge| edge.unit == unit)
        .filter_map(|edge| match &edge.reason {
            Reason::Written(place) => Some(paths.place(place)),
            _ => None,
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// What each unit of `shown` comes after, over whatever lies between them.
fn direct<'n>(shown: &BTreeSet<&'n str>, order: &'n [After]) -> BTreeMap<&'n str, BTreeSet<&'n str>> {
    let mut before: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in order {
        before.entry(edge.unit.as_str()).or_default().push(edge.after.as_str());
    }
    let mut found = BTreeMap::new();
    for unit in shown {
        let mut open = vec![*unit];
        let mut seen: BTreeSet<&str> = open.iter().copied().collect();
        let mut met = BTreeSet::new();
        while let Some(next) = open.pop() {
            for other in before.get(next).into_iter().flatten().copied() {
                if !seen.insert(other) {
                    continue;
                }
                match shown.get(other) {
                    Some(other) => {
                        met.insert(*other);
                    }
                    None => open.push(other),
                }
            }
        }
        found.insert(*unit, met);
    }
    found
}

/// All of `shown`, each after what comes before it; the lowest rank first where there is a choice. What waits for
/// itself comes last.
fn sorted<'n>(
    shown: &BTreeSet<&'n str>,
    befores: &BTreeMap<&'n str, BTreeSet<&'n str>>,
    rank: impl Fn(&str) -> usize,
) -> Vec<&'n str> {
    let mut left = shown.clone();
    let mut sorted = Vec::new();
    while !left.is_empty() {
        let waits = |name: &&&str| {
            let befores = befores.get(**name).into_iter().flatten();
            befores
                .filter(|before| **before != **name)
                .any(|before| left.contains(before))
        };
        let ready = left
            .iter()
            .filter(|name| !waits(name))
            .min_by_key(|name| (rank(name), **name));
        let Some(next) = ready.or_else(|| left.first()).copied() else {
            break;
        };
        left.remove(next);
        sorted.push(next);
    }
    sorted
}

/// Only what no other step stands for: of a after b, b after c and a after c the last is left out.
fn reduced<'n>(
    sorted: &[&'n str],
    befores: &BTreeMap<&'n str, BTreeSet<&'n str>>,
) -> BTreeMap<&'n str, BTreeSet<&'n str>> {
    let mut above: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut reduced = BTreeMap::new();
    for (at, name) in sorted.iter().enumerate() {
        let earlier: BTreeSet<&str> = sorted[..at].iter().copied().collect();
        let none = BTreeSet::new();
        let own: BTreeSet<&str> = befores
            .get(name)
            .unwrap_or(&none)
            .intersection(&earlier)
            .copied()
            .collect();
        let through: BTreeSet<&str> = own
            .iter()
            .filter_map(|before| above.get(before))
            .flatten()
            .copied()
            .collect();
        above.insert(name, own.union(&through).copied().collect());
        reduced.insert(*name, own.difference(&through).copied().collect());
    }
    reduced
}

/// Height of a row of the picture.
const ROW: usize = 34;
/// How far an arc reaches to the left at most.
const REACH: usize = 128;
/// Longest name that the picture has room for.
const ROOM: usize = 36;

/// The picture: one row a step, and an arc from each step to what directly follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Picture {
    height: usize,
    rows: Vec<Row>,
    arcs: Vec<Arc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    y: usize,
    text: usize,
    name: String,
    short: String,
    whose: Whose,
    after: Vec<String>,
    started_by: Vec<String>,
    asks: Vec<String>,
    lines: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Arc {
    path: String,
    starts: bool,
}

/// What people call a step.
fn called(name: &str) -> String {
    match name {
        CLOUD_INIT => "cloud-init: files, then runcmd".into(),
        FIRST_BOOT => "first boot".into(),
        other => other.to_owned(),
    }
}

/// A name with its middle left out where it is too long.
fn fitted(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= ROOM {
        return name.to_owned();
    }
    let (head, tail) = (ROOM / 2 - 1, ROOM / 2);
    let head: String = letters[..head].iter().collect();
    let tail: String = letters[letters.len() - tail..].iter().collect();
    format!("{head}\u{2026}{tail}")
}

/// The picture of `steps`.
pub(super) fn picture(steps: &[Step]) -> Picture {
    let y = |at: usize| at * ROW + ROW / 2;
    let x = REACH + 12;
    let names = |numbers: &[usize]| numbers.iter().map(|at| called(&steps[*at].name)).collect();
    let mut arcs = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        for before in &step.after {
            let bow = x - (14 + (at - before - 1) * 13).min(REACH);
            let (from, to) = (y(*before), y(at));
            arcs.push(Arc {
                path: format!("M{x} {from}C{bow} {} {bow} {} {} {to}", from + 8, to - 8, x - 8),
                starts: step.started_by.contains(before),
            });
        }
    }
    let rows = steps
        .iter()
        .enumerate()
        .map(|(at, step)| Row {
            y: y(at),
            text: y(at) + 4,
            name: called(&step.name),
            short: fitted(&called(&step.name)),
            whose: step.whose,
            after: names(&step.after),
            started_by: names(&step.started_by),
            asks: step.asks.clone(),
            lines: step.lines.clone(),
        })
        .collect();
    Picture {
        height: steps.len() * ROW,
        rows,
        arcs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(unit: &str, after: &str) -> After {
        After {
            unit: unit.into(),
            after: after.into(),
            reason: Reason::Default,
        }
    }

    #[test]
    fn what_lies_between_is_passed_over_and_what_follows_is_left_out() {
        let order = [edge("c", "x"), edge("x", "b"), edge("b", "a"), edge("c", "a")];
        let shown: BTreeSet<&str> = ["a", "b", "c"].into();
        let direct = direct(&shown, &order);
        assert_eq!(direct["c"], ["a", "b"].into());
        let sorted = sorted(&shown, &direct, |_| 0);
        assert_eq!(sorted, ["a", "b", "c"]);
        assert_eq!(reduced(&sorted, &direct)["c"], ["b"].into());
    }

    #[test]
    fn rank_decides_where_nothing_else_does_and_a_circle_ends() {
        let shown: BTreeSet<&str> = ["a", "b", "c"].into();
        let order = [edge("a", "c")];
        let free = direct(&shown, &order);
        assert_eq!(sorted(&shown, &free, |name| usize::from(name != "c")), ["c", "a", "b"]);
        let order = [edge("a", "b"), edge("b", "a")];
        let circle = direct(&shown, &order);
        assert_eq!(sorted(&shown, &circle, |_| 0), ["c", "a", "b"]);
        let reduced = reduced(&["c", "a", "b"], &circle);
        assert!(reduced["a"].is_empty() && reduced["b"].len() == 1);
    }

    #[test]
    fn long_names_keep_both_ends() {
        let name = "sys-subsystem-net-devices-nodebake-interface0.device";
        let short = fitted(name);
        assert_eq!(short.chars().count(), ROOM);
        assert!(short.starts_with("sys-subsystem") && short.ends_with("interface0.device"));
    }
}
