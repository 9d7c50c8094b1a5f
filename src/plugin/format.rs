//! Format plugins: a verified tree to bytes of their own form.

use super::host::Trouble;
use super::patch::decoded;
use super::{Desk, Request, trouble};
use crate::base::{Finding, PluginKind};
use crate::plan::Plan;
use crate::syntax::PluginUse;
use crate::tree::FileTree;

/// What a format plugin made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formatted {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How the name of a file with them ends.
    pub ending: String,
}

/// Bakes a node with the plugin `one`.
pub fn format(desk: &Desk<'_>, one: &PluginUse, plan: &Plan, tree: &FileTree) -> Result<Formatted, Box<Finding>> {
    let wrong = |message: &str| Err(Box::new(trouble(one, &Trouble::new("plugin/content", message))));
    let pin = desk.pin(one)?;
    let request = Request::run(PluginKind::Format, one)
        .with_node(pin, &plan.spec)
        .with_plan(pin, plan)
        .with_files(pin, tree);
    let reply = desk.ask(one, pin, &request)?;
    let Some(made) = &reply.artifact else {
        return wrong("made nothing");
    };
    let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if made.ending.is_empty() || made.ending.len() > 20 || !made.ending.chars().all(tame) {
        return wrong("gave an ending that no name of a file can have");
    }
    let bytes = match (&made.text, &made.base64) {
        (Some(text), None) => text.clone().into_bytes(),
        (None, Some(coded)) => match decoded(coded) {
            Ok(bytes) => bytes,
            Err(why) => return wrong(&format!("made something that cannot be read: {why}")),
        },
        _ => return wrong("must give either `text` or `base64`"),
    };
    if let Ok(text) = std::str::from_utf8(&bytes)
        && let Some(secret) = crate::base::secrets(text).first()
    {
        let message = format!("put {} into what it made", secret.what);
        return Err(Box::new(trouble(one, &Trouble::new("plugin/secret", message))));
    }
    Ok(Formatted {
        bytes,
        ending: made.ending.clone(),
    })
}
