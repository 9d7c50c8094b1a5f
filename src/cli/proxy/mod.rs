//! `nodebake proxy`: the machine in the VPC that passes the API server's connections on to satellites.

#[cfg(feature = "aws")]
mod delete;
#[cfg(feature = "aws")]
mod launch;
#[cfg(feature = "aws")]
mod list;
mod words;

#[cfg(feature = "aws")]
use super::Failure;
use super::{Outcome, Ui};

/// Pass the API server's connections on to nodes outside the VPC.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Launch the machine of a proxy.yaml in EC2, or add to it what is missing
    Launch(words::LaunchArgs),
    /// List the proxies of the account in this region
    List(words::ListArgs),
    /// Take a proxy's instance, public address and security group away
    Delete(words::DeleteArgs),
}

#[cfg(feature = "aws")]
pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.command {
        Command::Launch(args) => launch::run(ui, args),
        Command::List(args) => list::run(ui, args),
        Command::Delete(args) => delete::run(ui, args),
    }
}

#[cfg(not(feature = "aws"))]
pub(super) fn run(_: &Ui, args: &Args) -> Outcome {
    match &args.command {
        Command::Launch(_) | Command::List(_) | Command::Delete(_) => Err(super::aws::none()),
    }
}
