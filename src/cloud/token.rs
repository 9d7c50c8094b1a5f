//! Tokens of EKS. A token is the URL of a signed request, "who am I", that the cluster's authenticator sends to STS in the
//! caller's stead: nobody needs to be asked to make one.
//!
//! What the server accepts, and no more, is in there (sigs.k8s.io/aws-iam-authenticator, pkg/token/token.go): https, an
//! STS host of the partition, the path `/`, the action, its version and the parameters of the signature; the cluster's
//! name is signed as a header and is not in the URL.

use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Keys, Kind, Trouble, moment};

/// How long a client may use a token: a minute less than the fifteen that the authenticator gives it from its date on
/// (pkg/token/token.go).
const LIFE_SECONDS: i64 = 14 * 60;

/// The lifetime that the URL asks of STS, which the authenticator reads and does not use.
const URL_SECONDS: u64 = 60;

/// The longest token that the authenticator reads, in bytes.
const MOST_BYTES: usize = 4096;

/// A token, and when it ends. It lets in whoever has it: it has no Debug that would show it.
pub struct Token {
    text: String,
    /// When it is to be made anew, in seconds since 1970.
    pub expires: i64,
}

impl Token {
    /// The token.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// The version of `client.authentication.k8s.io` that `KUBERNETES_EXEC_INFO` asks for; v1 where nobody asks.
pub fn api_version(info: Option<&str>) -> Result<&'static str, Trouble> {
    const GROUP: &str = "client.authentication.k8s.io/";
    const V1: &str = "client.authentication.k8s.io/v1";
    const V1_BETA: &str = "client.authentication.k8s.io/v1beta1";
    let refused = |message: String| Trouble::new(Kind::Refused, message);
    let Some(info) = info.filter(|info| !info.is_empty()) else {
        return Ok(V1);
    };
    let read: Option<Value> = serde_json::from_str(info).ok().filter(Value::is_object);
    let Some(read) = read else {
        return Err(refused("KUBERNETES_EXEC_INFO is not a JSON object".into()));
    };
    match read.get("apiVersion").and_then(Value::as_str) {
        Some(V1) => Ok(V1),
        Some(V1_BETA) => Ok(V1_BETA),
        Some(other) => {
            let shown: String = other.chars().filter(|c| !c.is_control()).take(80).collect();
            let trouble = refused(format!(
                "KUBERNETES_EXEC_INFO asks for {shown}, which is not known here"
            ));
            Err(trouble.hint(format!(
                "write apiVersion: {GROUP}v1 into the kubeconfig; v1alpha1 is gone since Kubernetes 1.24"
            )))
        }
        None => Err(refused("KUBERNETES_EXEC_INFO has no apiVersion".into())),
    }
}

/// The `ExecCredential` that a kubectl or a kubelet reads, as one line of JSON.
pub fn exec_credential(token: &Token, api_version: &str) -> String {
    let answer = json!({
        "apiVersion": api_version,
        "kind": "ExecCredential",
        "status": {
            "expirationTimestamp": moment::rfc3339(token.expires),
            "token": token.text,
        },
    });
    format!("{answer}\n")
}

/// Makes a token for `cluster` at `now`, in seconds since 1970.
pub fn token(cluster: &str, region: &str, keys: &Keys, now: i64) -> Result<Token, Trouble> {
    let refused = |message: String| Trouble::new(Kind::Refused, message);
    if !is_cluster(cluster) {
        return Err(refused(format!("{cluster:?} is not an EKS cluster's name")));
    }
    keys.check().map_err(|why| refused(why.into()))?;
    let mut expires = now.saturating_add(LIFE_SECONDS);
    if let Some(end) = keys.expires {
        if end <= now {
            let message = format!("the session has expired at {}", moment::rfc3339(end));
            let trouble = Trouble::new(Kind::Denied, message);
            return Err(trouble.hint("get a new one: aws sso login, or on a node nodebake credentials refresh"));
        }
        expires = expires.min(end);
    }
    let text = format!(
        "k8s-aws-v1.{}",
        URL_SAFE_NO_PAD.encode(presigned(cluster, region, keys, now)?)
    );
    if text.len() > MOST_BYTES {
        let message = format!(
            "the token has {} bytes, and the cluster's authenticator reads {MOST_BYTES} at most",
            text.len()
        );
        return Err(refused(message).hint("the session's token is too long: leave out session tags and policies"));
    }
    Ok(Token { text, expires })
}

/// The signed URL.
fn presigned(cluster: &str, region: &str, keys: &Keys, now: i64) -> Result<String, Trouble> {
    let wrong = |error: &dyn fmt::Display| Trouble::new(Kind::Refused, format!("signing: {error}"));
    let endpoint = endpoint(region)?;
    let plain = format!("{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(URL_SECONDS));
    let credentials = Credentials::new(&keys.access, &keys.secret, keys.session.clone(), None, "nodebake");
    let identity = credentials.into();
    let seconds = u64::try_from(now).map_err(|error| wrong(&error))?;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(UNIX_EPOCH + Duration::from_secs(seconds))
        .settings(settings)
        .build()
        .map_err(|error| wrong(&error))?
        .into();
    let headers = [("x-k8s-aws-id", cluster)].into_iter();
    let request =
        SignableRequest::new("GET", &plain, headers, SignableBody::Bytes(&[])).map_err(|error| wrong(&error))?;
    let (signed, _) = sign(request, &params).map_err(|error| wrong(&error))?.into_parts();
    let mut added: Vec<_> = signed.params().iter().collect();
    // In the order in which they are signed, the signature last: the same token from every implementation.
    added.sort_by_key(|(name, _)| (*name == "X-Amz-Signature", *name));
    let added: String = added
        .into_iter()
        .map(|(name, value)| format!("&{name}={}", percent_encoded(value)))
        .collect();
    Ok(plain + &added)
}

/// `https://sts.…` of a region, by the rules of the AWS SDK, which know every partition.
pub fn endpoint(region: &str) -> Result<String, Trouble> {
    let refused = || {
        let trouble = Trouble::new(Kind::Refused, format!("{region:?} is not an AWS region"));
        trouble.hint("a region is called us-east-1, cn-north-1, us-gov-west-1 …")
    };
    if !is_region(region) {
        return Err(refused());
    }
    let params = Params::builder()
        .region(region)
        .use_dual_stack(false)
        .use_fips(false)
        .use_global_endpoint(false)
        .build()
        .map_err(|_| refused())?;
    let resolver = DefaultResolver::new();
    let mut answer = pin!(ResolveEndpoint::resolve_endpoint(&resolver, &params));
    // The rules are a table: the answer is there at once.
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(endpoint)) => Ok(endpoint.url().trim_end_matches('/').to_owned()),
        Poll::Ready(Err(_)) | Poll::Pending => Err(refused()),
    }
}

/// Whether EKS lets a cluster be called so (`CreateCluster`, `name`).
pub fn is_cluster(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// Whether it has a region's form: two to four letters, then two to four words.
fn is_region(text: &str) -> bool {
    let mut words = text.split('-');
    let first = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    (2..=4).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_lowercase())
        && (2..=4).contains(&rest.len())
        && rest.iter().all(|word| {
            (1..=12).contains(&word.len()) && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

/// As signatures want it: everything but letters, digits and `-._~` (AWS General Reference, canonical request).
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-08-25T04:45:20Z.
    const NOW: i64 = 1_692_938_720;

    fn keys(session: Option<&str>) -> Keys {
        Keys {
            access: "AKIDEXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session: session.map(Into::into),
            expires: None,
        }
    }

    fn url(token: &Token) -> String {
        let bytes = URL_SAFE_NO_PAD.decode(token.text().strip_prefix("k8s-aws-v1.").unwrap());
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    #[test]
    fn a_key_gives_the_known_answer() {
        let made = token("gh62", "us-east-1", &keys(None), NOW).unwrap();
        assert_eq!(made.text().len(), 481);
        assert_eq!(made.expires, NOW + 840);
        assert_eq!(
            url(&made),
            "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20230825%2Fus-east-1%2Fsts%2Faws4_request\
             &X-Amz-Date=20230825T044520Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
             &X-Amz-Signature=8b591c8452b7d28842830c5af5296d92fde66321b2e8b2b587537a85e503aef5"
        );
    }

    #[test]
    fn a_session_gives_the_known_answer() {
        let made = token("gh62", "us-east-1", &keys(Some("TOKEN/EXAMPLE+1==")), NOW).unwrap();
        assert_eq!(made.text().len(), 543);
        let url = url(&made);
        assert!(
            url.contains("&X-Amz-Security-Token=TOKEN%2FEXAMPLE%2B1%3D%3D&"),
            "{url}"
        );
        assert!(url.ends_with("&X-Amz-Signature=57b3dc60e9442e6e101ef3a9447116071b198c23b90149286aeacd40f0488cad"));
    }

    #[test]
    fn every_partition_has_its_host() {
        for (region, host) in [
            ("us-west-2", "sts.us-west-2.amazonaws.com"),
            ("cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn"),
            ("us-gov-east-1", "sts.us-gov-east-1.amazonaws.com"),
            ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov"),
        ] {
            assert_eq!(endpoint(region).unwrap(), format!("https://{host}"));
        }
        for bad in ["", "x", "x.example/", "US-EAST-1", "us-east-1.evil.example", "us--1"] {
            assert_eq!(endpoint(bad).unwrap_err().kind, Kind::Refused, "{bad}");
        }
    }

    #[test]
    fn a_token_does_not_outlive_its_session() {
        let until = |end: i64| Keys {
            expires: Some(end),
            ..keys(None)
        };
        assert_eq!(
            token("c", "us-east-1", &until(NOW + 60), NOW).unwrap().expires,
            NOW + 60
        );
        let trouble = token("c", "us-east-1", &until(NOW), NOW).unwrap_err();
        assert!(trouble.message.contains("expired at 2023-08-25T04:45:20Z"), "{trouble}");
        assert_eq!(trouble.kind, Kind::Denied);
    }

    #[test]
    fn what_the_authenticator_would_not_read_is_refused() {
        let long = token("c", "us-east-1", &keys(Some(&"a".repeat(2700))), NOW).unwrap_err();
        assert!(long.message.contains("4096 at most"), "{long}");
        assert!(token("c", "us-east-1", &keys(Some(&"a".repeat(2500))), NOW).is_ok());
        for bad in ["", "-a", "a b", "a\nb", &"a".repeat(101)] {
            assert!(token(bad, "us-east-1", &keys(None), NOW).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_version_that_is_asked_for_is_answered() {
        let asked = |version: &str| api_version(Some(&format!(r#"{{"apiVersion":"{version}","spec":{{}}}}"#)));
        for version in ["v1", "v1beta1"] {
            let version = format!("client.authentication.k8s.io/{version}");
            assert_eq!(asked(&version).unwrap(), version);
        }
        assert_eq!(api_version(None).unwrap(), "client.authentication.k8s.io/v1");
        assert_eq!(api_version(Some("")).unwrap(), "client.authentication.k8s.io/v1");
        let old = asked("client.authentication.k8s.io/v1alpha1").unwrap_err();
        assert!(old.message.contains("v1alpha1"), "{old}");
        for bad in ["{", "[]", "7", "{}"] {
            assert!(api_version(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let made = token("gh62", "us-east-1", &keys(None), NOW).unwrap();
        assert!(!format!("{made:?}").contains("k8s-aws"));
        let read: Value = serde_json::from_str(&exec_credential(&made, "v")).unwrap();
        assert_eq!(read["status"]["token"], made.text());
        assert_eq!(read["status"]["expirationTimestamp"], "2023-08-25T04:59:20Z");
        assert_eq!(
            (&read["kind"], &read["apiVersion"]),
            (&json!("ExecCredential"), &json!("v"))
        );
    }
}
