//! `nodebake facts`

#[cfg(feature = "aws")]
pub(super) mod eks;

use std::path::PathBuf;

use super::aws::{AwsArgs, FactsArgs};
use super::{Failure, Outcome, Ui};
use crate::cloud::policy::{self, Scope};
use crate::facts::{ClusterFacts, partition};

/// Fetch what only the cluster knows
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Eks(EksArgs),
    Policy(PolicyArgs),
}

/// Write the cluster.yaml of an EKS cluster, or compare one with the cluster
///
/// What differs is shown, and the file is written anew after a yes. Credentials
/// are taken from where the AWS CLI takes them: the environment, profiles, SSO,
/// roles, `credential_process`; `AWS_ENDPOINT_URL` is kept.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct EksArgs {
    /// The cluster's name
    name: String,
    /// Where to write it; if left out it goes to stdout
    #[arg(short, long, value_name = "PATH", value_parser = super::to_write())]
    output: Option<PathBuf>,
    /// Wait for a cluster that is being made or changed, 20 minutes at most
    #[arg(long)]
    wait: bool,
    /// Write nothing; end with 1 if the file differs from the cluster
    #[arg(long, requires = "output")]
    check: bool,
    /// Take over what changed without asking
    #[arg(short, long)]
    yes: bool,
    /// The facts as JSON; with -o what changed
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    aws: AwsArgs,
}

/// Print the IAM policy that a command needs, and no more
///
/// What cluster.yaml does not say is said here; without one all three are.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    /// Which: `facts`, `eni`, `proxy`, or `eni-read` for `eni list` and `eni get`
    #[arg(value_parser = policy::COMMANDS)]
    command: String,
    #[command(flatten)]
    facts: FactsArgs,
    /// The cluster's name
    #[arg(long, value_name = "NAME", conflicts_with = "facts")]
    cluster: Option<String>,
    /// The cluster's region
    #[arg(long, conflicts_with = "facts")]
    region: Option<String>,
    /// The cluster's account
    #[arg(long, value_name = "NUMBER", conflicts_with = "facts")]
    account: Option<String>,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    match &args.what {
        #[cfg(feature = "aws")]
        What::Eks(args) => eks::run(ui, args),
        #[cfg(not(feature = "aws"))]
        What::Eks(_) => Err(super::aws::none()),
        What::Policy(args) => print_policy(ui, args),
    }
}

fn print_policy(ui: &Ui, args: &PolicyArgs) -> Outcome {
    let scope = match (&args.cluster, &args.region, &args.account) {
        (Some(cluster), Some(region), Some(account)) => Scope {
            partition: partition(region).into(),
            region: region.clone(),
            account: account.clone(),
            cluster: cluster.clone(),
            subnets: Vec::new(),
            vpc: None,
            group: None,
        },
        (None, None, None) => of_facts(&args.facts.read(ui)?.ok_or_else(unsaid)?),
        _ => return Err(unsaid()),
    };
    if let Some(document) = policy::policy(&args.command, &scope) {
        ui.json(&document)?;
    }
    Ok(())
}

fn unsaid() -> Failure {
    let message = "a policy is about one cluster: say which with --facts cluster.yaml, or with all of --cluster, --region \
                   and --account";
    Failure::Usage(message.into())
}

/// Interfaces may be made where the cluster has private subnets.
fn of_facts(facts: &ClusterFacts) -> Scope {
    let open = facts.subnets.iter().filter(|subnet| {
        let private = subnet.private.as_ref();
        private.is_none_or(|private| private.value)
    });
    Scope {
        partition: facts.partition().into(),
        region: facts.region.value.clone(),
        account: facts.account.value.clone(),
        cluster: facts.name.value.clone(),
        subnets: open.map(|subnet| subnet.id.value.clone()).collect(),
        vpc: facts.vpc.as_ref().map(|vpc| vpc.value.clone()),
        group: facts.cluster_group.as_ref().map(|group| group.value.clone()),
    }
}
