//! What errors mean. They are told apart by their code; messages are for people, and change.

use std::time::Duration;

use serde_json::Value;

use crate::cloud::{Kind, Trouble};

/// Longest part of a message that is told.
const LONGEST: usize = 600;

/// What an answer with this status means. `after` is what its `Retry-After` asks for.
pub fn refusal(status: u16, after: Option<Duration>, body: &[u8]) -> Trouble {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let error = parsed.as_ref().and_then(|body| body.get("error"));
    let text = |key: &str| {
        error
            .and_then(|error| error.get(key))
            .and_then(Value::as_str)
            .map(plain)
    };
    let code = text("code").filter(|code| !code.is_empty());
    let message = text("message").filter(|message| !message.is_empty());
    let kind = kind(status, code.as_deref(), after);
    let mut trouble = Trouble::new(
        kind,
        message.unwrap_or_else(|| format!("Lambda answers {status}, and says no more")),
    );
    trouble.code = code;
    trouble.hint = hint(&trouble, status).map(str::to_owned).or_else(|| text("suggestion"));
    trouble
}

/// The status decides where the code is unknown: codes are added.
fn kind(status: u16, code: Option<&str>, after: Option<Duration>) -> Kind {
    match (status, code.unwrap_or_default()) {
        (429, _) => Kind::Throttled(after),
        // The document gives internal errors of rulesets the status 409.
        (_, "global/internal-error") => Kind::Unknown,
        (400, "instance-operations/launch/insufficient-capacity") => Kind::Exhausted,
        (400 | 409, "global/duplicate") => Kind::Exists,
        (400 | 404, "global/object-does-not-exist" | "global/not-found") | (404, _) => Kind::NotFound,
        (401 | 403, _) => Kind::Denied,
        // An upstream of the API: whether it was reached is not known.
        (_, code) if code.starts_with("provider/") => Kind::Unknown,
        (408 | 500..=599, _) => Kind::Unknown,
        (400..=499, _) => Kind::Refused,
        _ => Kind::Malformed,
    }
}

fn hint(trouble: &Trouble, status: u16) -> Option<&'static str> {
    Some(match (trouble.code.as_deref().unwrap_or_default(), status) {
        ("global/invalid-api-key", _) | (_, 401) => {
            "the key is wrong, expired or deleted: make one at https://cloud.lambda.ai/api-keys, and put it into LAMBDA_API_KEY or a file for --api-key-file"
        }
        ("global/account-inactive", _) => "the account is not active: confirm its e-mail address and a way to pay",
        ("global/invalid-address", _) => "the account's billing address is not valid: mend it in the console",
        ("global/quota-exceeded", _) => {
            "a limit of the account is reached: terminate something, or ask Lambda's support for more"
        }
        ("firewall-rulesets/firewall-ruleset-in-use", _) => "instances use it: terminate them first",
        (_, 429) => {
            "Lambda takes one request a second of an account, and one launch in 12 s: another program may be asking too"
        }
        _ => return None,
    })
}

/// One line, without what could steer a terminal.
fn plain(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(LONGEST).collect()
}
