//! Embeds the catalog: every file under profiles/, images/ and templates/ becomes an entry of one sorted table. Texts
//! that templates copy as they are get packed here, once, by the packer that would do it in every run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "src/bake/gzip.rs"]
mod gzip;

#[expect(clippy::disallowed_methods, reason = "a build script is all edge")]
fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    println!("cargo::rerun-if-changed=src/bake/gzip.rs");
    let mut files = Vec::new();
    for folder in ["images", "profiles", "templates"] {
        println!("cargo::rerun-if-changed={folder}");
        walk(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    let mut packed = String::from("&[\n");
    for file in files {
        if let Some(text) = verbatim(&fs::read_to_string(&file)?) {
            let ready = gzip::Gzip::new().pack_text(text);
            let ready = ready.ok_or_else(|| io::Error::other(format!("{} cannot be packed", file.display())))?;
            writeln!(packed, "    ({text:?}, {ready:?}),").map_err(io::Error::other)?;
        }
        let name = file
            .strip_prefix(&root)
            .map_err(io::Error::other)?
            .to_string_lossy()
            .into_owned();
        writeln!(table, "    ({name:?}, include_str!({:?})),", file.to_string_lossy()).map_err(io::Error::other)?;
    }
    table.push(']');
    packed.push(']');
    fs::write(out.join("packed.rs"), packed)?;
    fs::write(out.join("catalog.rs"), table)
}

/// The body of a template that is copied as it is. A file that is none of these, or is not seen to be, is packed when
/// it is baked.
fn verbatim(text: &str) -> Option<&str> {
    let (front, body) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
    front.lines().any(|line| line == "verbatim: true").then_some(body)
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
