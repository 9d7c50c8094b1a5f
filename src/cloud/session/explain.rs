//! What the refusals of STS mean on a node.

use super::AssumeRole;
use super::text::clean;
use crate::cloud::Trouble;

/// How far apart two clocks may be, in seconds, for a signature to hold (AWS General Reference, `SigV4`).
pub(super) const MOST_SKEW: i64 = 300;

/// A refusal with its meaning; `skew` is this clock minus that of AWS, in seconds.
pub(super) fn explain(trouble: Trouble, ask: &AssumeRole, skew: Option<i64>) -> Trouble {
    let hint = hint(&trouble, ask, skew);
    let mut told = Trouble {
        message: clean(&trouble.message),
        ..trouble
    };
    told.hint = hint.or(told.hint);
    told
}

fn hint(trouble: &Trouble, ask: &AssumeRole, skew: Option<i64>) -> Option<String> {
    let code = trouble.code.as_deref()?;
    let says = |words: &str| trouble.message.contains(words);
    let clocks = || match skew {
        Some(skew) if skew.abs() > MOST_SKEW => {
            format!("this clock minus that of AWS is {skew} s, and {MOST_SKEW} is the most: mend NTP")
        }
        Some(skew) => format!("this clock minus that of AWS is {skew} s, which is fine: the secret key is wrong"),
        None => "the secret key is wrong, or this clock is".to_owned(),
    };
    Some(match code {
        "AccessDenied" | "AccessDeniedException" => format!(
            "the trust policy of {} must allow this IAM user, and exactly the session name {}; the user's own policy \
             must allow sts:AssumeRole on it",
            ask.role_arn, ask.session_name
        ),
        "ValidationError" if says("role chaining") => format!(
            "the key is itself a session's, which gets 3600 s at most and not {}: use an IAM user's key, or ask for less",
            ask.seconds
        ),
        "ValidationError" if says("MaxSessionDuration") => format!(
            "duration_seconds {} is above the role's own maximum: raise it (aws iam update-role --max-session-duration), \
             or ask for less",
            ask.seconds
        ),
        "ExpiredToken" | "ExpiredTokenException" => {
            "the source key is itself a session, and is over: bring an IAM user's key".to_owned()
        }
        "RegionDisabled" | "RegionDisabledException" => format!(
            "the account has not enabled STS in {}: enable it (IAM, Account settings), or name another region",
            ask.region
        ),
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => {
            "nodebake sends no policy: something between here and AWS changes what is sent".to_owned()
        }
        "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => {
            "the session tags of the source's own session are too large: use an IAM user's key".to_owned()
        }
        "InvalidClientTokenId" => "the source's access key is unknown, inactive or deleted".to_owned(),
        "SignatureDoesNotMatch" | "RequestExpired" | "InvalidSignatureException" => clocks(),
        _ if says("Signature expired") || says("Signature not yet") => clocks(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Kind;

    #[test]
    fn every_refusal_is_explained() {
        let ask = AssumeRole {
            role_arn: "arn:aws:iam::1:role/r".into(),
            session_name: "node-1".into(),
            seconds: 14_400,
            region: "eu-west-9".into(),
            profile: "u".into(),
        };
        let told = |code: &str, message: &str, skew| {
            let trouble = Trouble::new(Kind::Denied, message).code(code);
            explain(trouble, &ask, skew).hint.unwrap_or_default()
        };
        let chained =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        let long = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        for (code, message, skew, what) in [
            ("AccessDenied", "no", None, "exactly the session name node-1"),
            ("ValidationError", chained, None, "3600 s at most and not 14400"),
            ("ValidationError", long, None, "above the role's own maximum"),
            ("ExpiredToken", "no", None, "and is over"),
            ("ExpiredTokenException", "no", None, "and is over"),
            ("RegionDisabledException", "no", None, "enabled STS in eu-west-9"),
            ("MalformedPolicyDocument", "no", None, "sends no policy"),
            ("PackedPolicyTooLarge", "no", None, "session tags"),
            ("InvalidClientTokenId", "no", None, "unknown, inactive or deleted"),
            (
                "SignatureDoesNotMatch",
                "no",
                Some(-600),
                "AWS is -600 s, and 300 is the most",
            ),
            ("SignatureDoesNotMatch", "no", Some(3), "the secret key is wrong"),
            ("SignatureDoesNotMatch", "no", None, "or this clock is"),
            ("X", "Signature expired: 1 is now earlier than 2", Some(900), "mend NTP"),
        ] {
            let hint = told(code, message, skew);
            assert!(hint.contains(what), "{code}: {hint}");
        }
        assert_eq!(told("ValidationError", "else", None), "");
        let shown = explain(Trouble::new(Kind::Denied, "x".repeat(50)), &ask, None);
        assert_eq!(shown.message, "***");
    }
}
