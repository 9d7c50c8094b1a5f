//! `nodebake credentials`

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Outcome, Ui};

/// Keep and show the session with AWS of the machine this runs on.
///
/// The files are those of the node's script: either may do the other's work.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Get a new session and put it in the old one's place
    Refresh(Refresh),
    /// Say what there is and until when; ends with 1 if that is nothing of use
    #[command(visible_alias = "show")]
    Status(Status),
}

#[derive(Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "help is shown as it is")]
struct Places {
    /// How a session is got; if left out AWS_CONFIG_FILE, or
    /// /etc/nodebake/aws/config
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// The session; if left out NODEBAKE_SESSION_CREDENTIALS, or
    /// /run/nodebake/aws/credentials
    #[arg(long, value_name = "PATH")]
    session: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "help is shown as it is")]
struct Refresh {
    #[command(flatten)]
    places: Places,
    /// The long-lived key; if left out NODEBAKE_SOURCE_CREDENTIALS, or
    /// /etc/nodebake/aws/source-credentials
    #[arg(long, value_name = "PATH")]
    source: Option<PathBuf>,
    /// Where to write metrics, for the textfile collector of node_exporter
    #[arg(long, value_name = "PATH")]
    metrics: Option<PathBuf>,
    /// Go on: refresh at a third of each session's life, and when the key
    /// changes, where no timer does it
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, clap::Args)]
struct Status {
    #[command(flatten)]
    places: Places,
    /// The section
    #[arg(long, value_name = "NAME", default_value = "node")]
    profile: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[cfg(feature = "credentials")]
pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    use crate::cloud::session::{self, Failed, Level, State};
    use crate::edge::aws::session::{Here, Paths};

    let paths = |places: &Places| {
        let usual = Paths::usual();
        Paths {
            config: places.config.clone().unwrap_or(usual.config),
            session: places.session.clone().unwrap_or(usual.session),
            source: usual.source,
            metrics: None,
        }
    };
    let tell = |level: Level, line: &str| ui.journal(level as u8, line);
    match &args.command {
        Command::Refresh(refresh) => {
            let mut paths = paths(&refresh.places);
            paths.source = refresh.source.clone().unwrap_or(paths.source);
            paths.metrics.clone_from(&refresh.metrics);
            let here = Here::new(paths, &tell);
            if refresh.watch {
                session::watch(&here, None);
            }
            session::refresh(&here).map_err(|failed| match failed {
                Failed::World(_) => Failure::Told(3),
                Failed::Cloud(_) => Failure::Told(4),
            })?;
        }
        Command::Status(wanted) => {
            let here = Here::new(paths(&wanted.places), &tell);
            let status = session::status(&here, &wanted.profile);
            if wanted.json {
                ui.json(&status)?;
            } else {
                ui.data(status.to_string().as_bytes())?;
            }
            if status.state != State::Valid {
                return Err(Failure::Findings);
            }
        }
    }
    Ok(())
}

#[cfg(not(feature = "credentials"))]
pub(super) fn run(_: &Ui, args: &Args) -> Outcome {
    // All of it is read where the feature is on.
    let Args { command } = args;
    let what = format!("{command:?}");
    let what = what.split('(').next().unwrap_or_default().to_lowercase();
    Err(Failure::World(anyhow::anyhow!(
        "no {what}: this nodebake was built without credentials (feature `credentials`)"
    )))
}
