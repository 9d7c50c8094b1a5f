//! Sections and keys against what systemd knows.

use super::UnitFile;
use crate::base::{Finding, Version, closest};
use crate::catalog::Rows;
use crate::syntax::systemd::Assignment;
use crate::verify::Subject;

/// `kind,section,key,since`; `unit` is the kind of the sections that all units have.
const TABLE: &str = "profiles/systemd/keys.csv";

/// What is odd about an assignment.
#[derive(Debug)]
pub(super) enum Odd {
    /// No such section in this type of file.
    Section,
    /// No such key in this section.
    Key,
    /// Only from this version on, and the image's may be older.
    Since(Version),
}

/// The rows of a section begin with `kind,section,`.
fn start(file: &UnitFile<'_>, section: &str) -> String {
    let kind = match section {
        "Unit" | "Install" if file.is_unit => "unit",
        _ => file.kind,
    };
    format!("{kind},{section},")
}

fn judge(rows: Rows<'_>, image: &Version, file: &UnitFile<'_>, line: &Assignment) -> Option<Odd> {
    if line.section.starts_with("X-") || line.key.starts_with("X-") {
        return None;
    }
    let section = start(file, &line.section);
    let row = format!("{section}{},", line.key);
    match rows.starting(&row).next() {
        Some(since) => {
            let since = since.parse().ok().filter(|since| since > image);
            since.map(Odd::Since)
        }
        None if rows.starting(&section).next().is_some() => Some(Odd::Key),
        None => Some(Odd::Section),
    }
}

/// The odd assignments of all files; the table is asked once for all checks.
fn odd<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (&'s UnitFile<'s>, &'s Assignment, &'s Odd)> {
    let rows = subject.catalog.rows(TABLE);
    let image = &subject.plan.image.systemd;
    subject.units().iter().flat_map(move |file| {
        let odd = file.odd.get_or_init(|| {
            let text = || format!("{} {} {image}\n{}", file.kind, file.is_unit, file.entry.text).into();
            subject.known.look("systemd/unknown-key", text, || {
                let lines = file.lines().iter().enumerate();
                let judged = lines.filter_map(|(at, line)| Some((at, judge(rows, image, file, line)?)));
                judged.collect()
            })
        });
        odd.iter().map(move |(at, odd)| (file, &file.lines()[*at], odd))
    })
}

pub(super) fn sections(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut last = None;
    for (file, line, odd) in odd(subject) {
        // Once for the section, not for each of its lines.
        let here = (file.entry.path.as_str(), line.section.as_str());
        if !matches!(odd, Odd::Section) || last.replace(here) == Some(here) {
            continue;
        }
        let message = format!("systemd knows no [{}] in a .{} file", line.section, file.kind);
        let mut sections: Vec<&str> = subject
            .catalog
            .rows(TABLE)
            .all()
            .filter_map(|row| {
                let (kind, rest) = row.split_once(',')?;
                let mine = kind == file.kind || (kind == "unit" && file.is_unit);
                rest.split(',').next().filter(|_| mine)
            })
            .collect();
        sections.dedup();
        let hint = match closest(&line.section, sections.iter().copied()) {
            Some(near) => format!("did you mean [{near}]?"),
            None => "all that stands in it is ignored; sections of your own begin with X-".to_owned(),
        };
        findings.push(Finding::error("systemd/unknown-section", message, &file.place(line.line)).hint(hint));
    }
    findings
}

pub(super) fn unknown(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, line, odd) in odd(subject) {
        if !matches!(odd, Odd::Key) {
            continue;
        }
        let message = format!("systemd knows no {}= in [{}]", line.key, line.section);
        let finding = Finding::error("systemd/unknown-key", message, &file.place(line.line));
        findings.push(match meant(subject.catalog.rows(TABLE), file, line) {
            Some(hint) => finding.hint(hint),
            None => finding.hint("it is ignored; keys of your own begin with X-"),
        });
    }
    findings
}

/// The section of this file's type that has the key, or the key of this section that is nearly it.
fn meant(rows: Rows<'_>, file: &UnitFile<'_>, line: &Assignment) -> Option<String> {
    let mine = |kind: &str| kind == file.kind || (kind == "unit" && file.is_unit);
    let columns = rows.all().filter_map(|row| {
        let mut columns = row.split(',');
        Some((columns.next()?, columns.next()?, columns.next()?))
    });
    let elsewhere: Vec<&str> = columns
        .filter(|(kind, _, key)| mine(kind) && *key == line.key)
        .map(|(_, section, _)| section)
        .collect();
    if let [first, ..] = elsewhere.as_slice() {
        return Some(format!("{}= belongs into [{first}]", line.key));
    }
    let section = start(file, &line.section);
    let keys = rows.starting(&section).filter_map(|row| row.split(',').next());
    closest(&line.key, keys).map(|near| format!("did you mean {near}=?"))
}

pub(super) fn newer(subject: &Subject<'_>) -> Vec<Finding> {
    let image = &subject.plan.image;
    let mut findings = Vec::new();
    for (file, line, odd) in odd(subject) {
        if let Odd::Since(since) = odd {
            let message = format!(
                "{}= came with systemd {since}, image {} may have {}",
                line.key, image.name, image.systemd
            );
            let finding = Finding::error("systemd/newer-key", message, &file.place(line.line));
            findings.push(finding.hint("the older one ignores it: do without, or take a later image"));
        }
    }
    findings
}
