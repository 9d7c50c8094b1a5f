//! Embeds the catalog: every file under profiles/, images/ and templates/ becomes an entry of one sorted table. What is
//! the same in every run is done here, once, by the very code that would do it there: YAML is read, and texts that
//! templates copy as they are get packed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "src/base/mod.rs"]
#[allow(dead_code, unused_imports, reason = "a build needs little of it")]
mod base;
#[path = "src/bake/gzip.rs"]
mod gzip;
#[path = "src/syntax/yaml/node.rs"]
#[allow(dead_code, reason = "a build needs little of it")]
mod node;
#[path = "src/syntax/yaml/parse.rs"]
mod parse;

use base::{Place, Source};
use node::{Entry, Kind, Node};

#[expect(clippy::disallowed_methods, reason = "a build script is all edge")]
fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    for code in ["src/base", "src/bake/gzip.rs", "src/syntax/yaml"] {
        println!("cargo::rerun-if-changed={code}");
    }
    let mut files = Vec::new();
    for folder in ["images", "profiles", "templates"] {
        println!("cargo::rerun-if-changed={folder}");
        walk(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    let mut packed = String::from("&[\n");
    let mut digests = String::new();
    for (number, file) in files.into_iter().enumerate() {
        let content = fs::read_to_string(&file)?;
        if let Some(text) = verbatim(&content) {
            let ready = gzip::Gzip::new().pack_text(text);
            let ready = ready.ok_or_else(|| io::Error::other(format!("{} cannot be packed", file.display())))?;
            writeln!(packed, "    ({text:?}, {ready:?}),").map_err(io::Error::other)?;
        }
        let name = file
            .strip_prefix(&root)
            .map_err(io::Error::other)?
            .to_string_lossy()
            .into_owned();
        writeln!(digests, "{} {name}", base::Sha256::of(content.as_bytes())).map_err(io::Error::other)?;
        let tree = Tree::of(&name, &content).map_err(|why| io::Error::other(format!("{name}: {why}")))?;
        let numbers = tree.numbers.iter().flat_map(|number| number.to_le_bytes());
        fs::write(out.join(format!("{number}.tree")), numbers.collect::<Vec<u8>>())?;
        fs::write(out.join(format!("{number}.extra")), &tree.extra)?;
        let beside = |ending: &str| out.join(format!("{number}.{ending}")).to_string_lossy().into_owned();
        writeln!(
            table,
            "    Stored {{ name: {name:?}, text: include_str!({:?}), tree: include_bytes!({:?}), extra: include_str!({:?}) }},",
            file.to_string_lossy(),
            beside("tree"),
            beside("extra"),
        )
        .map_err(io::Error::other)?;
    }
    table.push(']');
    packed.push(']');
    let stamp = base::Sha256::of(digests.as_bytes()).to_string();
    fs::write(out.join("catalog.stamp"), &stamp[..12])?;
    fs::write(out.join("packed.rs"), packed)?;
    fs::write(out.join("catalog.rs"), table)
}

/// The body of a template that is copied as it is. A file that is none of these, or is not seen to be, is packed when
/// it is baked.
fn verbatim(text: &str) -> Option<&str> {
    let (front, body) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
    (!base::has_tags(body) || front.lines().any(|line| line == "verbatim: true")).then_some(body)
}

#[expect(clippy::disallowed_methods, reason = "a build script is all edge")]
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The tree of a file, as `src/catalog/stored.rs` describes it.
#[derive(Default)]
struct Tree {
    numbers: Vec<u32>,
    extra: String,
}

impl Tree {
    /// The tree of a YAML file, or of a template's front matter; where the rows of a table begin. Nothing for other files.
    fn of(name: &str, text: &str) -> Result<Self, String> {
        let mut tree = Self::default();
        let yaml = match name.rsplit('.').next() {
            Some("yaml") => text,
            Some("j2") => &text[..=text.find("\n---\n").ok_or("the front matter has no end")?],
            Some("csv") => {
                tree.rows(text)?;
                return Ok(tree);
            }
            _ => return Ok(tree),
        };
        let root = parse::parse(&Source::new(name, yaml)).map_err(|report| format!("{report:?}"))?;
        tree.node(&root, text)?;
        Ok(tree)
    }

    fn rows(&mut self, text: &str) -> Result<(), String> {
        let mut at = 0;
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if number > 0 && line != "\n" && !line.starts_with('#') {
                self.number(at)?;
            }
            at += line.len();
        }
        Ok(())
    }

    fn number(&mut self, number: usize) -> Result<(), String> {
        self.numbers.push(u32::try_from(number).map_err(|_| "too long")?);
        Ok(())
    }

    fn place(&mut self, place: &Place) -> Result<(), String> {
        self.number(place.start)?;
        self.number(place.end)
    }

    /// Where `text` stands: at its place, within its quotes, or in `extra`.
    fn text(&mut self, text: &str, place: &Place, whole: &str) -> Result<(), String> {
        let at = [place.start, place.start + 1]
            .into_iter()
            .find(|at| whole.get(*at..at + text.len()) == Some(text));
        match at {
            Some(at) => self.number(at),
            None => {
                self.number(whole.len() + self.extra.len())?;
                self.extra.push_str(text);
                Ok(())
            }
        }
    }

    fn node(&mut self, node: &Node, whole: &str) -> Result<(), String> {
        self.place(&node.place)?;
        match &node.kind {
            Kind::Scalar { text, plain } => {
                self.number(text.len() << 2 | usize::from(!plain))?;
                self.text(text, &node.place, whole)
            }
            Kind::List(items) => {
                self.number(items.len() << 2 | 2)?;
                self.counted(|tree| items.iter().try_for_each(|item| tree.node(item, whole)))
            }
            Kind::Map(entries) => {
                self.number(entries.len() << 2 | 3)?;
                self.counted(|tree| entries.iter().try_for_each(|entry| tree.entry(entry, whole)))
            }
        }
    }

    /// What `write` writes, after how many numbers it is: a reader that looks for something else passes over it.
    fn counted(&mut self, write: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let at = self.numbers.len();
        self.number(0)?;
        write(self)?;
        let count = self.numbers.len() - at - 1;
        self.numbers[at] = u32::try_from(count).map_err(|_| "too long")?;
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, whole: &str) -> Result<(), String> {
        self.text(&entry.key, &entry.key_place, whole)?;
        self.number(entry.key.len())?;
        self.place(&entry.key_place)?;
        self.node(&entry.value, whole)
    }
}
