//! `%` and what follows it.

use super::UnitFile;
use crate::base::{Finding, Version};
use crate::catalog::Rows;
use crate::syntax::systemd::Assignment;
use crate::verify::Subject;

/// `letter,since,meaning`
const TABLE: &str = "profiles/systemd/specifiers.csv";

pub(super) fn specifiers(subject: &Subject<'_>) -> Vec<Finding> {
    let rows = subject.catalog.rows(TABLE);
    let mut findings = Vec::new();
    for file in subject.units().iter().filter(|file| file.is_unit) {
        for line in file.lines().iter().filter(|line| line.value.contains('%')) {
            let Some(message) = wrong(rows, &subject.plan.image.systemd, file, line) else {
                continue;
            };
            let finding = Finding::warning("systemd/specifier", message, &file.place(line.line));
            findings.push(finding.hint("a percent sign is written %%"));
        }
    }
    findings
}

/// The first thing that is wrong.
fn wrong(rows: Rows<'_>, systemd: &Version, file: &UnitFile<'_>, line: &Assignment) -> Option<String> {
    if line.section.starts_with("X-") || line.key.starts_with("X-") || is_share(&line.value) {
        return None;
    }
    let letters: Vec<char> = line.value.chars().collect();
    let mut at = 0;
    while let Some(found) = letters[at..].iter().position(|c| *c == '%') {
        at += found;
        let before = at.checked_sub(1).map(|before| letters[before]);
        match letters.get(at + 1) {
            None | Some(' ' | '\t') => return Some("a single % stands at the end of a word".into()),
            Some('%') => {}
            // `date +%H` wants an hour and gets a name.
            Some(letter) if before == Some('+') => {
                return Some(format!("+%{letter} looks like a date's format, which systemd replaces"));
            }
            Some(letter) => {
                if let Some(why) = unfit(rows, systemd, file, *letter) {
                    return Some(why);
                }
            }
        }
        at += 2;
        if at >= letters.len() {
            break;
        }
    }
    None
}

fn unfit(rows: Rows<'_>, systemd: &Version, file: &UnitFile<'_>, letter: char) -> Option<String> {
    let start = format!("{letter},");
    let Some(row) = rows.starting(&start).next() else {
        return Some(format!("%{letter} means nothing to systemd"));
    };
    let since = row.split(',').next().and_then(|since| since.parse::<Version>().ok());
    if let Some(since) = since.filter(|since| since > systemd) {
        return Some(format!(
            "%{letter} came with systemd {since}, the image may have {systemd}"
        ));
    }
    let instance = matches!(letter, 'i' | 'I') && !file.name.contains('@');
    instance.then(|| format!("%{letter} is empty: {} has no instance", file.name))
}

/// Whether a value is a share such as `20%`.
fn is_share(value: &str) -> bool {
    let share = |word: &str| {
        word.strip_suffix('%')
            .is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.'))
    };
    value.split([' ', '/']).any(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_no_specifiers() {
        for share in ["20%", "12.5%", "50%/10s", "/ 20%"] {
            assert!(is_share(share), "{share}");
        }
        for other in ["%i", "%", "a%", "20 %"] {
            assert!(!is_share(other), "{other}");
        }
    }
}
