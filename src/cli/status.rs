//! `nodebake status`

use serde::Serialize;

use super::deliver::Where;
use super::{Failure, Outcome, Ui};
use crate::deliver::Disk;
use crate::deliver::{self, Drift, FIRST_BOOT_DONE, Left, Look, Progress, Record};

/// Say whether the machine still has what was installed, by content, mode and
/// owner. Ends with 0 if it does, with 1 if not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Where,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// How many files are nodebake's.
    files: usize,
    /// Whether first boot has ended well.
    started: bool,
    /// The transaction that did not end, if there is one.
    interrupted: Option<&'static str>,
    adopted: Vec<String>,
    drift: Vec<Differs>,
}

#[derive(Debug, Serialize)]
struct Differs {
    path: String,
    what: String,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let target = args.place.open(false)?;
    let record = Record::read(&target.disk)?;
    let drift = deliver::drift(&target.disk, &record, target.owner)?;
    let status = Status {
        files: record.files.len(),
        started: target.disk.look(FIRST_BOOT_DONE)? != Look::Absent,
        interrupted: match deliver::left(&target.disk)? {
            Left::Begun(journal, Progress::Applying | Progress::Undoing) => Some(journal.task.word()),
            _ => None,
        },
        adopted: record.adopted.iter().map(ToString::to_string).collect(),
        drift: drift
            .into_iter()
            .map(|Drift { path, what }| Differs { path, what })
            .collect(),
    };
    if args.json {
        ui.json(&status)?;
    } else {
        let mut out = String::new();
        if status.files == 0 {
            out += "nothing is installed\n";
        }
        if let Some(task) = status.interrupted {
            out += &format!("the last {task} was interrupted: repeat it, or `nodebake rollback`\n");
        }
        for Differs { path, what } in &status.drift {
            out += &format!("{path}: {what}\n");
        }
        if status.drift.is_empty() && status.files > 0 {
            out += &format!("{} files, all as they were installed\n", status.files);
        }
        for path in &status.adopted {
            out += &format!("{path}: the machine's own, adopted\n");
        }
        ui.data(out.as_bytes())?;
    }
    if status.drift.is_empty() && status.interrupted.is_none() {
        Ok(())
    } else {
        Err(Failure::Findings)
    }
}
