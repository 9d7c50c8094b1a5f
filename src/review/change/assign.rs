//! Files of assignments: sysctl.d, AWS configuration, shell variables.

use super::{Compared, Item, What};
use crate::syntax::{FileType, ini, sysctl};

/// One assignment: its name, its value, its line.
type Assignment = (String, String, usize);

/// What differs. `None` if one of the texts is none of its type, or sets something twice in a way that matters.
pub(super) fn compare(filetype: FileType, old: &str, new: &str) -> Option<Compared> {
    let read = |text: &str| match filetype {
        FileType::Sysctl => from_sysctl(text),
        FileType::Ini => from_ini(text),
        _ => from_env(text),
    };
    let (was, is) = (read(old)?, read(new)?);
    let names = |side: &[Assignment]| side.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>();
    let (old_names, new_names) = (names(&was), names(&is));
    let mut out = Compared {
        reordered: another_order(&old_names, &new_names),
        ..Compared::default()
    };
    let told = |value: &str, line: usize| (value.to_owned(), line);
    for (name, value, line) in &was {
        match is.iter().find(|(other, ..)| other == name) {
            None => out.items.push(Item::new(What::Removed, name, told(value, *line), None)),
            Some((_, now, _)) if now == value => {}
            Some((_, now, at)) => {
                let item = Item::new(What::Changed, name, told(value, *line), told(now, *at));
                out.items.push(item);
            }
        }
    }
    for (name, value, line) in &is {
        if !old_names.contains(name) {
            out.items.push(Item::new(What::Added, name, None, told(value, *line)));
        }
    }
    Some(out)
}

/// Whether what both have stands in another order.
pub(super) fn another_order(old: &[String], new: &[String]) -> bool {
    let was = old.iter().filter(|name| new.contains(name));
    let is = new.iter().filter(|name| old.contains(name));
    !was.eq(is)
}

/// A list with every name once.
fn unique(all: Vec<Assignment>) -> Option<Vec<Assignment>> {
    let mut names: Vec<&str> = all.iter().map(|(name, ..)| name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).any(|pair| pair[0] == pair[1]);
    (!twice).then_some(all)
}

/// A `-` before a name says that a failure is ignored: a part of the value here.
fn from_sysctl(text: &str) -> Option<Vec<Assignment>> {
    let ignored = |line: usize| {
        text.lines()
            .nth(line - 1)
            .is_some_and(|line| line.trim_start().starts_with('-'))
    };
    let settings = sysctl::parse(text).ok()?;
    if settings.len() > 2000 {
        return None;
    }
    let one = |setting: sysctl::Setting| {
        let value = if ignored(setting.line) {
            format!("{} (a failure is ignored)", setting.value)
        } else {
            setting.value
        };
        (setting.key, value, setting.line)
    };
    unique(settings.into_iter().map(one).collect())
}

fn from_ini(text: &str) -> Option<Vec<Assignment>> {
    let pairs = ini::parse(text).ok()?;
    if pairs.len() > 2000 {
        return None;
    }
    // The reader refuses what is there twice, so the lines of pairs come in the order of the pairs.
    let mut lines = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with(['#', ';', '['])
    });
    let one = |pair: ini::Pair| {
        let line = lines.next().map_or(1, |(at, _)| at + 1);
        (format!("[{}] {}", pair.section, pair.key), pair.value, line)
    };
    unique(pairs.into_iter().map(one).collect())
}

/// `NAME=value` on lines of their own; values in single quotes or without any, as nodebake writes them.
fn from_env(text: &str) -> Option<Vec<Assignment>> {
    let mut all = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=')?;
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(good) || all.len() > 2000 {
            return None;
        }
        let inner = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let value = match inner {
            Some(inner) if !inner.contains('\'') => inner,
            None if !value.contains(['\'', '"', '\\', '`', '$', ' ', ';', '&', '|', '(']) => value,
            _ => return None,
        };
        all.push((name.to_owned(), value.to_owned(), at + 1));
    }
    unique(all)
}
