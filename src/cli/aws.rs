//! What commands that ask AWS share.

use std::path::{Path, PathBuf};

use super::{Failure, Ui, report};
#[cfg(feature = "aws")]
use crate::edge::aws::{Identity, Session};
use crate::edge::fs;
use crate::facts::{self, ClusterFacts};

/// Who asks AWS, and where.
#[derive(Debug, Default, clap::Args)]
pub(super) struct AwsArgs {
    /// The region; if left out that of cluster.yaml, AWS_REGION or the profile
    #[arg(long)]
    pub(super) region: Option<String>,
    /// The profile of the AWS configuration, as `aws --profile`
    #[arg(long)]
    pub(super) profile: Option<String>,
}

/// The facts of the cluster a command is about.
#[derive(Debug, clap::Args)]
pub(super) struct FactsArgs {
    /// The cluster.yaml; if left out the one in this folder, if there is one
    #[arg(long, value_name = "PATH")]
    pub(super) facts: Option<PathBuf>,
}

/// The refusal of a build that has no client of AWS.
#[cfg(not(feature = "aws"))]
pub(super) fn none() -> Failure {
    Failure::Usage("this nodebake was built without the feature `aws`, and asks no cloud".into())
}

#[cfg(feature = "aws")]
impl AwsArgs {
    /// Opens a session, in the region of the facts if none was said.
    pub(super) fn open(&self, facts: Option<&ClusterFacts>) -> Result<Session, Failure> {
        let of_facts = facts.map(|facts| facts.region.value.clone());
        let identity = Identity {
            profile: self.profile.clone(),
            region: self.region.clone().or(of_facts),
        };
        Session::open(&identity).map_err(Failure::Cloud)
    }
}

impl FactsArgs {
    /// Reads the cluster.yaml, if there is one.
    pub(super) fn read(&self, ui: &Ui) -> Result<Option<ClusterFacts>, Failure> {
        match &self.facts {
            Some(path) => read_facts(ui, path).map(Some),
            None if fs::exists(Path::new("cluster.yaml")) => read_facts(ui, Path::new("cluster.yaml")).map(Some),
            None => Ok(None),
        }
    }
}

/// Reads a cluster.yaml, and prints what is wrong with it.
pub(super) fn read_facts(ui: &Ui, path: &Path) -> Result<ClusterFacts, Failure> {
    let read = fs::read_source(path).map_err(|finding| (*finding).into());
    read.and_then(|source| facts::read(&source)).map_err(|failed| {
        report::print_all(ui, &failed, false);
        Failure::Findings
    })
}

/// A line that says what is waited for, where somebody looks on.
#[cfg(feature = "aws")]
pub(super) struct Waiting(indicatif::ProgressBar);

#[cfg(feature = "aws")]
impl Waiting {
    pub(super) fn new() -> Self {
        let bar = indicatif::ProgressBar::new_spinner();
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self(bar)
    }

    pub(super) fn told(&self, line: &str) {
        self.0.set_message(line.to_owned());
    }
}

#[cfg(feature = "aws")]
impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
