//! The port to whoever runs programs, and the desk where the core asks them.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZero;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Limits, Op, Pin, Reply, Request, judge};
use crate::base::{Finding, PluginKind, Severity, Sha256, secrets};
use crate::syntax::PluginUse;

/// One of a plugin's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// stdout
    Reply,
    /// stderr
    Log,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal that nodebake did not send.
    Killed(i32),
    /// After so many seconds.
    Deadline(u32),
    /// It wrote too much.
    Flood(Stream),
    /// It had so many processes.
    Processes(usize),
    /// It never began.
    Start(String),
    /// Whoever watched it is gone.
    Lost(String),
}

/// A run that is over; nothing of it is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub how: How,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The last line it wrote to stderr.
    pub tail: String,
    /// Processes it left running, which were ended.
    pub left: usize,
}

/// Runs plugins.
pub trait Host: Sync + fmt::Debug {
    /// What a plugin is pinned to, if it is ready to run.
    fn pin(&self, kind: PluginKind, name: &str) -> Option<&Pin>;

    /// Runs it once with `request` on its stdin; it may read the file `artifact` as well.
    fn run(&self, pin: &Pin, request: &[u8], artifact: Option<&str>) -> Ended;

    /// What was remembered under `key`.
    fn recall(&self, key: &Sha256) -> Option<Vec<u8>>;

    /// Remembers a reply for later runs; may forget it.
    fn remember(&self, key: &Sha256, reply: &[u8]);
}

/// What is wrong with a run, before anybody knows whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The rule.
    pub id: &'static str,
    /// What is wrong; goes on after the plugin's name.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Trouble {
    pub(super) fn new(id: &'static str, message: impl Into<String>) -> Self {
        Self {
            id,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A finding about a plugin, where it is named.
pub fn trouble(one: &PluginUse, trouble: &Trouble) -> Finding {
    let message = format!("the plugin {} {}", one.id(), trouble.message);
    let finding = Finding::new(Severity::Error, trouble.id, message).at(one.place().clone());
    match &trouble.hint {
        Some(hint) => finding.hint(hint.clone()),
        None => finding,
    }
}

type Shared = Arc<OnceLock<Result<Arc<Reply>, Trouble>>>;

/// Where the core asks plugins. Who asks the same of the same plugin gets the same answer, without a second run: the
/// nodes of a fleet mostly look alike to a plugin.
#[derive(Debug)]
pub struct Desk<'h> {
    host: &'h dyn Host,
    /// Whether every plugin is run twice and its replies are compared.
    twice: bool,
    /// How many plugins may be asked at a time for one node.
    pub(super) threads: NonZero<usize>,
    known: Mutex<BTreeMap<Sha256, Shared>>,
}

impl<'h> Desk<'h> {
    /// A desk.
    pub fn new(host: &'h dyn Host, twice: bool, threads: NonZero<usize>) -> Self {
        Self {
            host,
            twice,
            threads,
            known: Mutex::default(),
        }
    }

    /// A node names plugins, and there is no desk.
    pub fn missing(one: &PluginUse) -> Finding {
        trouble(one, &Trouble::new("plugin/unknown", "cannot be run here"))
    }

    /// What the plugin is given.
    pub(super) fn pin(&self, one: &PluginUse) -> Result<&'h Pin, Box<Finding>> {
        // Whoever opened the desk has said of every plugin that is not ready why not.
        self.host.pin(one.kind, &one.name.value).ok_or_else(|| {
            let why = Trouble::new("plugin/unknown", "is not ready to run");
            Box::new(trouble(one, &why))
        })
    }

    /// Asks a plugin.
    pub(super) fn ask(&self, one: &PluginUse, pin: &Pin, request: &Request) -> Result<Arc<Reply>, Box<Finding>> {
        let asked = self.ask_for(pin, request);
        asked.map_err(|found| Box::new(trouble(one, &found)))
    }

    fn ask_for(&self, pin: &Pin, request: &Request) -> Result<Arc<Reply>, Trouble> {
        let bytes = serde_json::to_vec(request)
            .map_err(|error| Trouble::new("plugin/reply", format!("cannot be asked: {error}")))?;
        if bytes.len() > Limits::REQUEST {
            let message = format!("would be sent {} MiB", bytes.len() >> 20);
            let hint = "let it ask for fewer files";
            return Err(Trouble::new("plugin/flood", message).hint(hint));
        }
        let artifact = request.artifact.as_ref().map(|artifact| artifact.path.as_str());
        if matches!(pin.kind, PluginKind::Format | PluginKind::Deliver) {
            // Every artifact is one of its own, and large.
            return self.fresh(pin, &bytes, artifact).map(Arc::new);
        }
        let key = key(pin, &bytes);
        let shared = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(key).or_default())
        };
        let answer = shared.get_or_init(|| self.remembered(pin, &bytes, &key).map(Arc::new));
        answer.clone()
    }

    fn remembered(&self, pin: &Pin, bytes: &[u8], key: &Sha256) -> Result<Reply, Trouble> {
        let may = pin.is_closed() && !self.twice;
        if may
            && let Some(reply) = self.host.recall(key)
            && let Ok(reply) = super::read_reply(pin.kind, Op::Run, &reply)
        {
            return Ok(reply);
        }
        let reply = self.fresh(pin, bytes, None)?;
        if may && let Ok(bytes) = serde_json::to_vec(&reply) {
            self.host.remember(key, &bytes);
        }
        Ok(reply)
    }

    fn fresh(&self, pin: &Pin, bytes: &[u8], artifact: Option<&str>) -> Result<Reply, Trouble> {
        // The spec has no secret; what somebody wrote into a file by mistake is not spread further.
        if let Ok(text) = std::str::from_utf8(bytes)
            && let Some(secret) = secrets(text).first()
        {
            let message = format!("would be sent {}, and is not asked", secret.what);
            return Err(Trouble::new("plugin/secret", message).hint("nothing that is baked is private"));
        }
        let once = || judge(pin, Op::Run, &self.host.run(pin, bytes, artifact));
        let reply = once()?;
        if self.twice && pin.kind != PluginKind::Deliver && once()? != reply {
            let message = "answered the same request differently the second time";
            return Err(Trouble::new("plugin/differs", message).hint("the same inputs must give the same bytes"));
        }
        Ok(reply)
    }
}

/// What a reply depends on.
fn key(pin: &Pin, request: &[u8]) -> Sha256 {
    let mut text = format!("nodebake plugin reply {} {}\n", env!("CARGO_PKG_VERSION"), pin.sha256).into_bytes();
    text.extend_from_slice(request);
    Sha256::of(&text)
}
