//! `nodebake eni`

#[cfg(feature = "aws")]
mod run;
#[cfg(feature = "aws")]
mod show;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::aws::{AwsArgs, FactsArgs};
use super::{Common, Outcome, Ui};

/// Give nodes network interfaces in the cluster's VPC
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Create(Box<CreateArgs>),
    List(ListArgs),
    Get(GetArgs),
    Delete(DeleteArgs),
}

/// Make the interface of a node, in a private subnet of the cluster's VPC, with
/// the cluster's security group
///
/// It gets the address of node.yaml (`identity.address`, or `eniAddress`), and
/// is found again by its tag nodebake/node: run twice, it is there once.
#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// The node.yaml
    node: PathBuf,
    /// The node of a fleet
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The subnet; if left out the one the address lies in, or else the first
    /// private one with a free address
    #[arg(long, value_name = "ID")]
    subnet: Option<String>,
    /// The address; if left out that of node.yaml, or else EC2 takes a free one
    #[arg(long)]
    address: Option<Ipv4Addr>,
    /// Attach it to this instance, the proxy; otherwise it stays free
    #[arg(long, value_name = "INSTANCE-ID")]
    attach: Option<String>,
    /// Carry it out without asking
    #[arg(short, long)]
    yes: bool,
    /// The interface as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: Common,
}

/// List the interfaces of nodes
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// All interfaces of the VPC, not only those of nodes
    #[arg(long)]
    all: bool,
    /// The VPC; if left out that of cluster.yaml
    #[arg(long, value_name = "ID")]
    vpc: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    aws: AwsArgs,
}

/// Show one interface, and the name of the node that is named after it
#[derive(Debug, clap::Args)]
struct GetArgs {
    /// Its id, the node's name, or a node.yaml
    #[arg(value_name = "ID|NAME|NODE")]
    whose: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    aws: AwsArgs,
}

/// Detach and delete the interface of a node. One that is not there is fine
#[derive(Debug, clap::Args)]
struct DeleteArgs {
    /// Its id, the node's name, or a node.yaml
    #[arg(value_name = "ID|NAME|NODE")]
    whose: String,
    /// Carry it out without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    aws: AwsArgs,
}

#[cfg(not(feature = "aws"))]
pub(super) fn run(_: &Ui, _: &Args) -> Outcome {
    Err(super::aws::none())
}

#[cfg(feature = "aws")]
pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.what {
        What::Create(args) => run::create(ui, args),
        What::List(args) => run::list(ui, args),
        What::Get(args) => run::get(ui, args),
        What::Delete(args) => run::delete(ui, args),
    }
}
