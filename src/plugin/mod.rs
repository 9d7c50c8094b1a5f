//! Floor 5: plugins, as far as they are data: what is asked, what may be answered, what each is trusted with. Pure but
//! for the [`Host`] it is given, which runs programs; whatever a program answers is judged here.
//!
//! A plugin is an executable that reads one JSON request and writes one JSON reply. `examples/plugins/PROTOCOL.md` says
//! it all on one page.

mod check;
mod conformance;
mod deliver;
mod facts;
mod format;
mod glob;
mod host;
mod limits;
mod lock;
mod patch;
mod protocol;
mod reply;
mod request;
mod scaffold;
mod schema;

pub use check::run_checks;
pub use conformance::{Case, Expect, cases, verdict};
pub use deliver::{deliver, place_of};
pub use facts::bring_facts;
pub use format::{Formatted, format};
pub use glob::Glob;
pub use host::{Desk, Ended, Host, How, Stream, Trouble, trouble};
pub use limits::{Guard, Limits};
pub use lock::{LOCK, Pin, Pins};
pub use patch::run_patches;
pub use protocol::{
    Access, Artifact, Brought, Delivered, Describe, Fact, File, FileChange, Found, Level, MIN_PROTOCOL, Made,
    NodeFacts, Op, Operation, PROTOCOL, PluginError, Reply, Request,
};
pub use reply::{judge, read_reply, tame};
pub use scaffold::{Lang, scaffold};
pub use schema::{SCHEMAS, schema};
