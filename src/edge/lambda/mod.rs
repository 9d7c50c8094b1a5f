//! Lambda Cloud over https.

mod endpoint;
mod hurry;
mod interrupt;
mod key;
mod note;

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, redirect};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::cloud::lambda::{
    Filesystem, FirewallRule, Image, Instance, InstanceOffer, Lambda, Launch, Region, Ruleset, SshKey, wire,
};
use crate::cloud::{Kind, Trouble};

pub use endpoint::Endpoint;
pub use hurry::Hurried;
pub use interrupt::{Interrupt, Interruptible};
pub use key::{ApiKey, KEY_VARIABLE};
pub use note::Note;

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(20);

/// How long to wait for a whole answer. A launch is answered before the machine boots.
const ANSWER: Duration = Duration::from_mins(1);

/// More than any list of an account has.
const MAX_ANSWER: usize = 16 << 20;

/// A connection to Lambda with an account's key.
pub struct Api {
    runtime: Runtime,
    client: Client,
    endpoint: Endpoint,
    key: ApiKey,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Api")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Api {
    /// Makes ready to ask; asks nobody yet.
    pub fn open(endpoint: Endpoint, key: ApiKey) -> Result<Self, Trouble> {
        let wrong = |error: String| Trouble::new(Kind::Refused, error);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.reveal()))
            .map_err(|_| wrong("the key holds characters that no key has".into()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        let mut client = Client::builder()
            .user_agent(concat!("nodebake/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            // The key goes to nobody else, whoever sends us there.
            .redirect(redirect::Policy::none());
        if endpoint.is_loopback() {
            // A proxy would be asked for its own loopback.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| wrong(told(&error)))?;
        Ok(Self {
            runtime,
            client,
            endpoint,
            key,
        })
    }

    /// One request; what its answer carries.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let answer = self.runtime.block_on(self.exchange(method, path, body));
        answer.map_err(|mut trouble| {
            // No answer ever held the key; should one, nobody sees it.
            trouble.message = self.key.masked(&trouble.message);
            trouble.code = trouble.code.map(|code| self.key.masked(&code));
            trouble.hint = trouble.hint.map(|hint| self.key.masked(&hint));
            trouble
        })
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Trouble> {
        let mut request = self.client.request(method, self.endpoint.url(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut answer = request.send().await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs);
        let mut bytes = Vec::new();
        while let Some(more) = answer.chunk().await.map_err(|error| lost(&error))? {
            bytes.extend_from_slice(&more);
            if bytes.len() > MAX_ANSWER {
                let message = format!("an answer of more than {} MiB came", MAX_ANSWER >> 20);
                return Err(Trouble::new(Kind::Malformed, message));
            }
        }
        match status.as_u16() {
            200..=299 => wire::data(&bytes),
            300..=399 => {
                let message = format!("Lambda answers {status}: a redirect, which is not followed with a key");
                Err(Trouble::new(Kind::Malformed, message))
            }
            code => Err(wire::refusal(code, after, &bytes)),
        }
    }

    fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.ask(Method::GET, path, None)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.ask(Method::POST, path, Some(body))
    }
}

/// A request that got no answer. Where no connection was made, nothing was carried out.
fn failed(error: &reqwest::Error) -> Trouble {
    if error.is_connect() {
        let hint = "is there a network, and does a proxy of HTTPS_PROXY let it pass?";
        return Trouble::new(Kind::Unreachable, format!("no connection to Lambda: {}", told(error))).hint(hint);
    }
    if error.is_builder() {
        return Trouble::new(Kind::Refused, told(error));
    }
    lost(error)
}

fn lost(error: &reqwest::Error) -> Trouble {
    if error.is_timeout() {
        let message = format!("no answer from Lambda within {} s", ANSWER.as_secs());
        return Trouble::new(Kind::Unknown, message);
    }
    Trouble::new(Kind::Unknown, format!("the answer of Lambda was lost: {}", told(error)))
}

/// The cause of an error, without the layers between and without the URL.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// An id as a part of a path. What is no id is not sent.
fn part(id: &str) -> Result<&str, Trouble> {
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if id.is_empty() || !id.bytes().all(tame) {
        return Err(Trouble::new(Kind::NotFound, format!("`{id}` is no id of Lambda")));
    }
    Ok(id)
}

impl Lambda for Api {
    fn regions(&self) -> Result<Vec<Region>, Trouble> {
        wire::regions(&self.get("regions")?)
    }

    fn instance_types(&self) -> Result<Vec<InstanceOffer>, Trouble> {
        wire::instance_types(&self.get("instance-types")?)
    }

    fn images(&self) -> Result<Vec<Image>, Trouble> {
        wire::image_list(&self.get("images")?)
    }

    fn file_systems(&self) -> Result<Vec<Filesystem>, Trouble> {
        wire::file_systems(&self.get("file-systems")?)
    }

    fn instances(&self) -> Result<Vec<Instance>, Trouble> {
        wire::instance_list(&self.get("instances")?)
    }

    fn instance(&self, id: &str) -> Result<Instance, Trouble> {
        wire::instance(&self.get(&format!("instances/{}", part(id)?))?)
    }

    fn launch(&self, launch: &Launch) -> Result<String, Trouble> {
        wire::launched(&self.post("instance-operations/launch", &wire::launch(launch))?)
    }

    fn restart(&self, id: &str) -> Result<(), Trouble> {
        let body = wire::instance_ids(part(id)?);
        wire::restarted(&self.post("instance-operations/restart", &body)?, id)
    }

    fn terminate(&self, id: &str) -> Result<(), Trouble> {
        let body = wire::instance_ids(part(id)?);
        wire::terminated(&self.post("instance-operations/terminate", &body)?, id)
    }

    fn ssh_keys(&self) -> Result<Vec<SshKey>, Trouble> {
        wire::ssh_keys(&self.get("ssh-keys")?)
    }

    fn add_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKey, Trouble> {
        wire::ssh_key(&self.post("ssh-keys", &wire::add_ssh_key(name, public_key))?)
    }

    fn delete_ssh_key(&self, id: &str) -> Result<(), Trouble> {
        let path = format!("ssh-keys/{}", part(id)?);
        self.ask(Method::DELETE, &path, None).map(drop)
    }

    fn rulesets(&self) -> Result<Vec<Ruleset>, Trouble> {
        wire::rulesets(&self.get("firewall-rulesets")?)
    }

    fn ruleset(&self, id: &str) -> Result<Ruleset, Trouble> {
        wire::ruleset(&self.get(&format!("firewall-rulesets/{}", part(id)?))?)
    }

    fn create_ruleset(&self, name: &str, region: &str, rules: &[FirewallRule]) -> Result<Ruleset, Trouble> {
        wire::ruleset(&self.post("firewall-rulesets", &wire::create_ruleset(name, region, rules))?)
    }

    fn set_rules(&self, id: &str, rules: &[FirewallRule]) -> Result<Ruleset, Trouble> {
        let path = format!("firewall-rulesets/{}", part(id)?);
        wire::ruleset(&self.ask(Method::PATCH, &path, Some(&wire::rules(rules)))?)
    }

    fn delete_ruleset(&self, id: &str) -> Result<(), Trouble> {
        let path = format!("firewall-rulesets/{}", part(id)?);
        self.ask(Method::DELETE, &path, None).map(drop)
    }
}
