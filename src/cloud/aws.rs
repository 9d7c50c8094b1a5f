//! What AWS' refusals mean, and what mends them. Pure: the calls are in `edge`.

use std::time::Duration;

use super::{Clock, Kind, Ladder, Trouble};

/// How often AWS is asked again when it is busy, cannot be reached or fails. About a minute in all.
pub const LADDER: Ladder = Ladder {
    tries: 6,
    first: Duration::from_secs(1),
    longest: Duration::from_secs(20),
};

/// Asks, and asks again as long as that may help. Only for calls that may be made twice.
pub fn patiently<T>(
    clock: &dyn Clock,
    told: &dyn Fn(&str),
    call: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    LADDER.climb(
        clock,
        call,
        |trouble| trouble.kind.may_pass(),
        |trouble, pause| told(&again(trouble, pause)),
    )
}

/// What is said before a pause.
pub(super) fn again(trouble: &Trouble, pause: Duration) -> String {
    let code = trouble.code.as_deref().unwrap_or(&trouble.message);
    format!("{code}: again in {:.1} s", pause.as_secs_f64())
}

/// A trouble with what mends it, of a call that needs the IAM permission `action`.
#[must_use]
pub fn explain(action: &str, trouble: Trouble) -> Trouble {
    if trouble.hint.is_some() {
        return trouble;
    }
    let mut trouble = trouble;
    // Deleting what is attached is refused by this general code, and only in words.
    if trouble.is("InvalidParameterValue") && trouble.message.contains("currently in use") {
        trouble.code = Some("InvalidNetworkInterface.InUse".into());
    }
    let code = trouble.code.clone().unwrap_or_default();
    match hint(action, &code, trouble.kind) {
        Some(hint) => trouble.hint(hint),
        None => trouble,
    }
}

/// A trouble with having no credentials at all, of which the SDK said `words`.
#[must_use]
pub fn no_credentials(trouble: Trouble, words: &str, profile: Option<&str>) -> Trouble {
    let of = profile.map_or_else(String::new, |profile| format!(" --profile {profile}"));
    let lower = words.to_lowercase();
    let none = [
        "no credentials found",
        "no providers in chain",
        "was not defined",
        "was not enabled",
    ];
    let none = none.iter().any(|words| lower.contains(words));
    let why = if none && profile.is_some() {
        "the profile has none, or is not there"
    } else if none {
        "neither the environment, nor a profile, nor a role of this machine has any"
    } else {
        trouble.message.trim()
    };
    let hint = if none && profile.is_some() {
        "is the profile's name right? `aws configure list-profiles` shows them".to_owned()
    } else if none {
        "say --profile, set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with `aws sso login`"
            .to_owned()
    } else if lower.contains("sso") {
        format!("the login at IAM Identity Center is over or was never made: `aws sso login{of}`")
    } else if lower.contains("external process") || lower.contains("credential_process") {
        "the profile's `credential_process` failed: run it by itself to see why".to_owned()
    } else if lower.contains("assume") {
        "the profile's role could not be assumed: does its trust policy let in whoever asks?".to_owned()
    } else {
        "is the profile's name right, and are its keys whole? `aws configure list-profiles` shows them".to_owned()
    };
    Trouble {
        message: format!("there are no AWS credentials to ask with: {why}"),
        ..trouble
    }
    .hint(hint)
}

/// What mends a refusal with this code.
fn hint(action: &str, code: &str, kind: Kind) -> Option<String> {
    let said = match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "the session is over, or this machine's clock is wrong: log in again (`aws sso login`), or renew the credentials"
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "AuthFailure" | "InvalidAccessKeyId" => {
            "AWS does not know this access key: is it of another partition, deleted, or is its session token left out? Is the region switched on for the account?"
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" => {
            "the secret key does not belong to the access key, or this machine's clock is wrong"
        }
        "OptInRequired" => "the account has not switched this region on",
        "InvalidSubnetID.NotFound" => {
            "the account has no such subnet in this region: is `--region` right, and cluster.yaml new? `nodebake facts eks` fetches it again"
        }
        "InvalidVpcID.NotFound" => {
            "the account has no such VPC in this region: is `--region` right, and cluster.yaml new?"
        }
        "InvalidGroup.NotFound" | "InvalidSecurityGroupID.NotFound" => {
            "the account has no such security group in this region: `nodebake facts eks` fetches the cluster's again"
        }
        "InvalidIPAddress.InUse" | "PrivateIpAddressInUse" => {
            "another interface has the address: `nodebake eni list --all` shows it; take a free one"
        }
        "InsufficientFreeAddressesInSubnet" => "the subnet is full: name another one with `--subnet`",
        "NetworkInterfaceLimitExceeded" => {
            "the account has as many interfaces as it may in this region: delete unused ones, or ask AWS to raise the quota `Network interfaces per Region`"
        }
        "IdempotentParameterMismatch" => {
            "an interface for this node was made a moment ago with other values: `nodebake eni list` shows it; delete it, or try again in some minutes"
        }
        "AttachmentLimitExceeded" | "NetworkInterfaceAttachmentLimitExceeded" => {
            "this type of instance takes no further interface: take a larger one, or delete one it does not need"
        }
        "PrivateIpAddressLimitExceeded" => "this type of instance takes no further address on an interface",
        "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed" => {
            "the account has no such instance in this region: an id is i- and 17 hexadecimal digits"
        }
        "InvalidNetworkInterface.InUse" => "it is attached to something: detach it first",
        "InvalidNetworkInterfaceID.Malformed" => "an id is eni- and 17 hexadecimal digits",
        _ => return by_kind(action, kind),
    };
    Some(said.to_owned())
}

fn by_kind(action: &str, kind: Kind) -> Option<String> {
    match kind {
        Kind::Denied => Some(format!(
            "whoever asks needs the permission {action}: `nodebake facts policy` prints what each command needs"
        )),
        Kind::Unreachable => {
            Some("is there a network, and is the region's name right? Proxies are taken from HTTPS_PROXY".into())
        }
        Kind::Throttled(_) => Some("the account asks too often: try again in a minute".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_the_permission_and_a_hint_that_is_there_stays() {
        let denied = Trouble::new(Kind::Denied, "no").code("UnauthorizedOperation");
        let told = explain("ec2:DescribeSubnets", denied.clone());
        assert!(told.hint.unwrap().contains("the permission ec2:DescribeSubnets:"));
        assert_eq!(explain("x", denied.hint("mine")).hint.unwrap(), "mine");
        let odd = Trouble::new(Kind::Refused, "no").code("SomethingNew");
        assert_eq!(explain("x", odd).hint, None);
    }
}
