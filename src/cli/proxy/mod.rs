//! `nodebake proxy`

mod serve;

use super::{Failure, Outcome, Ui, report};

/// Pass the API server's connections on to nodes outside the VPC.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Pass TCP connections on, as they are, without a further program
    Serve(serve::Args),
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.command {
        Command::Serve(args) => serve::run(ui, args),
    }
}
