//! Lambda Cloud: launches, instances, types, keys, firewall.

pub(super) mod firewall;
pub(super) mod instances;
pub(super) mod launch;
mod shown;
pub(super) mod ssh_keys;
pub(super) mod types;
mod watching;

use std::path::PathBuf;
use std::time::Duration;

use super::{Failure, Ui};
use crate::catalog::Catalog;
use crate::cloud::Trouble;
use crate::cloud::lambda::{Pace, Patient};

/// Which account, and where.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Account {
    /// A file with the key of Lambda's API, of mode 0600; if left out
    /// LAMBDA_API_KEY, or it is asked for on the terminal
    #[arg(long, value_name = "PATH")]
    api_key_file: Option<PathBuf>,
    /// Where the API is; if left out NODEBAKE_LAMBDA_ENDPOINT, or Lambda's own
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

/// A call that failed, as a command fails by it. Not left to `?`, which would take it for trouble with this machine.
pub(in crate::cli) fn cloud(trouble: Trouble) -> Failure {
    Failure::Cloud(trouble)
}

/// Several at once: all but the last are told here.
fn clouds(ui: &Ui, mut troubles: Vec<Trouble>) -> Failure {
    let last = troubles.pop();
    for trouble in troubles {
        ui.talk(&format!("error: {trouble}"));
    }
    last.map_or(Failure::Findings, Failure::Cloud)
}

/// What a command asks with.
pub(in crate::cli) struct Connection<'p> {
    /// The API, at its pace.
    pub(in crate::cli) api: Patient<'p>,
    /// Begins to hear Ctrl-C: from then on pauses end early, and `stopped` says so.
    pub(in crate::cli) listen: &'p dyn Fn(),
    /// Lets pauses go on all the same, until it listens again.
    pub(in crate::cli) hold: &'p dyn Fn(),
    /// Whether Ctrl-C came.
    pub(in crate::cli) stopped: &'p dyn Fn() -> bool,
}

/// Connects to the account and has `work` ask it.
#[cfg(feature = "lambda")]
pub(in crate::cli) fn connected<T>(
    ui: &Ui,
    account: &Account,
    work: impl FnOnce(&Connection<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    use crate::cloud::Clock;
    use crate::cloud::lambda::Lambda;
    use crate::edge::clock::System;
    use crate::edge::lambda::{Api, ApiKey, Endpoint, Hurried, Interrupt, Interruptible};

    let endpoint = Endpoint::find(account.endpoint.as_deref()).map_err(cloud)?;
    let key = ApiKey::find(account.api_key_file.as_deref()).map_err(cloud)?;
    let interrupt = Interrupt::default();
    let clock: Box<dyn Clock> = if endpoint.is_loopback() {
        Box::new(Interruptible::new(Hurried::default(), &interrupt))
    } else {
        Box::new(Interruptible::new(System, &interrupt))
    };
    let api: Box<dyn Lambda> = Box::new(Api::open(endpoint, key).map_err(cloud)?);
    let told = |line: &str| ui.talk(line);
    work(&Connection {
        api: Patient::new(api.as_ref(), clock.as_ref(), pace()?, &told),
        listen: &|| {
            if let Err(error) = interrupt.listen() {
                ui.talk(&format!("warning: Ctrl-C ends this without a word: {error}"));
            }
        },
        hold: &|| interrupt.hold(),
        stopped: &|| interrupt.came(),
    })
}

/// Without the feature there is nothing to ask with.
#[cfg(not(feature = "lambda"))]
pub(in crate::cli) fn connected<T>(
    _ui: &Ui,
    _account: &Account,
    _work: impl FnOnce(&Connection<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    Err(Failure::Usage(
        "this nodebake was built without Lambda's API: build it with the feature `lambda`".into(),
    ))
}

/// How fast Lambda may be asked, by the catalog.
#[cfg_attr(not(feature = "lambda"), expect(dead_code, reason = "nobody is asked"))]
fn pace() -> Result<Pace, Failure> {
    let provider = Catalog::embedded().provider("lambda");
    let pace = provider.ok().and_then(|provider| provider.api.clone());
    let pace = pace.ok_or_else(|| anyhow::anyhow!("the catalog does not say how fast Lambda may be asked"))?;
    Ok(Pace {
        request: Duration::from_secs(pace.request_seconds),
        launch: Duration::from_secs(pace.launch_seconds),
    })
}
