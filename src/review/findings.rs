//! Differences as findings, each at the line it concerns: the line of node.yaml, of the cluster's facts or of the user's
//! catalog that decided the new value, or else the golden's own.

use std::collections::BTreeSet;

use super::change::{How, What};
use super::diff::{Change, FileDiff, ModeChange};
use super::fold::{Fold, FoldedItem, news, on_nodes};
use super::impact::Impact;
use super::node::NodeDiff;
use super::{maker, visible};
use crate::base::{Finding, Place, Report, Severity};

/// What [`findings`] has to know beside the differences.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The command that makes the goldens what is rendered now.
    pub again: &'a str,
    /// Whether nodes may get other names.
    pub allow_new_name: bool,
}

/// The differences of all nodes as findings. What many nodes have in common is one finding.
pub fn findings(nodes: &[NodeDiff], asked: Asked<'_>) -> Report {
    let mut report = Report::new();
    for node in nodes {
        whole(node, asked, &mut report);
    }
    let mut named: BTreeSet<(&str, &str)> = BTreeSet::new();
    for one in news(nodes) {
        let place = nodes
            .iter()
            .find(|node| one.nodes.first() == Some(&node.name.as_str()))
            .and_then(|node| node.place.as_ref());
        let teller = Teller {
            nodes,
            fold: &one,
            node: place,
            asked,
        };
        if !teller.file(&mut report) {
            continue;
        }
        for folded in &one.items {
            let item = folded.item;
            // A name stands in several files: it is refused once.
            let is_name = item.impact == Impact::Name && item.what == What::Changed && !asked.allow_new_name;
            let sides = (item.old.as_deref(), item.new.as_deref());
            let refused = is_name && named.insert((sides.0.unwrap_or_default(), sides.1.unwrap_or_default()));
            report.push(teller.item(folded, refused));
        }
    }
    report
}

/// What concerns a node as a whole.
fn whole(node: &NodeDiff, asked: Asked<'_>, report: &mut Report) {
    let told = |message: String| {
        Finding::new(Severity::Error, "golden/node", message)
            .maybe_at(node.place.as_ref())
            .hint(format!("`{}` brings it up to date", asked.again))
    };
    match node.change {
        Some(Change::Added) => report.push(told(format!("{} has no golden folder", node.name))),
        Some(Change::Removed) => report.push(told(format!("the golden folder {} is of no node", visible(&node.name)))),
        _ => {}
    }
    if let Some(then) = &node.maker {
        // The same for the whole fleet: told once, without a place.
        let message = format!("the goldens were made by {}; this is {}", visible(then), maker());
        let templates = match node.templates.as_slice() {
            [] => String::new(),
            names => format!("; templates that differ: {}", names.join(", ")),
        };
        report.push(
            Finding::new(Severity::Warning, "golden/maker", message + &templates)
                .hint("check with the version that made them, or make them anew and review what changes"),
        );
    }
}

/// Tells of one fold.
struct Teller<'t> {
    nodes: &'t [NodeDiff],
    fold: &'t Fold<'t>,
    /// Where the first of its nodes is named.
    node: Option<&'t Place>,
    asked: Asked<'t>,
}

impl Teller<'_> {
    fn on(&self, these: &[&str]) -> String {
        match self.fold.of {
            1 => String::new(),
            of => format!(", {}", on_nodes(these, of, self.nodes)),
        }
    }

    fn at(&self, id: &'static str, severity: Severity, message: String, line: Option<usize>) -> Finding {
        let source = self.fold.file.source.as_ref();
        let place = line.zip(source).map(|(line, source)| Place::line_of(source, line));
        Finding::new(severity, id, message).maybe_at(place.as_ref().or(self.fold.file.place.as_ref()).or(self.node))
    }

    fn hint(&self) -> String {
        format!("`{}` takes it over; review what it writes", self.asked.again)
    }

    /// What concerns the file as a whole. `false` if there is no more to say of it.
    fn file(&self, report: &mut Report) -> bool {
        let file = self.fold.file;
        let path = visible(&file.path);
        let on = self.on(&self.fold.nodes);
        if let Some(mark) = file.conflict {
            let message = format!("{path} has the marks of a merge conflict{on}");
            let hint = format!("merge the inputs, then `{}`", self.asked.again);
            let finding = self.at("golden/conflict", Severity::Error, message, Some(mark));
            report.push(finding.hint(hint));
            return false;
        }
        if let Some(line) = file.secret {
            let message = format!("{path} holds a secret{on}");
            let finding = self.at("golden/secret", Severity::Error, message, Some(line));
            report.push(finding.hint("replace the key where it is from: the repository's history keeps it"));
        }
        if let Some(mode) = file.mode.filter(ModeChange::widens) {
            let message = format!("{path} gets wider: mode {} → {}{on}", mode.folder, mode.rendered);
            report.push(self.at("golden/wider-mode", Severity::Warning, message, None));
        }
        if file.foreign {
            let message = format!("{path} is in the golden folder, and nodebake did not write it{on}");
            let hint = "remove it, or keep it outside of node/, cluster/, aws/ and image/";
            report.push(self.at("golden/foreign", Severity::Error, message, Some(1)).hint(hint));
            return false;
        }
        if file.how == How::Opaque {
            let message = format!("{path} {}{on}", file.notes.join(", "));
            let finding = self.at("golden/strange", Severity::Error, message, None);
            report.push(finding.hint(self.hint()));
            return false;
        }
        if file.edited {
            let message = format!("{path} was edited since it was rendered{on}");
            let first = file.items.first().and_then(|item| item.old_line);
            let line = first.unwrap_or_else(|| first_line(file));
            let finding = self.at("golden/edited", Severity::Error, message, Some(line));
            report.push(finding.hint(self.hint()));
        } else if file.items.is_empty() {
            let mut words = file.words();
            words.extend(file.notes.iter().cloned());
            let message = format!("{path}: {}{}{on}", words.join("; "), needs(file.impact));
            let finding = self.at("golden/differs", Severity::Error, message, Some(first_line(file)));
            report.push(finding.hint(self.hint()));
        }
        true
    }

    /// One value; `refused` if it is a name that may not change.
    fn item(&self, folded: &FoldedItem<'_>, refused: bool) -> Finding {
        let (file, item) = (folded.file, folded.item);
        let causes: Vec<_> = item
            .causes
            .iter()
            .filter_map(|cause| Some((cause, cause.place.as_ref()?)))
            .collect();
        let what = format!("{} {}", file.subject, item.words());
        let on = self.on(&folded.nodes);
        let (id, message, hint) = if refused {
            let message = format!("{what}{on}: under another name it is another node");
            let hint = "`--allow-new-name` if that is meant; the old Node stays in the cluster until it is deleted";
            ("golden/new-name", message, hint.to_owned())
        } else {
            (
                "golden/differs",
                format!("{what}{}{on}", needs(item.impact)),
                self.hint(),
            )
        };
        let line = item.old_line.or(item.new_line).unwrap_or(1);
        let golden = file.source.as_ref().map(|source| Place::line_of(source, line));
        let mut finding = Finding::new(Severity::Error, id, message)
            .maybe_at(golden.as_ref().or(self.node))
            .hint(hint);
        if let Some((_, place)) = causes.first() {
            finding = finding.at((*place).clone());
        }
        for (cause, place) in causes.iter().skip(1) {
            finding = finding.note(place, format!("`{}` is decided here", cause.what));
        }
        finding
    }
}

fn needs(impact: Impact) -> String {
    match impact {
        Impact::Nothing => String::new(),
        other => format!(" ({})", other.words()),
    }
}

/// The first line of the folder's text that differs.
fn first_line(file: &FileDiff) -> usize {
    let hunk = file.diff.lines().find_map(|line| line.strip_prefix("@@ -"));
    let mut at = hunk
        .and_then(|rest| rest.split([',', ' ']).next()?.parse::<usize>().ok())
        .unwrap_or(1);
    for line in file.diff.lines().skip_while(|line| !line.starts_with("@@ ")).skip(1) {
        if line.starts_with(['-', '+']) {
            break;
        }
        at += 1;
    }
    at.max(1)
}
