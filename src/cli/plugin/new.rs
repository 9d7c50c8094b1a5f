//! `nodebake plugin new`

use std::path::PathBuf;

use super::super::{Failure, Outcome, Ui};
use crate::base::PluginKind;
use crate::edge::fs;
use crate::plugin::{Lang, scaffold};
use crate::syntax::PluginUse;

/// Write a plugin that works, with its test, into plugins/NAME.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// facts, patch, check, format or deliver
    kind: PluginKind,
    /// Its name: lower-case letters, digits and `-`
    name: String,
    /// bash, python or rust
    #[arg(long, value_name = "LANG", default_value = "python", value_parser = lang)]
    lang: Lang,
    /// The folder in which its folder is made; the one that is looked through
    /// for a node.yaml beside it, if left out
    #[arg(long, value_name = "DIR", default_value = "plugins")]
    into: PathBuf,
}

fn lang(word: &str) -> Result<Lang, String> {
    let known = Lang::ALL.into_iter().find(|lang| lang.to_string() == word);
    known.ok_or_else(|| format!("there are {}", Lang::ALL.map(|lang| lang.to_string()).join(", ")))
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    PluginUse::check_name(&args.name).map_err(Failure::Usage)?;
    let folder = args.into.join(&args.name);
    if fs::exists(&folder) {
        let message = format!("{} is there already", folder.display());
        return Err(Failure::World(anyhow::anyhow!(message)));
    }
    for (name, mode, text) in scaffold(args.kind, &args.name, args.lang) {
        let path = folder.join(name);
        fs::write_atomically(&path, text.as_bytes(), mode)?;
        ui.talk(&format!("wrote {}", path.display()));
    }
    let shown = folder.display();
    let (kind, name) = (args.kind, &args.name);
    if args.lang == Lang::Rust {
        ui.talk(&format!(
            "next: (cd {shown} && cargo build --release && cp target/release/{name} plugin)"
        ));
    }
    ui.talk(&format!("next: nodebake plugin test {shown}"));
    ui.talk(&format!(
        "then: `- {kind}: {name}` under `plugins:` of node.yaml, and `nodebake plugin trust node.yaml {name}`"
    ));
    Ok(())
}
