//! Services that systemd refuses, and programs that are not there.

use super::UnitFile;
use super::machine::{Machine, is_yes};
use crate::base::{Finding, Place, closest};
use crate::catalog::Plane;
use crate::verify::Subject;

/// Keys that hold a command.
const COMMANDS: [&str; 7] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
];

/// The folder in which only nodebake puts programs.
const OURS: &str = "/usr/local/lib/nodebake/";

/// A value and where it stands.
type Value<'s> = (&'s str, &'s UnitFile<'s>, usize);

/// The values of a list in effect: an empty value drops what came before it.
fn list<'s>(machine: Machine<'s>, unit: &'s str, key: &'s str) -> Vec<Value<'s>> {
    let mut values = Vec::new();
    for file in machine.about(unit) {
        for (value, line) in file.values("Service", key) {
            if value.is_empty() {
                values.clear();
            } else {
                values.push((value, file, line));
            }
        }
    }
    values
}

/// The value in effect of a key that is no list.
fn last<'s>(machine: Machine<'s>, unit: &'s str, key: &'s str) -> Option<Value<'s>> {
    list(machine, unit, key).pop()
}

pub(super) fn refused(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = Machine::of(subject);
    // One that cannot be read has no lines, and a finding already.
    let services = machine
        .files()
        .filter(|file| file.kind == "service" && !file.drop_in && !file.lines().is_empty());
    let mut findings = Vec::new();
    for file in services {
        findings.extend(why(machine, file).map(|(message, place, hint)| {
            Finding::error("systemd/refused-service", format!("{}: {message}", file.name), &place).hint(hint)
        }));
    }
    for file in machine.files() {
        findings.extend(relative_programs(file));
    }
    findings
}

/// `service_verify` of systemd's src/core/service.c.
fn why<'s>(machine: Machine<'s>, file: &'s UnitFile<'s>) -> Option<(String, Place, &'static str)> {
    let value = |key| last(machine, file.name, key);
    let starts = list(machine, file.name, "ExecStart");
    let kind = value("Type");
    let oneshot = kind.is_some_and(|(kind, ..)| kind == "oneshot");
    if starts.is_empty() {
        let stops = !list(machine, file.name, "ExecStop").is_empty();
        let remains = value("RemainAfterExit").is_some_and(|(word, ..)| is_yes(word));
        let acts = file.values("Unit", "SuccessAction").next().is_some();
        if acts || (stops && (oneshot || kind.is_none()) && remains) {
            return None;
        }
        let message = "it has no ExecStart=".to_owned();
        return Some((
            message,
            file.place(1),
            "say what it shall run; a drop-in's empty ExecStart= drops the unit's",
        ));
    }
    // Without Type= it is a oneshot only where there is nothing to start.
    if let Some((_, second, line)) = starts.get(1).filter(|_| !oneshot) {
        let message = format!(
            "{} commands in ExecStart=, more than one is for Type=oneshot",
            starts.len()
        );
        return Some((
            message,
            second.place(*line),
            "a drop-in that replaces the command says `ExecStart=` first",
        ));
    }
    if let Some((word @ ("always" | "on-success"), at, line)) = value("Restart").filter(|_| oneshot) {
        let message = format!("Restart={word} with Type=oneshot");
        return Some((
            message,
            at.place(line),
            "a oneshot ends when it is done: Restart=on-failure, or a timer",
        ));
    }
    let (_, at, line) = kind.filter(|(kind, ..)| *kind == "dbus")?;
    let named = value("BusName").is_some();
    (!named).then(|| {
        (
            "Type=dbus without BusName=".to_owned(),
            at.place(line),
            "say its name on the bus",
        )
    })
}

/// Words of a command, without systemd's prefixes and without quotes.
fn command(value: &str) -> impl Iterator<Item = &str> {
    let bare = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    bare.split_whitespace().map(|word| word.trim_matches(['"', '\'']))
}

fn commands<'s>(file: &'s UnitFile<'s>) -> impl Iterator<Item = (&'s str, usize)> {
    COMMANDS
        .iter()
        .flat_map(|key| file.values("Service", key))
        .filter(|(value, _)| !value.is_empty())
}

/// A name without a slash is searched for, a path has to be whole.
fn relative_programs(file: &UnitFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (value, line) in commands(file) {
        let program = command(value).next().unwrap_or_default();
        if program.contains('/') && !program.starts_with(['/', '%']) {
            let message = format!("{}: `{program}` is neither a name nor a whole path", file.name);
            let finding = Finding::error("systemd/refused-service", message, &file.place(line));
            findings.push(finding.hint("begin it with a slash"));
        }
    }
    findings
}

pub(super) fn programs(subject: &Subject<'_>) -> Vec<Finding> {
    let machine = Machine::of(subject);
    let mut findings = Vec::new();
    for file in machine.files() {
        for (value, line) in commands(file) {
            for (at, path) in command(value).enumerate() {
                let Some((message, hint)) = amiss(subject, path, at == 0) else {
                    continue;
                };
                findings.push(Finding::error("systemd/missing-program", message, &file.place(line)).hint(hint));
            }
        }
    }
    findings
}

/// What is wrong with a path in a command, as far as it is ours to know.
fn amiss(subject: &Subject<'_>, path: &str, first: bool) -> Option<(String, String)> {
    if !path.starts_with('/') || path.contains(['%', '$']) {
        return None;
    }
    if let Some(entry) = subject.tree.get(Plane::Node, path) {
        let runs = entry.mode.bits() & 0o111 != 0;
        return (first && !runs).then(|| {
            let message = format!("{path} has mode {} and cannot be run", entry.mode);
            (message, "make it \"0755\"".to_owned())
        });
    }
    let (folder, name) = path.rsplit_once('/')?;
    let brought = |dest: &str| dest == path || (dest.ends_with('/') && path.starts_with(dest)) || folder == dest;
    if subject.plan.artifacts.iter().any(|artifact| brought(&artifact.dest)) {
        return None;
    }
    let beside = subject.tree.plane(Plane::Node).filter_map(|entry| {
        let (other, name) = entry.path.as_str().rsplit_once('/')?;
        (other == folder && entry.mode.bits() & 0o111 != 0).then_some(name)
    });
    let near = closest(name, beside);
    let missing = path.starts_with(OURS) && path.len() > OURS.len();
    (missing || (first && near.is_some())).then(|| {
        let hint = match near {
            Some(near) => format!("did you mean {folder}/{near}?"),
            None => "bring it in `files`".to_owned(),
        };
        (format!("{path} is not among the machine's files"), hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_lose_their_prefixes() {
        for (value, words) in [
            ("/bin/true", vec!["/bin/true"]),
            ("-/bin/a  b", vec!["/bin/a", "b"]),
            ("+!\"/opt/x\" 'y'", vec!["/opt/x", "y"]),
            ("", vec![]),
        ] {
            assert_eq!(command(value).collect::<Vec<_>>(), words, "{value}");
        }
    }
}
