//! `nodebake diff`

use std::path::{Path, PathBuf};

use super::goldens::Format;
use super::{Common, Failure, Outcome, Ui, goldens, load, report, revision};
use crate::base::Report;
use crate::review::{self, Asked, Change, NodeDiff, Shown};

/// Say what changes from a folder that `nodebake render` wrote, or from a
/// revision, to what a node renders now: which values, what decided them, and
/// what the machines need for it. Ends with 0 if nothing changes, with 1 if
/// something does.
///
/// The patch comes after the words: lines with - are the folder's, lines with +
/// are rendered now.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The node.yaml
    node: PathBuf,
    /// The folder; of a fleet the one with a folder a node in it. With
    /// --against, where the revision has its goldens
    #[arg(required_unless_present = "against")]
    dir: Option<PathBuf>,
    /// Compare with what the inputs of a git revision render: git:HEAD~1,
    /// git:origin/main
    #[arg(long, value_name = "git:REV")]
    against: Option<String>,
    /// How to tell it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// As --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Words only
    #[arg(long)]
    no_patch: bool,
    /// A node may get another name
    #[arg(long)]
    allow_new_name: bool,
    #[command(flatten)]
    common: Common,
}

/// Findings that are told beside the words: what a reviewer must not miss.
const ALARMS: [&str; 4] = [
    "golden/conflict",
    "golden/new-name",
    "golden/secret",
    "golden/wider-mode",
];

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let loaded = load::open(ui, &args.node, &args.common)?;
    let is_fleet = loaded.is_fleet;
    let (nodes, with, again) = match (&args.against, &args.dir) {
        (Some(against), dir) => {
            let name = against
                .strip_prefix("git:")
                .filter(|name| !name.is_empty())
                .ok_or_else(|| {
                    Failure::Usage(format!(
                        "`{against}` is no revision: --against git:REV, such as git:HEAD~1"
                    ))
                })?;
            let nodes = revision::compare(ui, loaded, (&args.node, dir.as_deref()), name, &args.common)?;
            (nodes, name.to_owned(), None)
        }
        (None, Some(dir)) => {
            let again = again(&args.node, dir);
            let nodes = goldens::compare(ui, loaded, dir, &again, &args.common)?;
            (nodes, dir.display().to_string(), Some(again))
        }
        (None, None) => return Err(Failure::Usage("a folder or --against git:REV".into())),
    };
    let file = args.node.display().to_string();
    let shown = Shown {
        file: &file,
        with: &with,
        is_fleet,
        is_revision: args.against.is_some(),
        nodes: &nodes,
    };
    let asked = Asked {
        again: again.as_deref().unwrap_or("nodebake golden update"),
        allow_new_name: args.allow_new_name,
    };
    let format = if args.json { Format::Json } else { args.format };
    let findings = args.common.policy()?.judge(review::findings(&nodes, asked));
    match format {
        Format::Text => {
            let text = review::text(&shown, !args.no_patch);
            if ui.data_colour {
                ui.paged(review::coloured(&text).as_bytes())?;
            } else {
                ui.paged(text.as_bytes())?;
            }
        }
        Format::Markdown => ui.data(review::markdown(&shown).as_bytes())?,
        Format::Json => ui.json(&nodes)?,
        Format::Sarif => ui.data(review::sarif(&findings).as_bytes())?,
        Format::Github => {
            ui.data(review::annotations(&findings).as_bytes())?;
            report::print(ui, &findings, true);
        }
    }
    if format != Format::Github {
        alarm(ui, findings, args.common.short);
    }
    if nodes.iter().all(|node| node.change.is_none()) {
        ui.talk(&format!("{with} holds what {file} renders"));
        return Ok(());
    }
    ui.talk(&total(&nodes, &file, &with));
    if let Some(again) = again {
        ui.talk(&format!("  `{again}` brings it up to date"));
    }
    Err(Failure::Findings)
}

fn again(node: &Path, dir: &Path) -> String {
    format!("nodebake render {} -o {}", node.display(), dir.display())
}

fn alarm(ui: &Ui, findings: Report, short: bool) {
    let mut alarms = Report::new();
    alarms.extend(findings.into_iter().filter(|finding| ALARMS.contains(&finding.id)));
    for finding in alarms.sorted() {
        ui.talk(&report::one(finding, ui.colour, short));
    }
}

fn total(nodes: &[NodeDiff], file: &str, with: &str) -> String {
    let count = |change: Change| {
        let files = nodes.iter().flat_map(|node| &node.files);
        files.filter(|file| file.change == change).count()
    };
    format!(
        "{with} differs from what {file} renders: {} added, {} changed, {} removed",
        count(Change::Added),
        count(Change::Changed),
        count(Change::Removed)
    )
}
