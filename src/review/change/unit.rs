//! systemd units and network files: by section and key, commands by their options.

use super::{Compared, Item, What, assign, lines};
use crate::syntax::systemd;

/// Most assignments that are compared: each is looked up among all.
const MOST: usize = 2000;

/// What differs. `None` if one of the texts is no unit, or a very long one.
pub(super) fn compare(old: &str, new: &str) -> Option<Compared> {
    let (was, is) = (systemd::parse(old).ok()?, systemd::parse(new).ok()?);
    if was.len() + is.len() > MOST {
        return None;
    }
    let mut out = Compared::default();
    let names = |side: &[systemd::Assignment]| -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for one in side {
            let name = format!("{}.{}", one.section, one.key);
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    };
    let (old_names, new_names) = (names(&was), names(&is));
    out.reordered = assign::another_order(&old_names, &new_names);
    let added = new_names.iter().filter(|name| !old_names.contains(name));
    for name in old_names.iter().chain(added) {
        let values = |side: &[systemd::Assignment]| -> Vec<(String, usize)> {
            side.iter()
                .filter(|one| format!("{}.{}", one.section, one.key) == **name)
                .map(|one| (words(&one.value).join(" "), one.line))
                .collect()
        };
        key(name, (&values(&was), old), (&values(&is), new), &mut out);
    }
    Some(out)
}

fn words(text: &str) -> Vec<&str> {
    text.split_ascii_whitespace().collect()
}

/// All values of one key, each with the text of its file: repeated, they are a list.
fn key(name: &str, old: (&[(String, usize)], &str), new: (&[(String, usize)], &str), out: &mut Compared) {
    let ((old, old_text), (new, new_text)) = (old, new);
    let texts = |side: &[(String, usize)]| side.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
    let is_command = name.rsplit('.').next().is_some_and(|key| key.starts_with("Exec"));
    for (removed, added) in lines::hunks(&texts(old), &texts(new)) {
        if removed.len() == 1 && added.len() == 1 {
            let (was, is) = (&old[removed.start], &new[added.start]);
            if !(is_command && command(name, (was, old_text), (is, new_text), out)) {
                out.items.push(Item::new(What::Changed, name, was.clone(), is.clone()));
            }
            continue;
        }
        for at in removed {
            out.items.push(Item::new(What::Removed, name, old[at].clone(), None));
        }
        for at in added {
            out.items.push(Item::new(What::Added, name, None, new[at].clone()));
        }
    }
}

/// Compares two command lines by their options, if they are alike but for these.
fn command(name: &str, old: (&(String, usize), &str), new: (&(String, usize), &str), out: &mut Compared) -> bool {
    let ((old, old_text), (new, new_text)) = (old, new);
    let was_at = |option: &str| line_of(old_text, old.1, option);
    let is_at = |option: &str| line_of(new_text, new.1, option);
    let (Some((was_rest, was)), Some((is_rest, is))) = (options(&old.0), options(&new.0)) else {
        return false;
    };
    if was_rest != is_rest {
        return false;
    }
    let mut found = Compared::default();
    for (option, value) in &was {
        let at = format!("{name} {option}");
        match is.iter().find(|(other, _)| other == option) {
            None => found.items.push(Item::new(
                What::Removed,
                &at,
                ((*value).to_owned(), was_at(option)),
                None,
            )),
            Some((_, now)) if now == value => {}
            Some((_, now)) => parts(&at, (value, was_at(option)), (now, is_at(option)), &mut found),
        }
    }
    for (option, value) in &is {
        if was.iter().all(|(other, _)| other != option) {
            let at = format!("{name} {option}");
            found
                .items
                .push(Item::new(What::Added, &at, None, ((*value).to_owned(), is_at(option))));
        }
    }
    out.reordered |= found.items.is_empty();
    out.items.extend(found.items);
    true
}

/// The line of a continued command, counted from 1, that has an option.
fn line_of(text: &str, first: usize, option: &str) -> usize {
    let mut lines = text.lines().enumerate().skip(first - 1);
    let found = lines.find(|(_, line)| {
        let mut words = line.split_ascii_whitespace();
        words.any(|word| word.strip_prefix(option).is_some_and(|rest| rest.starts_with('=')))
    });
    found.map_or(first, |(at, _)| at + 1)
}

/// `--option`s with their values.
type Options<'t> = Vec<(&'t str, &'t str)>;

/// The words of a command that are no `--option=value`, and the options. `None` if one is there twice.
fn options(text: &str) -> Option<(Vec<&str>, Options<'_>)> {
    let mut rest = Vec::new();
    let mut found: Options<'_> = Vec::new();
    for word in text.split_ascii_whitespace() {
        match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => {
                if found.iter().any(|(other, _)| *other == option) {
                    return None;
                }
                found.push((option, value));
            }
            _ => rest.push(word),
        }
    }
    Some((rest, found))
}

/// A value that is `key=value` after `key=value`, such as labels, by its keys; others whole.
fn parts(at: &str, old: (&str, usize), new: (&str, usize), out: &mut Compared) {
    let read = |text: &str| -> Option<Vec<(String, String)>> {
        let pairs = text.split(',').map(|part| {
            let (key, value) = part.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        });
        pairs.collect()
    };
    let whole = |text: (&str, usize)| (text.0.to_owned(), text.1);
    let before = out.items.len();
    if let (Some(was), Some(is)) = (read(old.0), read(new.0)) {
        for (key, value) in &was {
            let found: Vec<&String> = is
                .iter()
                .filter(|(other, _)| other == key)
                .map(|(_, value)| value)
                .collect();
            let at = format!("{at}[{key}]");
            match found.first() {
                None => out
                    .items
                    .push(Item::new(What::Removed, &at, whole((value, old.1)), None)),
                Some(now) if *now == value => {}
                Some(now) => {
                    let item = Item::new(What::Changed, &at, whole((value, old.1)), whole((now, new.1)));
                    out.items.push(item);
                }
            }
        }
        for (key, value) in &is {
            if was.iter().all(|(other, _)| other != key) {
                let at = format!("{at}[{key}]");
                out.items.push(Item::new(What::Added, &at, None, whole((value, new.1))));
            }
        }
    }
    if out.items.len() == before {
        out.items.push(Item::new(What::Changed, at, whole(old), whole(new)));
    }
}
