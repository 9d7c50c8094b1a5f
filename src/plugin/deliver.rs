//! Deliver plugins: an artifact to where it belongs.

use super::host::Trouble;
use super::reply::tame;
use super::{Artifact, Desk, Request, trouble};
use crate::base::{Finding, PluginKind};
use crate::syntax::PluginUse;

/// Has the plugin `one` take `artifact` away, and says where it went. What it writes to is its own business; whether it
/// got there whole is for it to check.
pub fn deliver(desk: &Desk<'_>, one: &PluginUse, artifact: Artifact) -> Result<String, Box<Finding>> {
    let pin = desk.pin(one)?;
    let mut request = Request::run(PluginKind::Deliver, one);
    request.artifact = Some(artifact);
    let reply = desk.ask(one, pin, &request)?;
    place_of(reply.delivered.as_ref().map(|delivered| delivered.location.as_str()))
        .map_err(|why| Box::new(trouble(one, &Trouble::new("plugin/reply", why))))
}

/// Where it went, fit to be shown.
pub fn place_of(location: Option<&str>) -> Result<String, String> {
    match location {
        Some(location) if !location.trim().is_empty() => Ok(tame(location, 500)),
        _ => Err("does not say where it took the artifact".into()),
    }
}
