//! Where credentials come from. What lies in the environment or in a file is taken as it is, and nobody is asked, not
//! even the instance's metadata service; only a profile that points elsewhere, and a machine that has neither, is left to
//! the SDK.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::runtime::Builder;

use super::Identity;
use crate::cloud::profiles::{self, File, Profile};
use crate::cloud::{Keys, Kind, Trouble};

/// Credentials, and the region they are used in.
#[derive(Debug)]
pub struct Found {
    /// The credentials.
    pub keys: Keys,
    /// The region.
    pub region: String,
}

/// A variable of the environment, unless it is empty.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Finds credentials and a region for what the user said; the rest comes from where the AWS CLI takes it. A profile that
/// the user names goes before the environment's keys.
pub fn find(identity: &Identity) -> Result<Found, Trouble> {
    let named = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let from_environment = match &identity.profile {
        Some(_) => None,
        None => environment()?,
    };
    let said = identity.region.clone();
    let region = said
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"));
    if let (Some(keys), Some(region)) = (&from_environment, &region) {
        return Ok(Found {
            keys: keys.clone(),
            region: region.clone(),
        });
    }
    let name = identity.profile.as_deref().or(named.as_deref());
    let files = Files::read(name.unwrap_or("default"))?;
    let region = region.or_else(|| files.profile.get("region").filter(|region| !region.is_empty()).cloned());
    let Some(region) = region else {
        let trouble = Trouble::new(Kind::Refused, "no AWS region is known");
        return Err(trouble.hint("say --region, or set AWS_REGION or the profile's region"));
    };
    if let Some(keys) = from_environment {
        return Ok(Found { keys, region });
    }
    if let (Some(name), false) = (name, files.found) {
        let message = format!("the profile `{name}` is neither in {}", files.places());
        return Err(Trouble::new(Kind::Denied, message));
    }
    let keys = match profiles::keys(&files.profile) {
        Some(keys) => {
            let keys = keys.map_err(|why| {
                let file = files.with_key.last().unwrap_or(&files.credentials);
                Trouble::new(Kind::Denied, format!("{}: {why}", file.display()))
            })?;
            files.private()?;
            keys
        }
        None => ask(&files, name, &region)?,
    };
    Ok(Found { keys, region })
}

/// The keys in the environment.
fn environment() -> Result<Option<Keys>, Trouble> {
    let access = variable("AWS_ACCESS_KEY_ID");
    let secret = variable("AWS_SECRET_ACCESS_KEY");
    let (access, secret) = match (access, secret) {
        (None, None) => return Ok(None),
        (Some(access), Some(secret)) => (access, secret),
        (access, _) => {
            let missing = if access.is_some() {
                "AWS_SECRET_ACCESS_KEY"
            } else {
                "AWS_ACCESS_KEY_ID"
            };
            return Err(Trouble::new(
                Kind::Denied,
                format!("half of a key is in the environment: {missing} is not set"),
            ));
        }
    };
    let expires = variable("AWS_CREDENTIAL_EXPIRATION");
    Ok(Some(Keys {
        access,
        secret,
        session: variable("AWS_SESSION_TOKEN"),
        expires: expires.and_then(|end| crate::cloud::moment::from_rfc3339(&end)),
    }))
}

/// One profile, of both files.
struct Files {
    config: PathBuf,
    credentials: PathBuf,
    /// The section of the credentials file over that of the config file.
    profile: Profile,
    /// Whether there is such a section.
    found: bool,
    /// The files in which the profile has a key, for their modes.
    with_key: Vec<PathBuf>,
}

impl Files {
    fn read(profile: &str) -> Result<Self, Trouble> {
        let mut files = Self {
            config: path("AWS_CONFIG_FILE", "config"),
            credentials: path("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            profile: Profile::new(),
            found: false,
            with_key: Vec::new(),
        };
        let both = [
            (files.config.clone(), File::Config),
            (files.credentials.clone(), File::Credentials),
        ];
        for (path, kind) in both {
            let Some(text) = text(&path)? else { continue };
            let Some(section) = profiles::section(&text, kind, profile) else {
                continue;
            };
            if section.contains_key("aws_secret_access_key") || section.contains_key("aws_access_key_id") {
                files.with_key.push(path);
            }
            files.profile.extend(section);
            files.found = true;
        }
        Ok(files)
    }

    fn places(&self) -> String {
        format!("{} nor in {}", self.config.display(), self.credentials.display())
    }

    /// Whether nobody else may read the files that hold the key.
    fn private(&self) -> Result<(), Trouble> {
        self.with_key.iter().try_for_each(|path| private(path))
    }
}

/// Refuses a file that others may read or write.
pub fn private(path: &Path) -> Result<(), Trouble> {
    let mode = path.metadata().map(|about| about.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let message = format!("{} holds a key and is open to other users", path.display());
        return Err(Trouble::new(Kind::Denied, message).hint(format!("chmod 600 {}", path.display())));
    }
    Ok(())
}

/// Where a file is: where the variable says, or in `~/.aws`.
fn path(variable_name: &str, name: &str) -> PathBuf {
    let home = PathBuf::from(variable("HOME").unwrap_or_else(|| "/".to_owned()));
    match variable(variable_name) {
        Some(said) => match said.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => said.into(),
        },
        None => home.join(".aws").join(name),
    }
}

/// The text of a file; `None` if it is not there.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
fn text(path: &Path) -> Result<Option<String>, Trouble> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::new(
            Kind::Denied,
            format!("reading {}: {error}", path.display()),
        )),
    }
}

/// Whoever gives the credentials of a profile that the user names, whatever keys are in the environment.
#[cfg(feature = "aws")]
pub(super) fn of_profile(name: &str, region: &str) -> Result<SharedCredentialsProvider, Trouble> {
    let files = Files::read(name)?;
    // The SDK says what is wrong with a profile that is not there.
    Ok(provider(&files, !files.found, Some(name), region))
}

/// Whom the profile points to, or, where it points nowhere, whoever gives a machine credentials: that is the SDK's own
/// chain without the environment's keys, which are settled before.
fn provider(files: &Files, only_profile: bool, name: Option<&str>, region: &str) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(Some(Region::new(region.to_owned())));
    if only_profile || profiles::leads(&files.profile) {
        let builder = ProfileFileCredentialsProvider::builder().configure(&config);
        let builder = match name {
            Some(name) => builder.profile_name(name),
            None => builder,
        };
        return SharedCredentialsProvider::new(builder.build());
    }
    let web = WebIdentityTokenCredentialsProvider::builder()
        .configure(&config)
        .build();
    let container = EcsCredentialsProvider::builder().configure(&config).build();
    let instance = ImdsCredentialsProvider::builder().configure(&config).build();
    let chain = CredentialsProviderChain::first_try("WebIdentityToken", web)
        .or_else("EcsContainer", container)
        .or_else("Ec2InstanceMetadata", instance);
    SharedCredentialsProvider::new(chain)
}

/// Asks whom the profile points to, or whoever gives a machine credentials.
fn ask(files: &Files, name: Option<&str>, region: &str) -> Result<Keys, Trouble> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::new(Kind::Refused, error.to_string()))?;
    let given = runtime.block_on(async { provider(files, false, name, region).provide_credentials().await });
    let given = given.map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let profile = name.unwrap_or("default");
        let message = if profiles::leads(&files.profile) {
            format!("the profile `{profile}` gave no credentials: {cause}")
        } else if files.found {
            format!(
                "the profile `{profile}` has no credentials, and no web identity, container or instance gave any: {cause}"
            )
        } else {
            format!(
                "no credentials: AWS_ACCESS_KEY_ID is not set, `default` is neither in {}, and no web identity, \
                 container or instance gave any: {cause}",
                files.places()
            )
        };
        let trouble = Trouble::new(Kind::Denied, message);
        trouble.hint("say --profile, set AWS_PROFILE, or sign in: aws sso login, aws configure")
    })?;
    let expires = given.expiry().and_then(|end| end.duration_since(UNIX_EPOCH).ok());
    Ok(Keys {
        access: given.access_key_id().to_owned(),
        secret: given.secret_access_key().to_owned(),
        session: given.session_token().map(str::to_owned),
        expires: expires.and_then(|end| i64::try_from(end.as_secs()).ok()),
    })
}
