//! Kernel settings against what a kernel knows.
//!
//! First boot sets each file with sysctl(8), which fails at a setting the kernel has not, and stops there.

use super::{Check, Subject};
use crate::base::{Finding, Place, Severity, misspelled};
use crate::catalog::{Plane, Rows};
use crate::syntax::{FileType, sysctl};

/// The checks of this file.
pub(super) const ROWS: &[Check] = &[
    Check {
        id: "sysctl/misspelled",
        severity: Severity::Error,
        summary: "The name of a kernel setting is spelled right",
        reason: "A name that is a letter or two off one the kernel has sets nothing, and stops first boot, because sysctl fails.",
        run: Some(names_misspelled),
    },
    Check {
        id: "sysctl/unknown",
        severity: Severity::Warning,
        summary: "The kernel has every setting",
        reason: "A setting the kernel has not stops first boot, because sysctl fails. Kernels differ, and the table holds what those of the images are known to have.",
        run: Some(names_unknown),
    },
    Check {
        id: "sysctl/module",
        severity: Severity::Error,
        summary: "The module of a kernel setting is loaded before it is set",
        reason: "net.bridge.* is there once br_netfilter is loaded and net.netfilter.nf_conntrack_* once nf_conntrack is; until then it cannot be set, at first boot nor at later ones (sysctl.d(5), \"Examples\").",
        run: Some(modules),
    },
    Check {
        id: "sysctl/value",
        severity: Severity::Error,
        summary: "A kernel setting that is a number gets a number",
        reason: "The kernel refuses all else with \"Invalid argument\", and sysctl and first boot fail with it.",
        run: Some(values),
    },
];

/// `name,module,numbers`
const TABLE: &str = "profiles/sysctl/names.csv";

/// Settings that exist once for each interface.
const PER_INTERFACE: [&str; 5] = [
    "net.ipv4.conf.",
    "net.ipv4.neigh.",
    "net.ipv6.conf.",
    "net.ipv6.neigh.",
    "net.mpls.conf.",
];

/// One line of a file.
#[derive(Debug)]
pub(super) struct Line<'v> {
    name: String,
    value: String,
    place: Place,
    /// The module it needs, and of how many numbers it is, if the table has it.
    known: Option<(&'v str, usize)>,
    /// A dash before the name: sysctl goes on where it fails.
    optional: bool,
}

/// Every line of the tree's files.
pub(super) fn read<'v>(subject: &Subject<'v>) -> Vec<Line<'v>> {
    let rows = subject.catalog.rows(TABLE);
    let files = subject
        .tree
        .plane(Plane::Node)
        .filter(|entry| entry.filetype == FileType::Sysctl);
    let mut found = Vec::new();
    for entry in files {
        let source = entry.source();
        for setting in sysctl::parse(&entry.text).unwrap_or_default() {
            let place = Place::line_of(&source, setting.line);
            let name = table_name(&setting.key);
            found.push(Line {
                known: row(rows, &name),
                name,
                value: setting.value,
                optional: source.text[place.start..].trim_start().starts_with('-'),
                place,
            });
        }
    }
    found
}

/// The name as the table has it: with dots, and without the interface's name.
fn table_name(key: &str) -> String {
    // Slashes that part the name leave dots to the interface's name: net/ipv4/conf/eth0.100/rp_filter.
    let key: String = if key.find('/') < key.find('.') && key.contains('/') {
        let swap = |c| match c {
            '/' => '.',
            '.' => '/',
            other => other,
        };
        key.chars().map(swap).collect()
    } else {
        key.to_owned()
    };
    for prefix in PER_INTERFACE {
        let last = key.strip_prefix(prefix).and_then(|rest| rest.rsplit_once('.'));
        if let Some((_, last)) = last {
            return format!("{prefix}*.{last}");
        }
    }
    key
}

/// The module and the count of numbers of a setting, if the table has it.
fn row<'c>(rows: Rows<'c>, name: &str) -> Option<(&'c str, usize)> {
    let row = rows.starting(&format!("{name},")).next().or_else(|| {
        let mut above = name.match_indices('.').map(|(at, _)| format!("{}.*,", &name[..at]));
        above.find_map(|start| rows.starting(&start).next())
    })?;
    let (module, numbers) = row.split_once(',')?;
    Some((module, numbers.parse().unwrap_or(0)))
}

/// The settings that the table has not, each with the one it nearly is.
fn unknown<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (&'s Line<'s>, Option<&'s str>)> {
    let rows = subject.catalog.rows(TABLE);
    let odd = subject.sysctl().iter().filter(|line| line.known.is_none());
    odd.map(move |line| {
        let names = rows.all().filter_map(|row| row.split(',').next());
        let near = misspelled(&line.name, names);
        (line, near)
    })
}

fn names_misspelled(subject: &Subject<'_>) -> Vec<Finding> {
    let found = unknown(subject).filter_map(|(line, near)| {
        let message = format!("the kernel has no setting {}", line.name);
        let hint = format!("did you mean {}?", near?);
        Some(Finding::error("sysctl/misspelled", message, &line.place).hint(hint))
    });
    found.collect()
}

fn names_unknown(subject: &Subject<'_>) -> Vec<Finding> {
    let odd = unknown(subject).filter(|(line, near)| near.is_none() && !line.optional);
    odd.map(|(line, _)| {
        let message = format!("no kernel of the images is known to have {}", line.name);
        Finding::warning("sysctl/unknown", message, &line.place)
            .hint("a dash before the name lets sysctl go on without it")
    })
    .collect()
}

fn modules(subject: &Subject<'_>) -> Vec<Finding> {
    let lines = subject.sysctl().iter().filter(|line| !line.optional);
    let needed: Vec<(&Line<'_>, &str)> = lines
        .filter_map(|line| {
            let (module, _) = line.known?;
            (!module.is_empty()).then_some((line, module))
        })
        .collect();
    if needed.is_empty() {
        return Vec::new();
    }
    let files = subject.tree.plane(Plane::Node);
    let loaded: Vec<String> = files
        .filter(|entry| entry.path.is_below("/etc/modules-load.d") || entry.path.as_str() == "/etc/modules")
        .flat_map(|entry| entry.text.lines())
        .map(|line| line.trim().replace('-', "_"))
        .collect();
    let without = needed
        .into_iter()
        .filter(|(_, module)| !loaded.iter().any(|other| brings(other, module)));
    without
        .map(|(line, module)| {
            let message = format!("{} needs the module {module}, which nothing loads", line.name);
            Finding::error("sysctl/module", message, &line.place)
                .hint(format!("a line `{module}` in a file of /etc/modules-load.d"))
        })
        .collect()
}

/// Whether loading one module brings the other, as modprobe does with what a module needs.
fn brings(loaded: &str, module: &str) -> bool {
    let upon = loaded
        .strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    let tracks = module == "nf_conntrack"
        && ["ip_vs", "nf_nat", "xt_conntrack"]
            .iter()
            .any(|name| loaded.starts_with(name));
    upon || tracks
}

fn values(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for line in subject.sysctl() {
        let Some((_, most)) = line.known.filter(|(_, most)| *most > 0) else {
            continue;
        };
        let words: Vec<&str> = line.value.split_whitespace().collect();
        let hint = match words.iter().find(|word| !is_number(word)) {
            Some(word) => format!("`{word}` is no whole number"),
            None if words.len() > most => format!("it takes {most}, not {}", words.len()),
            None => continue,
        };
        let message = format!("{} cannot be `{}`", line.name, line.value);
        findings.push(Finding::error("sysctl/value", message, &line.place).hint(hint));
    }
    findings
}

/// A whole number as the kernel reads it.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (digits, base) = match digits.strip_prefix("0x") {
        Some(rest) => (rest, 16),
        None => (digits, 10),
    };
    !digits.is_empty() && digits.chars().all(|c| c.is_digit(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_table_has_them() {
        for (key, name) in [
            ("vm.swappiness", "vm.swappiness"),
            ("net.ipv4.conf.all.rp_filter", "net.ipv4.conf.*.rp_filter"),
            ("net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.*.rp_filter"),
            ("net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.*.rp_filter"),
            ("net.ipv6.neigh.default.gc_thresh3", "net.ipv6.neigh.*.gc_thresh3"),
        ] {
            assert_eq!(table_name(key), name, "{key}");
        }
    }

    #[test]
    fn numbers() {
        for good in ["0", "-1", "0x10", "4096"] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "-", "1.5", "1k", "yes", "0x"] {
            assert!(!is_number(bad), "{bad}");
        }
    }
}
