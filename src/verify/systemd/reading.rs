//! Which files systemd and its network manager read, and what stands in them.

use std::cell::OnceCell;
use std::rc::Rc;

use super::keys::Odd;
use crate::base::Place;
use crate::catalog::Plane;
use crate::syntax::systemd::{Assignment, BadLine, parse};
use crate::tree::Entry;
use crate::verify::Subject;

/// Types of units that a file can describe.
pub(super) const TYPES: [&str; 10] = [
    "service",
    "socket",
    "target",
    "timer",
    "path",
    "mount",
    "automount",
    "swap",
    "slice",
    "scope",
];
/// Types of files of the network manager and of udev.
pub(super) const NETWORK_TYPES: [&str; 3] = ["network", "netdev", "link"];

/// Where units are.
pub(super) const UNITS: &str = "/etc/systemd/system";
/// Where network files are.
pub(super) const NETWORK: &str = "/etc/systemd/network";

/// What stands in a file in systemd's syntax.
#[derive(Debug)]
pub(in crate::verify) struct Lines {
    /// Its assignments; none if it cannot be read.
    pub(in crate::verify) assignments: Vec<Assignment>,
    /// Why it cannot be read.
    pub(in crate::verify) bad: Option<BadLine>,
}

impl Lines {
    pub(in crate::verify) fn read(text: &str) -> Self {
        match parse(text) {
            Ok(assignments) => Self { assignments, bad: None },
            Err(bad) => Self {
                assignments: Vec::new(),
                bad: Some(bad),
            },
        }
    }
}

/// A file that systemd reads.
#[derive(Debug)]
pub struct UnitFile<'v> {
    /// The file.
    pub(super) entry: &'v Entry,
    /// What it configures: `kubelet.service` for `kubelet.service.d/10-node.conf` too.
    pub(super) name: &'v str,
    /// Whether it is about a unit, not about a network.
    pub(super) is_unit: bool,
    /// `service`, `network` …
    pub(super) kind: &'v str,
    /// Whether it only adds to another file.
    pub(super) drop_in: bool,
    /// What stands in it.
    read: Rc<Lines>,
    /// The lines systemd does not know, filled when they are first asked for.
    pub(super) odd: OnceCell<Vec<(usize, Odd)>>,
}

impl<'v> UnitFile<'v> {
    /// All of a tree, in its order.
    pub(in crate::verify) fn all(subject: &Subject<'v>) -> Vec<Self> {
        let entries = subject.tree.plane(Plane::Node);
        entries.filter_map(|entry| Self::read(subject, entry)).collect()
    }

    fn read(subject: &Subject<'_>, entry: &'v Entry) -> Option<Self> {
        let (is_unit, rest) = if let Some(rest) = below(entry, UNITS) {
            (true, rest)
        } else {
            (false, below(entry, NETWORK)?)
        };
        let (name, drop_in) = match rest.split_once('/') {
            None => (rest, false),
            Some((folder, file)) if file.strip_suffix(".conf").is_some() => (folder.strip_suffix(".d")?, true),
            Some(_) => return None,
        };
        // `service.d` adds to all services.
        let kind = name.rsplit('.').next()?;
        let types = if is_unit {
            TYPES.as_slice()
        } else {
            NETWORK_TYPES.as_slice()
        };
        types.contains(&kind).then(|| Self {
            entry,
            name,
            is_unit,
            kind,
            drop_in,
            read: subject.systemd(entry),
            odd: OnceCell::new(),
        })
    }

    /// What stands in it; nothing if it cannot be read, which `file/syntax` says.
    pub(super) fn lines(&self) -> &[Assignment] {
        &self.read.assignments
    }

    /// The place of a line.
    pub(super) fn place(&self, line: usize) -> Place {
        Place::line_of(&self.entry.source(), line)
    }

    /// The values of a key, in order, each with its line.
    pub(super) fn values<'u>(
        &'u self,
        section: &'u str,
        key: &'u str,
    ) -> impl DoubleEndedIterator<Item = (&'u str, usize)> {
        self.lines()
            .iter()
            .filter(move |line| line.key == key && line.section == section)
            .map(|line| (line.value.as_str(), line.line))
    }
}

fn below<'e>(entry: &'e Entry, folder: &str) -> Option<&'e str> {
    entry.path.as_str().strip_prefix(folder)?.strip_prefix('/')
}
