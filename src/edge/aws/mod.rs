//! AWS: who asks, where, and what went wrong.

#[cfg(feature = "aws")]
mod ec2;
#[cfg(feature = "aws")]
mod eks;
#[cfg(feature = "aws")]
mod instances;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use tokio::runtime::{Builder, Runtime};

use crate::cloud::aws::{explain, no_credentials};
use crate::cloud::{Kind, Trouble};

#[cfg(feature = "aws")]
pub use ec2::Ec2Calls;
#[cfg(feature = "aws")]
pub use eks::EksCalls;
#[cfg(feature = "aws")]
pub use instances::InstanceCalls;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// What the user says about who asks. What is left out comes from where the AWS CLI takes it: the environment, the
/// configuration files, SSO, a role, the instance.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// The profile.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// A region and credentials to ask with.
#[derive(Debug)]
pub struct Session {
    runtime: Runtime,
    config: SdkConfig,
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
        if config.region().is_none() {
            let trouble = Trouble::new(Kind::Refused, "no AWS region is known");
            return Err(trouble.hint("say --region, or set AWS_REGION or the profile's region"));
        }
        // Tries are counted in `cloud`, where they are tested; what fetches credentials keeps its own.
        let config = config
            .into_builder()
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
    fn ask<T, E>(
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

/// What is wrong, of any call. The request's number is kept: support asks for it.
fn trouble<E>(error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    SdkError<E, HttpResponse>: RequestId,
{
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let status = error.raw_response().map_or(0, |answer| answer.status().as_u16());
    let (kind, message) = match error {
        SdkError::ConstructionFailure(_) => (Kind::Refused, cause.to_string()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => (Kind::Unknown, cause.to_string()),
        // The connection broke: before the request was sent, or after it was carried out.
        SdkError::DispatchFailure(failure) if failure.is_io() => (broken(cause), cause.to_string()),
        // A kind stands beside what may pass, such as a connection that ended in the middle; none beside credentials.
        SdkError::DispatchFailure(failure) if failure.as_other().is_some() => (Kind::Unknown, cause.to_string()),
        SdkError::DispatchFailure(failure) if failure.is_user() => (Kind::Refused, cause.to_string()),
        SdkError::DispatchFailure(_) => (Kind::Denied, cause.to_string()),
        SdkError::TimeoutError(_) => (Kind::Unknown, "no answer in time".into()),
        SdkError::ServiceError(answer) if answer.err().meta().code().is_some() => {
            let meta = answer.err().meta();
            let code = meta.code().unwrap_or_default();
            (kind_of(code, status), meta.message().unwrap_or(code).to_owned())
        }
        _ if status == 429 => (Kind::Throttled(None), "too many requests".into()),
        _ if status >= 500 => (Kind::Unknown, format!("the answer is a {status} without a reason")),
        _ => (
            Kind::Malformed,
            format!("the answer ({status}) is not what AWS describes: {cause}"),
        ),
    };
    let mut told = Trouble::new(kind, message);
    if let SdkError::ServiceError(answer) = error {
        told.code = answer.err().meta().code().map(str::to_owned);
    }
    if let Some(id) = error.request_id() {
        told.message += &format!(" (request {id})");
    }
    told
}

/// Whether a broken connection was one at all: nothing is carried out where nobody listens.
fn broken(cause: &(dyn std::error::Error + 'static)) -> Kind {
    match cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => Kind::Unreachable,
        _ => Kind::Unknown,
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

/// What kind of trouble a code of AWS is. EC2 has no status for most of them: its codes end with what they mean.
fn kind_of(code: &str, status: u16) -> Kind {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "EC2ThrottledException"
        | "SlowDown"
        | "TooManyRequestsException" => Kind::Throttled(None),
        "ResourceNotFoundException" => Kind::NotFound,
        "ResourceInUseException" | "InvalidPermission.Duplicate" => Kind::Exists,
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "UnauthorizedOperation"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "OptInRequired"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Kind::Denied,
        "InsufficientInstanceCapacity" | "InsufficientFreeAddressesInSubnet" => Kind::Exhausted,
        "InternalError"
        | "InternalFailure"
        | "ServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable" => Kind::Unknown,
        code if code.ends_with(".NotFound") => Kind::NotFound,
        _ if status == 429 => Kind::Throttled(None),
        _ if status >= 500 => Kind::Unknown,
        _ => Kind::Refused,
    }
}
