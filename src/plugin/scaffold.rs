//! Plugins to start from: they work, and come with their test.

use std::fmt;

use serde_json::Value;

use crate::base::PluginKind;

/// A language they are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// bash, with jq.
    Bash,
    /// Python, without anything beside it.
    Python,
    /// Rust, with `serde_json`.
    Rust,
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bash, Self::Python, Self::Rust];
}

impl fmt::Display for Lang {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Bash => "bash",
            Self::Python => "python",
            Self::Rust => "rust",
        })
    }
}

/// One kind: what it says of itself, its test, and its work in each language.
struct Sample {
    describe: &'static str,
    request: &'static str,
    reply: &'static str,
    bodies: [&'static str; 3],
}

macro_rules! sample {
    ($kind:literal) => {
        Sample {
            describe: include_str!(concat!("scaffold/", $kind, ".describe.json")),
            request: include_str!(concat!("scaffold/", $kind, ".request.json")),
            reply: include_str!(concat!("scaffold/", $kind, ".reply.json")),
            bodies: [
                include_str!(concat!("scaffold/", $kind, ".bash")),
                include_str!(concat!("scaffold/", $kind, ".python")),
                include_str!(concat!("scaffold/", $kind, ".rust")),
            ],
        }
    };
}

fn sample(kind: PluginKind) -> Sample {
    match kind {
        PluginKind::Facts => sample!("facts"),
        PluginKind::Patch => sample!("patch"),
        PluginKind::Check => sample!("check"),
        PluginKind::Format => sample!("format"),
        PluginKind::Deliver => sample!("deliver"),
    }
}

/// The files of a new plugin, relative to its folder, with their modes.
pub fn scaffold(kind: PluginKind, name: &str, lang: Lang) -> Vec<(String, u32, String)> {
    let sample = sample(kind);
    let (frame, body) = match lang {
        Lang::Bash => (include_str!("scaffold/bash"), sample.bodies[0]),
        Lang::Python => (include_str!("scaffold/python"), sample.bodies[1]),
        Lang::Rust => (include_str!("scaffold/rust"), sample.bodies[2]),
    };
    let describe = match lang {
        Lang::Python => pythonic(sample.describe),
        Lang::Bash | Lang::Rust => sample.describe.to_owned(),
    };
    let program = frame
        .replace("DESCRIBE = DESCRIBE", "DESCRIBE = \u{1}")
        .replace("json!(DESCRIBE)", "json!(\u{1})")
        .replace("\nDESCRIBE\n", "\n\u{1}\n")
        .replace('\u{1}', &describe)
        .replace("BODY\n", body)
        .replace("NAME", name);
    let named = |text: &str| text.replace("NAME", name);
    let mut files = vec![
        ("tests/good/request.json".to_owned(), 0o644, named(sample.request)),
        ("tests/good/reply.json".to_owned(), 0o644, named(sample.reply)),
    ];
    if kind == PluginKind::Deliver {
        files.push(("tests/good/user-data.yaml".into(), 0o644, "#cloud-config\n".into()));
        files.push(("delivered/.gitignore".into(), 0o644, "*\n".into()));
    }
    if lang == Lang::Rust {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nserde_json = \"1\"\n\n\
             [workspace]\n"
        );
        files.push(("Cargo.toml".into(), 0o644, manifest));
        files.push((".gitignore".into(), 0o644, "/target\n".into()));
        files.push(("src/main.rs".into(), 0o644, program));
    } else {
        files.push(("plugin".into(), 0o755, program));
    }
    files
}

/// JSON as Python writes it.
fn pythonic(json: &str) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Bool(true) => out.push_str("True"),
            Value::Bool(false) => out.push_str("False"),
            Value::Null => out.push_str("None"),
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    write(item, out);
                }
                out.push(']');
            }
            Value::Object(map) => {
                out.push_str("{\n");
                for (key, value) in map {
                    out.push_str(&format!("    {}: ", Value::from(key.as_str())));
                    write(value, out);
                    out.push_str(",\n");
                }
                out.push('}');
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut out = String::new();
    // The texts are part of this program, and a test reads what is made of them.
    write(&serde_json::from_str(json).unwrap_or(Value::Null), &mut out);
    out
}
