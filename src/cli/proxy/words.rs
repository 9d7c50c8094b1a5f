//! What the commands about a proxy are told.

use std::path::PathBuf;

use crate::cli::Common;
use crate::cli::aws::AwsArgs;

/// Launch the machine of a proxy.yaml in EC2, or add to it what is missing.
///
/// It is looked for first, by its tag: run again, the command goes on where
/// it was interrupted, and adds the addresses of new satellites.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the command line")]
pub(super) struct LaunchArgs {
    /// The proxy.yaml
    pub(super) proxy: PathBuf,
    /// The subnet, in place of the document's
    #[arg(long, value_name = "ID")]
    pub(super) subnet: Option<String>,
    /// The AMI; if left out the document's, or the newest of the image
    #[arg(long, value_name = "ID")]
    pub(super) ami: Option<String>,
    /// Keep a public address (Elastic IP), so that satellites' firewalls can
    /// let in one address for good
    #[arg(long)]
    pub(super) elastic_ip: bool,
    /// Carry the plan out without asking
    #[arg(long)]
    pub(super) yes: bool,
    /// Show the plan, and end
    #[arg(long, conflicts_with = "yes")]
    pub(super) dry_run: bool,
    /// Write what came of it as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: Common,
}

/// List the proxies of the account in this region.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Write it as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) aws: AwsArgs,
}

/// Take a proxy's instance, public address and security group away.
#[derive(Debug, clap::Args)]
pub(super) struct DeleteArgs {
    /// Its name
    pub(super) name: String,
    /// Keep its public address for the next proxy of this name
    #[arg(long)]
    pub(super) keep_address: bool,
    /// Carry the plan out without asking
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) aws: AwsArgs,
}
