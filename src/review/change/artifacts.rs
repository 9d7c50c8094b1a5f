//! `artifacts.list`: which programs a machine downloads, told by their names and versions.

use super::{Compared, Item, What, assign};

/// One line: what its hash, action, destination and URL say.
struct Row<'t> {
    name: String,
    version: String,
    sha256: &'t str,
    rest: String,
    line: usize,
}

/// What differs. `None` if one of the texts is no such list, or brings something twice.
pub(super) fn compare(old: &str, new: &str) -> Option<Compared> {
    let (was, is) = (read(old)?, read(new)?);
    let names = |rows: &[Row<'_>]| rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    let mut out = Compared {
        reordered: assign::another_order(&names(&was), &names(&is)),
        ..Compared::default()
    };
    for row in &was {
        match is.iter().find(|other| other.name == row.name) {
            None => out
                .items
                .push(Item::new(What::Removed, &row.name, told(row, &row.version), None)),
            Some(now) => changed(row, now, &mut out),
        }
    }
    for row in &is {
        if was.iter().all(|other| other.name != row.name) {
            out.items
                .push(Item::new(What::Added, &row.name, None, told(row, &row.version)));
        }
    }
    Some(out)
}

fn told(row: &Row<'_>, value: &str) -> (String, usize) {
    (value.to_owned(), row.line)
}

/// Version and hash on one line. A hash that changed while the version did not is the news nobody must miss.
fn changed(old: &Row<'_>, new: &Row<'_>, out: &mut Compared) {
    let with_hash = |row: &Row<'_>| format!("{} (sha256 {}…)", row.version, row.sha256.get(..12).unwrap_or_default());
    if old.sha256 != new.sha256 {
        let at = if old.version == new.version {
            format!("{} of the same version with another hash", new.name)
        } else {
            new.name.clone()
        };
        let item = Item::new(
            What::Changed,
            &at,
            told(old, &with_hash(old)),
            told(new, &with_hash(new)),
        );
        out.items.push(item);
    } else if old.version != new.version {
        let item = Item::new(
            What::Changed,
            &new.name,
            told(old, &old.version),
            told(new, &new.version),
        );
        out.items.push(item);
    }
    // Where it comes from and goes, but for the version in the URL.
    let plain = |row: &Row<'_>| match row.version.as_str() {
        "-" => row.rest.clone(),
        version => row.rest.replace(version, "…"),
    };
    if plain(old) != plain(new) {
        let at = format!("{} from", new.name);
        let item = Item::new(What::Changed, &at, told(old, &old.rest), told(new, &new.rest));
        out.items.push(item);
    } else if old.sha256 == new.sha256 && old.version == new.version && old.rest != new.rest {
        let item = Item::new(What::Changed, &new.name, told(old, &old.rest), told(new, &new.rest));
        out.items.push(item);
    }
}

fn read(text: &str) -> Option<Vec<Row<'_>>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let [sha256, _, _, url] = words.as_slice() else {
            return None;
        };
        let hex = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        let row = Row {
            name: name(url),
            version: version(url).unwrap_or("-").to_owned(),
            sha256,
            rest: words[1..].join(" "),
            line: at + 1,
        };
        if !hex || rows.len() > 2000 || rows.iter().any(|other| other.name == row.name) {
            return None;
        }
        rows.push(row);
    }
    Some(rows)
}

/// What a file is called by people: its name in the URL up to its version, platform or ending.
fn name(url: &str) -> String {
    let file = url.rsplit('/').next().unwrap_or(url);
    let mut end = file.len();
    for (at, letter) in file.char_indices() {
        let rest = &file[at + letter.len_utf8()..];
        let number = rest.strip_prefix('v').unwrap_or(rest);
        let platform = ["linux", "amd64", "arm64", "x86_64", "aarch64"];
        let is_dash = matches!(letter, '-' | '_');
        if letter == '.'
            || is_dash
                && (number.starts_with(|c: char| c.is_ascii_digit())
                    || platform.iter().any(|word| rest.starts_with(word)))
        {
            end = at;
            break;
        }
    }
    if end == 0 { file } else { &file[..end] }.to_owned()
}

/// The first thing in a URL's path that looks like a version: digits, a dot, digits.
fn version(url: &str) -> Option<&str> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path);
    path.split(['/', '-', '_']).find_map(|part| {
        let part = part.strip_prefix('v').unwrap_or(part);
        let end = part
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(part.len());
        let digits = part[..end].trim_end_matches('.');
        (digits.contains('.') && digits.starts_with(|c: char| c.is_ascii_digit())).then_some(digits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_of_urls() {
        for (url, wanted, number) in [
            (
                "https://dl.k8s.io/release/v1.35.8/bin/linux/amd64/kubelet",
                "kubelet",
                Some("1.35.8"),
            ),
            (
                "https://github.com/containernetworking/plugins/releases/download/v1.6.2/cni-plugins-linux-amd64-v1.6.2.tgz",
                "cni-plugins",
                Some("1.6.2"),
            ),
            (
                "https://github.com/opencontainers/runc/releases/download/v1.3.5/runc.amd64",
                "runc",
                Some("1.3.5"),
            ),
            (
                "https://x.example/binaries/v1.31.7/linux/amd64/ecr-credential-provider-linux-amd64",
                "ecr-credential-provider",
                Some("1.31.7"),
            ),
            ("https://10.0.0.1/own/images.tar", "images", None),
            ("https://x.example/.hidden", ".hidden", None),
        ] {
            assert_eq!((name(url).as_str(), version(url)), (wanted, number), "{url}");
        }
    }
}
