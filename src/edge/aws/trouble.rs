//! What was wrong with a call of the SDK.

use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;

use crate::cloud::{Kind, Trouble};

/// What is wrong, of any call. The request's number is kept: support asks for it.
pub(super) fn trouble<E>(error: &SdkError<E, HttpResponse>) -> Trouble
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
        "ResourceInUseException" | "InvalidGroup.Duplicate" | "InvalidPermission.Duplicate" => Kind::Exists,
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
