//! `nodebake plugin`

pub(super) mod deliver;
mod list;
mod new;
mod run;
mod schema;
mod test;
mod trust;

use std::path::{Path, PathBuf};

use super::plugins::PluginArgs;
use super::{Failure, Outcome, Ui, load, report};
use crate::base::{PluginKind, Sha256};
use crate::edge::plugin::Runner;
use crate::plugin::{Access, Describe, Op, PROTOCOL, Pin, Request, Trouble, judge, tame};
use crate::syntax::PluginUse;

/// Make, trust, test and run plugins: executables in any language that read
/// one JSON request and write one JSON reply.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the plugins that take part in a node, and whether they are trusted
    List(list::Args),
    /// Write a plugin that works, with its test
    New(new::Args),
    /// Test a plugin: its own cases, and requests that are hostile or slow
    Test(test::Args),
    /// Record the plugins of a node in plugins.lock, with what each asks for
    Trust(trust::Args),
    /// Run one trusted plugin once, and print its reply
    Run(run::Args),
    /// Print the JSON Schema of requests or replies
    Schema(schema::Args),
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list::run(ui, args),
        Command::New(args) => new::run(ui, args),
        Command::Test(args) => test::run(ui, args),
        Command::Trust(args) => trust::run(ui, args),
        Command::Run(args) => run::run(ui, args),
        Command::Schema(args) => schema::run(ui, args),
    }
}

/// What commands about the plugins of a node take.
#[derive(Debug, clap::Args)]
struct Of {
    /// The node.yaml
    node: PathBuf,
    /// A folder whose profiles/ are laid over the built-in catalog
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
    #[command(flatten)]
    plugins: PluginArgs,
}

impl Of {
    fn beside(&self) -> &Path {
        self.node.parent().unwrap_or(Path::new(""))
    }

    /// The plugins of all nodes, each once, in the order they are named.
    fn uses(&self, ui: &Ui) -> Result<Vec<PluginUse>, Failure> {
        let all = load::uses(&self.node, self.catalog.as_deref()).map_err(|failed| {
            report::print(ui, &failed, false);
            Failure::Findings
        })?;
        let mut uses: Vec<PluginUse> = Vec::new();
        for one in all {
            if !uses.iter().any(|other| other.id() == one.id()) {
                uses.push(one);
            }
        }
        Ok(uses)
    }
}

/// A program that is given nothing.
fn stranger(kind: PluginKind, name: &str, sha256: Sha256) -> Pin {
    Pin {
        kind,
        name: name.into(),
        sha256,
        access: Access::default(),
        without: Vec::new(),
        place: None,
    }
}

/// Asks a program who it is, before it is given anything.
fn describe(runner: &Runner, pin: &Pin, program: &Path) -> Result<Describe, Trouble> {
    let request = serde_json::to_vec(&Request::describe()).unwrap_or_default();
    let ended = runner.run_program(pin, program, &request, None, None);
    let reply = judge(pin, Op::Describe, &ended)?;
    let wrong = |message: String| Trouble {
        id: "plugin/protocol",
        message,
        hint: None,
    };
    let describe = reply.describe.ok_or_else(|| wrong("does not describe itself".into()))?;
    if !describe.protocols.contains(&PROTOCOL) {
        return Err(wrong(format!(
            "speaks versions {:?} of the protocol, and nodebake {PROTOCOL}",
            describe.protocols
        )));
    }
    if describe.kind != pin.kind {
        return Err(wrong(format!("says that it is for {}", describe.kind)));
    }
    let asked = Pin {
        access: describe.access.clone(),
        ..pin.clone()
    };
    match asked.check() {
        Ok(()) => Ok(describe),
        Err(why) => Err(wrong(format!("asks for something it cannot have: {}", tame(&why, 300)))),
    }
}
