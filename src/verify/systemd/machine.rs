//! The units a machine will have: those of the tree and those its image brings.

use super::UnitFile;
use crate::base::Version;
use crate::catalog::{Image, Presence, Rows};
use crate::verify::Subject;

/// `unit,from,when,after`
const TABLE: &str = "profiles/systemd/units.csv";

/// Units that other programs make: from /etc/fstab, from devices, for processes.
const MADE: [&str; 6] = ["device", "mount", "automount", "swap", "slice", "scope"];

/// All units.
#[derive(Clone, Copy)]
pub(super) struct Machine<'s> {
    files: &'s [UnitFile<'s>],
    rows: Rows<'s>,
    image: &'s Image,
}

impl<'s> Machine<'s> {
    pub(super) fn of(subject: &'s Subject<'_>) -> Self {
        Self {
            files: subject.units(),
            rows: subject.catalog.rows(TABLE),
            image: &subject.plan.image,
        }
    }

    /// The tree's files about units.
    pub(super) fn files(self) -> impl Iterator<Item = &'s UnitFile<'s>> {
        self.files.iter().filter(|file| file.is_unit)
    }

    /// The tree's files about one unit, the unit before its drop-ins.
    pub(super) fn about(self, unit: &str) -> impl Iterator<Item = &'s UnitFile<'s>> {
        self.files().filter(move |file| file.name == unit)
    }

    /// Whether the tree describes the unit itself.
    pub(super) fn brings(self, unit: &str) -> bool {
        self.about(unit).any(|file| !file.drop_in)
    }

    /// Who brings the unit with the image, and what it is started after there, once for each row that holds.
    pub(super) fn image_rows(self, unit: &str) -> impl Iterator<Item = (&'s str, &'s str)> {
        let start = format!("{unit},");
        let rows: Vec<&str> = self.rows.starting(&start).collect();
        rows.into_iter().filter_map(move |row| {
            let mut columns = row.split(',');
            let (from, when, after) = (columns.next()?, columns.next()?, columns.next()?);
            self.holds(when).then_some((from, after))
        })
    }

    /// Whether somebody brings the unit, as far as a table can know.
    pub(super) fn has(self, unit: &str) -> bool {
        let made = unit.rsplit('.').next().is_some_and(|kind| MADE.contains(&kind));
        made || self.brings(unit)
            || self.image_rows(unit).next().is_some()
            || self.image.disable_units.iter().any(|(name, _)| name == unit)
            || self.is_alias(unit)
            || template(unit)
                .is_some_and(|template| self.brings(&template) || self.image_rows(&template).next().is_some())
    }

    fn is_alias(self, unit: &str) -> bool {
        self.files().any(|file| {
            let mut names = file
                .values("Install", "Alias")
                .flat_map(|(value, _)| value.split_whitespace());
            names.any(|name| name == unit)
        })
    }

    /// Every name there is, for "did you mean".
    pub(super) fn names(self) -> impl Iterator<Item = &'s str> {
        let table = self.rows.all().filter_map(|row| row.split(',').next());
        self.files().map(|file| file.name).chain(table)
    }

    fn holds(self, when: &str) -> bool {
        when.split(' ').filter(|word| !word.is_empty()).all(|word| {
            let image = self.image;
            let version = |text: &str| text.parse::<Version>().ok();
            if let Some(os) = word.strip_prefix("os=") {
                image.os_id == os
            } else if let Some(os) = word.strip_prefix("os!=") {
                image.os_id != os
            } else if let Some(least) = word.strip_prefix("systemd>=").and_then(version) {
                image.systemd >= least
            } else if let Some(least) = word.strip_prefix("cloud-init>=").and_then(version) {
                image.cloud_init >= least
            } else if let Some(limit) = word.strip_prefix("cloud-init<").and_then(version) {
                image.cloud_init < limit
            } else {
                match word {
                    "docker" => image.docker != Presence::No,
                    "containerd" => image.containerd.is_some() || image.docker != Presence::No,
                    "nvidia" => image.nvidia_driver != Presence::No,
                    _ => false,
                }
            }
        })
    }
}

/// `getty@.service` for `getty@tty1.service`.
fn template(unit: &str) -> Option<String> {
    let (name, rest) = unit.split_once('@')?;
    let kind = rest.rsplit('.').next()?;
    Some(format!("{name}@.{kind}"))
}

/// The unit that a timer, a path or a socket of the tree starts. A socket with `Accept=yes` starts instances.
pub(super) fn started_by(machine: Machine<'_>, file: &UnitFile<'_>) -> Option<String> {
    let (section, key) = match file.kind {
        "timer" => ("Timer", "Unit"),
        "path" => ("Path", "Unit"),
        "socket" => ("Socket", "Service"),
        _ => return None,
    };
    if file.drop_in {
        return None;
    }
    let set = |section, key| {
        let values = machine.about(file.name).flat_map(move |file| file.values(section, key));
        values.map(|(value, _)| value).filter(|value| !value.is_empty()).last()
    };
    if let Some(unit) = set(section, key) {
        return Some(unit.to_owned());
    }
    let (stem, _) = file.name.rsplit_once('.')?;
    let accepts = set("Socket", "Accept").is_some_and(is_yes);
    let instance = if accepts && !stem.contains('@') { "@" } else { "" };
    Some(format!("{stem}{instance}.service"))
}

/// systemd's words for yes (systemd.syntax(7)).
pub(super) fn is_yes(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "1" | "yes" | "y" | "true" | "t" | "on"
    )
}

/// systemd's words for no.
pub(super) fn is_no(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "0" | "no" | "n" | "false" | "f" | "off"
    )
}
