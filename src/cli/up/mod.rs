//! `nodebake up` and `nodebake down`: the whole way of one node, and back.

#[cfg(all(feature = "aws", feature = "lambda"))]
mod down;
#[cfg(all(feature = "aws", feature = "lambda"))]
mod note;
#[cfg(all(feature = "aws", feature = "lambda"))]
mod view;
#[cfg(all(feature = "aws", feature = "lambda"))]
mod way;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::lambda::Account;
use super::{Common, Outcome, Ui};
use crate::cloud::lambda::firewall::proxy_address;

/// Bring a node up: hold cluster.yaml to the cluster, make the node's network
/// interface, write the files for kubectl and aws, let the proxy in, launch the
/// machine, watch it until it is active, and say what is left to do.
///
/// All of it is planned first and asked about once. Whatever ends a run, the
/// same command goes on where it ended; what was done is in NAME.up/state.json
/// beside node.yaml. `nodebake down` takes it all back.
#[derive(Debug, clap::Args)]
pub(super) struct UpArgs {
    /// The node.yaml
    node: PathBuf,
    /// Which node of a fleet
    #[arg(long = "node", value_name = "NAME")]
    chosen: Option<String>,
    /// Where to launch; `any` takes the first region that has everything. If
    /// left out the region of the node's `launch` section
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The proxy's public address, to be let through Lambda's firewall to TCP
    /// 10250
    #[arg(long, value_name = "ADDRESS", value_parser = proxy_address)]
    proxy: Vec<Ipv4Addr>,
    /// The proxy's instance, to attach the network interface to; otherwise it
    /// stays free
    #[arg(long, value_name = "INSTANCE-ID")]
    attach: Option<String>,
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    common: Common,
}

/// Take a node back: end its machine, take back the firewall's rule, delete its
/// network interface and what `up` wrote. What is not there is fine.
#[derive(Debug, clap::Args)]
pub(super) struct DownArgs {
    /// The node.yaml
    node: PathBuf,
    /// Which node of a fleet
    #[arg(long = "node", value_name = "NAME")]
    chosen: Option<String>,
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    common: Common,
}

/// What both take.
#[derive(Debug, clap::Args)]
struct Shared {
    /// The folder for the state and the files; if left out NAME.up beside
    /// node.yaml
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Carry it out without asking
    #[arg(short, long)]
    yes: bool,
    /// The profile of the AWS configuration, as `aws --profile`
    #[arg(long)]
    profile: Option<String>,
    #[command(flatten)]
    account: Account,
}

#[cfg(all(feature = "aws", feature = "lambda"))]
pub(super) fn up(ui: &Ui, args: &UpArgs) -> Outcome {
    way::run(ui, args)
}

#[cfg(all(feature = "aws", feature = "lambda"))]
pub(super) fn down(ui: &Ui, args: &DownArgs) -> Outcome {
    down::run(ui, args)
}

#[cfg(not(all(feature = "aws", feature = "lambda")))]
pub(super) fn up(_: &Ui, _: &UpArgs) -> Outcome {
    Err(none())
}

#[cfg(not(all(feature = "aws", feature = "lambda")))]
pub(super) fn down(_: &Ui, _: &DownArgs) -> Outcome {
    Err(none())
}

#[cfg(not(all(feature = "aws", feature = "lambda")))]
fn none() -> super::Failure {
    super::Failure::Usage("this nodebake was built without the features `aws` and `lambda`, and asks no cloud".into())
}
