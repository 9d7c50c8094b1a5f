//! Units that refer to units.

use super::machine::Machine;
use super::reading::TYPES;
use super::{UnitFile, machine};
use crate::base::{Finding, closest};
use crate::verify::Subject;

/// Without the other unit this one fails, is never started or starts nothing.
const NEEDED: [(&str, &str); 16] = [
    ("Unit", "Requires"),
    ("Unit", "Requisite"),
    ("Unit", "BindsTo"),
    ("Unit", "BindTo"),
    ("Unit", "OnFailure"),
    ("Unit", "OnSuccess"),
    ("Unit", "JoinsNamespaceOf"),
    ("Timer", "Unit"),
    ("Path", "Unit"),
    ("Socket", "Service"),
    ("Service", "Sockets"),
    ("Install", "WantedBy"),
    ("Install", "RequiredBy"),
    ("Install", "UpheldBy"),
    ("Install", "Also"),
    ("Unit", "StopPropagatedFrom"),
];

/// Without the other unit this says nothing.
const VOID: [(&str, &str); 5] = [
    ("Unit", "Wants"),
    ("Unit", "Upholds"),
    ("Unit", "After"),
    ("Unit", "Before"),
    ("Unit", "PartOf"),
];

/// What is missing, and where it is asked for.
struct Missing<'s> {
    file: &'s UnitFile<'s>,
    line: usize,
    key: &'s str,
    unit: &'s str,
}

fn missing<'s>(machine: Machine<'s>, keys: &'static [(&'static str, &'static str)]) -> Vec<Missing<'s>> {
    let mut found = Vec::new();
    for file in machine.files() {
        for line in file.lines() {
            if !keys.contains(&(line.section.as_str(), line.key.as_str())) {
                continue;
            }
            for unit in line.value.split_whitespace() {
                // What a specifier makes of it is known on the machine.
                if !unit.contains('%') && !machine.has(unit) {
                    found.push(Missing {
                        file,
                        line: line.line,
                        key: &line.key,
                        unit,
                    });
                }
            }
        }
    }
    found
}

/// What was meant, or what to do.
fn hint(machine: Machine<'_>, unit: &str, otherwise: &str) -> String {
    let typed = unit
        .rsplit_once('.')
        .is_some_and(|(_, kind)| TYPES.contains(&kind) || kind == "device");
    if !typed {
        let full = TYPES
            .iter()
            .map(|kind| format!("{unit}.{kind}"))
            .find(|full| machine.has(full));
        return match full {
            Some(full) => format!("a unit's name ends in its type: {full}"),
            None => "a unit's name ends in its type, such as .service".to_owned(),
        };
    }
    match closest(unit, machine.names()) {
        Some(near) => format!("did you mean {near}?"),
        None => otherwise.to_owned(),
    }
}

pub(super) fn needed(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = Machine::of(subject);
    let image = &subject.plan.image.name;
    let mut findings: Vec<Finding> = missing(machine, &NEEDED)
        .into_iter()
        .map(|missing| {
            let message = format!(
                "{}= names {}, which nobody brings to {image}",
                missing.key, missing.unit
            );
            let hint = hint(machine, missing.unit, "bring it in `files`, or leave the line out");
            Finding::error("systemd/missing-unit", message, &missing.file.place(missing.line)).hint(hint)
        })
        .collect();
    findings.extend(machine.files().filter_map(|file| starts_nothing(machine, file)));
    findings
}

/// A timer, a path or a socket that names no unit starts the service of its own name.
fn starts_nothing(machine: Machine<'_>, file: &UnitFile<'_>) -> Option<Finding> {
    let unit = machine::started_by(machine, file)?;
    let explicit = [("Timer", "Unit"), ("Path", "Unit"), ("Socket", "Service")]
        .iter()
        .any(|(section, key)| file.values(section, key).next().is_some());
    if explicit || machine.has(&unit) {
        return None;
    }
    let message = format!("{} starts {unit}, which nobody brings", file.name);
    Some(
        Finding::error("systemd/missing-unit", message, &file.place(1))
            .hint("bring the service in `files`, or name another with Unit="),
    )
}

pub(super) fn void(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = Machine::of(subject);
    let image = &subject.plan.image.name;
    let mut findings = Vec::new();
    for missing in missing(machine, &VOID) {
        let message = format!(
            "{}= names {}, which nobody brings to {image}: it says nothing",
            missing.key, missing.unit
        );
        let hint = hint(
            machine,
            missing.unit,
            "leave it out, unless you know that the machine has it",
        );
        findings
            .push(Finding::warning("systemd/void-reference", message, &missing.file.place(missing.line)).hint(hint));
    }
    for file in machine.files().filter(|file| file.drop_in) {
        // `service.d` and `foo-.service.d` add to all services, or to all whose names begin so.
        let one = file.name.contains('.') && !file.name.contains("-.");
        if one && !machine.has(file.name) {
            let message = format!("a drop-in for {}, which nobody brings to {image}", file.name);
            let hint = hint(
                machine,
                file.name,
                "leave it out, unless you know that the machine has it",
            );
            findings.push(Finding::warning("systemd/void-reference", message, &file.place(1)).hint(hint));
        }
    }
    findings
}
