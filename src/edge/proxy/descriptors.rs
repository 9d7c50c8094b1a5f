//! Descriptors: whether there are enough is known before the first stream, not found out at the thousandth.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cloud::passthrough::Passthrough;

/// For what is open beside streams and listeners: runtimes, signals, files, pipes kept for later.
const OTHERS: u64 = 320;
/// Two sockets, and a pipe of two ends for each direction while bytes move.
const PER_STREAM: u64 = 6;

/// Raises the soft limit as far as the configuration needs, or says what is missing.
pub(super) fn provide(config: &Passthrough) -> Result<(), String> {
    let needed = needed(config);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        return Err(format!(
            "{} streams need {needed} open files, and this process may have {}: set LimitNOFILE={needed} in its unit, or \
             lower limits.connections",
            config.limits.connections,
            limit.maximum.unwrap_or_default()
        ));
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|error| format!("raising the limit of open files to {needed}: {error}"))
}

fn needed(config: &Passthrough) -> u64 {
    PER_STREAM * config.limits.connections + config.routes.len() as u64 + OTHERS
}
