//! Running plugins: finding them, keeping exactly the bytes that were trusted, and holding each run to its limits.
//!
//! Every run has a supervisor of its own, which is this program once more (`nodebake plugin-exec`): a fresh process that
//! takes the limits on itself, adopts every orphan, and starts the plugin from a thread that has given up all it can.
//! When the plugin is done, or nodebake is gone, the supervisor ends whatever is left.

mod find;
mod frames;
mod job;
mod launch;
mod processes;
mod restrict;
mod runner;
mod store;
mod supervise;

pub use find::{Candidate, Places, find, near};
pub use job::{Job, Protection, Status};
pub use launch::{Input, launch};
pub use runner::{Runner, is_root};
pub use store::{Store, Work};
pub use supervise::supervise;

/// The word that makes this program a supervisor. Whoever types it gets nothing but an error.
pub const SUPERVISE: &str = "plugin-exec";
