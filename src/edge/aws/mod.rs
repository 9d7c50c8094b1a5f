//! AWS: who asks, where, and what went wrong.

pub mod credentials;
pub mod session;
mod sts;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use tokio::runtime::{Builder, Runtime};

use crate::cloud::{Kind, Trouble};

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
        Ok(Self { runtime, config })
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }
}

/// What is wrong, of any call. The request's number is kept: support asks for it.
fn trouble<E, R>(error: &SdkError<E, R>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: RequestId,
{
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let (kind, message) = match error {
        SdkError::ConstructionFailure(_) => (Kind::Refused, cause.to_string()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => (Kind::Unknown, cause.to_string()),
        SdkError::DispatchFailure(failure) if failure.is_io() => (Kind::Unreachable, cause.to_string()),
        SdkError::DispatchFailure(failure) if failure.is_user() => (Kind::Refused, cause.to_string()),
        SdkError::DispatchFailure(_) => (Kind::Denied, cause.to_string()),
        SdkError::TimeoutError(_) => (Kind::Unknown, "no answer in time".into()),
        SdkError::ServiceError(answer) => {
            let meta = answer.err().meta();
            let code = meta.code().unwrap_or_default();
            (kind_of(code), meta.message().unwrap_or(code).to_owned())
        }
        _ => (Kind::Malformed, cause.to_string()),
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

/// What kind of trouble a code of AWS is. EC2 has no status for most of them: its codes end with what they mean.
fn kind_of(code: &str) -> Kind {
    match code {
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
            Kind::Throttled(None)
        }
        "ResourceNotFoundException" => Kind::NotFound,
        "ResourceInUseException" | "InvalidPermission.Duplicate" => Kind::Exists,
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "UnauthorizedOperation"
        | "ExpiredToken"
        | "ExpiredTokenException"
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
        "" => Kind::Malformed,
        _ => Kind::Refused,
    }
}
