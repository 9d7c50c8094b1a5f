//! `nodebake proxy serve`

use std::net::SocketAddrV4;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::{Failure, Outcome, Ui, report};
use crate::base::Report;
use crate::cloud::passthrough::{self, Passthrough, Sources};
use crate::edge::fs;

/// Pass TCP connections on, as they are: TLS ends at the node.
///
/// SIGHUP reads FILE again without touching streams that run; a wrong one is
/// told and not taken. SIGTERM stops listening, lets streams end for
/// limits.drainSeconds and ends with 0; a second one ends at once.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["config", "listen"]))]
pub(super) struct Args {
    /// The passthrough.yaml: sources, routes, limits
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Or one route: the address and port the API server connects to
    #[arg(long, value_name = "IP:PORT", requires_all = ["to", "source"])]
    listen: Option<SocketAddrV4>,
    /// Where the node is
    #[arg(long, value_name = "IP:PORT", requires = "listen")]
    to: Option<SocketAddrV4>,
    /// The networks that may connect, with commas between them, or any
    #[arg(long, value_name = "CIDRS", requires = "listen")]
    source: Option<Sources>,
    /// Write metrics for Prometheus to this file, as its textfile collector
    /// reads them
    #[arg(long, value_name = "PATH")]
    metrics_file: Option<PathBuf>,
    /// How often, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "15", requires = "metrics_file")]
    metrics_every: NonZero<u32>,
    /// Say what is wrong with FILE, and end
    #[arg(long)]
    check: bool,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    let config = match (&args.config, args.listen, args.to, &args.source) {
        (Some(path), ..) => read(path).map_err(|report| {
            report::print_all(ui, &report, false);
            Failure::Findings
        })?,
        (None, Some(listen), Some(to), Some(sources)) => {
            passthrough::checked(listen, to, sources.clone()).map_err(Failure::Usage)?
        }
        _ => return Err(Failure::Usage("say --config, or --listen, --to and --source".into())),
    };
    if args.check {
        ui.talk(&format!("{} routes, nothing wrong", config.routes.len()));
        return Ok(());
    }
    serve(args, &config)
}

fn read(path: &Path) -> Result<Passthrough, Report> {
    let source = fs::read_source(path).map_err(|finding| Report::from(*finding))?;
    passthrough::read(&source)
}

#[cfg(feature = "proxy")]
fn serve(args: &Args, config: &Passthrough) -> Outcome {
    use std::time::Duration;

    use crate::edge::proxy::{self, Options};

    let (path, fixed) = (args.config.clone(), config.clone());
    let every = Duration::from_secs(u64::from(args.metrics_every.get()));
    let options = Options {
        metrics: args.metrics_file.clone().map(|path| (path, every)),
        told: Box::new(|line| Ui::new().talk(line)),
        reload: Box::new(move || {
            let Some(path) = &path else {
                return Some(fixed.clone());
            };
            read(path)
                .map_err(|report| {
                    // One line a finding: this is for a journal.
                    report::print_all(&Ui::new(), &report, true);
                })
                .ok()
        }),
    };
    proxy::serve(config, options).map_err(|why| Failure::World(anyhow::anyhow!(why)))
}

#[cfg(not(feature = "proxy"))]
fn serve(_: &Args, _: &Passthrough) -> Outcome {
    Err(Failure::Usage(
        "this nodebake was built without its proxy: build it with the feature `proxy`".into(),
    ))
}
