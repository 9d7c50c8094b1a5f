//! `nodebake golden`

use std::path::{Path, PathBuf};

use super::goldens::Format;
use super::{Common, Failure, Outcome, Ui, goldens, load, render, report};
use crate::review::{self, Asked, Shown};

/// Hold a folder of goldens to what its node renders: check it in a pipeline,
/// or write exactly what changed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say at which lines the folder is not what is rendered now; ends with 1 if
    /// there is one
    Check(Check),
    /// Write what changed, and nothing else
    Update(Update),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The node.yaml
    node: PathBuf,
    /// The folder; of a fleet the one with a folder a node in it
    dir: PathBuf,
    /// How to tell it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A node may get another name
    #[arg(long)]
    allow_new_name: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Update {
    /// The node.yaml
    node: PathBuf,
    /// The folder; of a fleet the one with a folder a node in it
    dir: PathBuf,
    /// A node may get another name
    #[arg(long)]
    allow_new_name: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => check(ui, args),
        Command::Update(args) => update(ui, args),
    }
}

fn again(node: &Path, dir: &Path) -> String {
    format!("nodebake golden update {} {}", node.display(), dir.display())
}

fn check(ui: &Ui, args: &Check) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let is_fleet = loaded.is_fleet;
    let again = again(&args.node, &args.dir);
    let nodes = goldens::compare(ui, loaded, &args.dir, &again, &args.common)?;
    let asked = Asked {
        again: &again,
        allow_new_name: args.allow_new_name,
    };
    let findings = args.common.policy()?.judge(review::findings(&nodes, asked));
    let (file, with) = (args.node.display().to_string(), args.dir.display().to_string());
    match args.format {
        Format::Text => report::print_all(ui, &findings, args.common.short),
        Format::Markdown => {
            let shown = Shown {
                file: &file,
                with: &with,
                is_fleet,
                is_revision: false,
                nodes: &nodes,
            };
            ui.data(review::markdown(&shown).as_bytes())?;
        }
        Format::Json => ui.data(report::json(&findings)?.as_bytes())?,
        Format::Sarif => ui.data(review::sarif(&findings).as_bytes())?,
        Format::Github => {
            ui.data(review::annotations(&findings).as_bytes())?;
            report::print_all(ui, &findings, true);
        }
    }
    if findings.has_errors() {
        ui.talk(&format!(
            "{with} is not what {file} renders: `{again}` brings it up to date"
        ));
        return Err(Failure::Findings);
    }
    ui.talk(&format!("{with} holds what {file} renders"));
    Ok(())
}

fn update(ui: &Ui, args: &Update) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let only = render::Only::Changes {
        allow_new_name: args.allow_new_name,
    };
    render::write_all(ui, loaded, &args.dir, only, &args.common)
}
