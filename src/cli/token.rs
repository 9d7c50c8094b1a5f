//! `nodebake token`

use super::{Failure, Outcome, Ui};

/// Print a token for a cluster of EKS, as kubectl and the kubelet read it from
/// an exec plugin. It is signed here: where keys are in the environment or in a
/// file, nobody is asked.
///
/// Region and credentials come from where the AWS CLI takes them. A profile may
/// assume a role, sign in or run a program.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The cluster's name; of a local cluster on Outposts its id
    #[arg(long, value_name = "NAME", visible_alias = "cluster-name")]
    cluster: String,
    /// The region, if not the environment's or the profile's
    #[arg(long)]
    region: Option<String>,
    /// The profile; goes before the environment's keys
    #[arg(long)]
    profile: Option<String>,
}

#[cfg(feature = "credentials")]
pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    use crate::cloud::token;
    use crate::edge::aws::{Identity, credentials};
    use crate::edge::clock;

    if !token::is_cluster(&args.cluster) {
        return Err(Failure::Usage(format!(
            "{:?} is not an EKS cluster's name",
            args.cluster
        )));
    }
    let info = credentials::variable("KUBERNETES_EXEC_INFO");
    let version = token::api_version(info.as_deref()).map_err(Failure::Cloud)?;
    let identity = Identity {
        profile: args.profile.clone(),
        region: args.region.clone(),
    };
    let found = credentials::find(&identity).map_err(Failure::Cloud)?;
    let made = token::token(&args.cluster, &found.region, &found.keys, clock::now()).map_err(Failure::Cloud)?;
    ui.data(token::exec_credential(&made, version).as_bytes())?;
    Ok(())
}

#[cfg(not(feature = "credentials"))]
pub(super) fn run(_: &Ui, args: &Args) -> Outcome {
    let Args { cluster, .. } = args;
    Err(Failure::World(anyhow::anyhow!(
        "no token for {cluster}: this nodebake was built without credentials (feature `credentials`)"
    )))
}
