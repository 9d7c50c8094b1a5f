//! STS, asked once at a time: the ladder is ours.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sts::Client;
use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_sts::error::{BoxError, SdkError};
use tokio::runtime::Builder;

use super::credentials::variable;
use super::trouble::trouble;
use crate::cloud::session::{AssumeRole, Told, endpoint};
use crate::cloud::{Keys, Kind, Trouble, moment};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(15);

/// Keeps the `Date` of an answer, whatever the answer is.
#[derive(Debug, Clone, Default)]
struct Dates(Arc<Mutex<Option<i64>>>);

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(moment::from_http);
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = date;
        Ok(())
    }
}

/// Asks for a session.
pub(super) fn assume_role(ask: &AssumeRole, keys: &Keys) -> Told {
    let dates = Dates::default();
    let answer = call(ask, keys, dates.clone());
    let date = *dates.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Told { answer, date }
}

fn call(ask: &AssumeRole, keys: &Keys, dates: Dates) -> Result<Keys, Trouble> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::new(Kind::Refused, error.to_string()))?;
    let mut config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(ask.region.clone()))
        .credentials_provider(Credentials::new(
            &keys.access,
            &keys.secret,
            keys.session.clone(),
            None,
            "nodebake",
        ))
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(TRY)
                .operation_timeout(TRY)
                .build(),
        );
    if let Some(url) = variable("AWS_ENDPOINT_URL_STS") {
        endpoint(&url).map_err(|why| Trouble::new(Kind::Refused, format!("AWS_ENDPOINT_URL_STS {why}")))?;
        config = config.endpoint_url(url);
    }
    let seconds = i32::try_from(ask.seconds).map_err(|error| Trouble::new(Kind::Refused, error.to_string()))?;
    let asked = Client::from_conf(config.build())
        .assume_role()
        .role_arn(&ask.role_arn)
        .role_session_name(&ask.session_name)
        .duration_seconds(seconds)
        .customize()
        .interceptor(dates)
        .send();
    let given = runtime.block_on(asked).map_err(|error| {
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        settled(trouble(&error), status, matches!(error, SdkError::DispatchFailure(_)))
    })?;
    let Some(given) = given.credentials() else {
        return Err(Trouble::new(Kind::Malformed, "STS answers 200 without credentials"));
    };
    Ok(Keys {
        access: given.access_key_id().to_owned(),
        secret: given.secret_access_key().to_owned(),
        session: Some(given.session_token().to_owned()),
        expires: Some(given.expiration().secs()),
    })
}

/// The trouble with what only the status tells: a proxy or a load balancer answers without words of STS.
fn settled(mut trouble: Trouble, status: Option<u16>, no_answer: bool) -> Trouble {
    let code = trouble.code.clone().unwrap_or_default();
    match status {
        Some(status) => {
            if status >= 500 {
                trouble.kind = Kind::Unknown;
            } else if status == 429 || code.contains("Throttl") {
                trouble.kind = Kind::Throttled(None);
            } else if code == "ExpiredTokenException" || code.starts_with("RegionDisabled") {
                trouble.kind = Kind::Denied;
            }
            trouble.message = if code.is_empty() {
                format!("STS answers {status} without words of its own: a proxy may have answered")
            } else {
                format!("STS answers {status}: {}", trouble.message)
            };
        }
        None if no_answer => {
            // Keys and address are given: it is the network, or a connection that ended before its answer. Asking twice
            // for a session does no harm.
            if trouble.kind == Kind::Denied {
                trouble.kind = Kind::Unknown;
            }
            trouble.message = format!("cannot reach STS: {}", trouble.message);
        }
        None => {}
    }
    trouble
}
