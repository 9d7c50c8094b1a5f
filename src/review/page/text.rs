//! Texts of a page: each kept once, paths without this machine's folders, and nothing in them that a reader cannot see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Place, Sha256, is_plain_ascii, masked};
use crate::review::visible;
use crate::review::words::grouped;

/// Texts by their digest. The nodes of a fleet share one between their threads: most of their files are the same.
#[derive(Debug, Default)]
pub struct Texts {
    known: Mutex<BTreeMap<Sha256, Arc<str>>>,
}

impl Texts {
    /// Keeps a text, once.
    pub(super) fn keep(&self, text: &str) -> (Sha256, Arc<str>) {
        let digest = Sha256::of(text.as_bytes());
        // Nobody leaves the map half written.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.entry(digest).or_insert_with(|| text.into());
        (digest, Arc::clone(kept))
    }
}

/// The folders of this run, which no page names: a page is the same wherever it is made.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    /// The folder of node.yaml, as it begins the names of its files.
    pub folder: String,
    /// The user's own catalog.
    pub catalog: Option<String>,
}

impl Paths {
    /// A file's name without the folder of this run.
    pub(super) fn short<'n>(&self, name: &'n str) -> &'n str {
        let below = |folder: &str| {
            let folder = folder.trim_end_matches('/');
            name.strip_prefix(folder)
                .filter(|_| !folder.is_empty())?
                .strip_prefix('/')
        };
        let own = self.catalog.as_deref().and_then(below);
        own.or_else(|| below(&self.folder)).unwrap_or(name)
    }

    /// A place as `file:line`.
    pub(super) fn place(&self, place: &Place) -> String {
        format!("{}:{}", self.short(&place.source.name), place.line_column().0)
    }

    /// A sentence that may name a row of the user's own catalog.
    pub(super) fn sentence(&self, text: &str) -> String {
        let Some(catalog) = &self.catalog else {
            return shown(text);
        };
        let catalog = catalog.trim_end_matches('/');
        let short = ["profiles/", "images/", "templates/"]
            .into_iter()
            .fold(text.to_owned(), |text, room| {
                text.replace(&format!("{catalog}/{room}"), room)
            });
        shown(&short)
    }
}

/// A text as people may see it: secrets starred out, and characters written out that hide what a text says, or that
/// have no place in HTML.
pub(super) fn shown(text: &str) -> String {
    let text = masked(text);
    if is_plain_ascii(&text) {
        return text.into_owned();
    }
    let text = visible(&text);
    let mut seen = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            seen.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
        } else {
            seen.push(letter);
        }
    }
    seen
}

/// Characters that turn the direction of a text around or have no width, and those Unicode keeps for nobody.
fn is_hidden(letter: char) -> bool {
    let code = u32::from(letter);
    matches!(
        letter,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{e0000}'..='\u{e007f}'
    ) || code & 0xfffe == 0xfffe
}

/// Names of a few, and how many more.
pub(super) fn few(names: &[&str]) -> String {
    const FEW: usize = 5;
    match names.len().checked_sub(FEW) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {} more", names[..FEW].join(", "), grouped(more as u64)),
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, word: &str) -> String {
    format!(
        "{} {word}{}",
        grouped(number as u64),
        if number == 1 { "" } else { "s" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once() {
        let texts = Texts::default();
        let (one, first) = texts.keep("a");
        let (two, second) = texts.keep("a");
        assert_eq!(one, two);
        assert!(Arc::ptr_eq(&first, &second));
        assert_ne!(texts.keep("b").0, one);
    }

    #[test]
    fn what_hides_is_written_out() {
        assert_eq!(shown("a\tb\nc \u{e4}"), "a\tb\nc \u{e4}");
        assert_eq!(
            shown("\u{202e}evil\u{200b}\u{ffff}\r\u{1b}[m"),
            "\\u{202e}evil\\u{200b}\\u{ffff}\\r\\u{1b}[m"
        );
    }

    #[test]
    fn folders_of_this_run_are_not_named() {
        let paths = Paths {
            folder: "/home/me/site".into(),
            catalog: Some("../mine/".into()),
        };
        for (long, short) in [
            ("/home/me/site/node.yaml", "node.yaml"),
            ("/home/me/site2/node.yaml", "/home/me/site2/node.yaml"),
            ("../mine/profiles/p.yaml", "profiles/p.yaml"),
            ("images/x.yaml", "images/x.yaml"),
        ] {
            assert_eq!(paths.short(long), short);
        }
        assert_eq!(Paths::default().short("node.yaml"), "node.yaml");
        assert_eq!(
            paths.sentence("image x (../mine/images/x.yaml:1:1)"),
            "image x (images/x.yaml:1:1)"
        );
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            (count(1, "file"), count(2, "file")),
            ("1 file".into(), "2 files".into())
        );
    }
}
