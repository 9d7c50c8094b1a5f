//! Asking EKS and EC2.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use tokio::runtime::{Builder, Runtime};

use super::Identity;
use super::credentials::of_profile;
use super::trouble::trouble;
use crate::cloud::aws::{explain, no_credentials};
use crate::cloud::{Kind, Trouble};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// A region and credentials to ask with.
#[derive(Debug)]
pub struct Session {
    runtime: Runtime,
    pub(super) config: SdkConfig,
    profile: Option<String>,
}

impl Session {
    /// Settles the region and where credentials come from; asks nobody yet. `AWS_ENDPOINT_URL` and its kin are kept.
    pub fn open(identity: &Identity) -> Result<Self, Trouble> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Trouble::new(Kind::Refused, error.to_string()))?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &identity.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &identity.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = runtime.block_on(loader.load());
        let Some(region) = config.region().map(ToString::to_string) else {
            let trouble = Trouble::new(Kind::Refused, "no AWS region is known");
            return Err(trouble.hint("say --region, or set AWS_REGION or the profile's region"));
        };
        let mut config = config.into_builder();
        // The loader alone would take the environment's keys before those of the profile.
        if let Some(profile) = &identity.profile {
            config.set_credentials_provider(Some(of_profile(profile, &region)?));
        }
        // Tries are counted in `cloud`, where they are tested; what fetches credentials keeps its own.
        let config = config
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ANSWER).build())
            .build();
        Ok(Self {
            runtime,
            config,
            profile: identity.profile.clone(),
        })
    }

    /// Carries out a call that needs the IAM permission `action`. Once: who asks decides whether it is asked again.
    pub(super) fn ask<T, E>(
        &self,
        action: &str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Trouble>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        SdkError<E, HttpResponse>: RequestId,
    {
        self.runtime.block_on(call).map_err(|error| {
            let told = trouble(&error);
            match &error {
                SdkError::DispatchFailure(_) if told.kind == Kind::Denied => {
                    no_credentials(told, &words(&error), self.profile.as_deref())
                }
                _ => explain(action, told),
            }
        })
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }
}

/// Everything an error and its causes say.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words += &format!(": {next}");
        cause = next.source();
    }
    words
}
