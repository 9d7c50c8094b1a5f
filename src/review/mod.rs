//! Floor 5: what people review. The plain tree, a manifest that pins what a text diff does not show (modes, owners,
//! sizes, final newlines), the lock of the artifacts, and how a folder that was rendered before differs from what would be rendered now.

mod diff;
mod leftovers;
mod lock;
mod manifest;
pub mod page;

pub use diff::{Change, FileDiff, ModeChange, diff, visible};
pub use leftovers::{Leftovers, leftovers, roots};
pub use lock::{LOCK, Lock, LockedArtifact, wanted};
pub use manifest::{MANIFEST, Manifest, manifest};
