//! Floor 5: what people review. The plain tree, a manifest that pins what a text diff does not show (modes, owners,
//! sizes, final newlines), the lock of the artifacts, and how a folder that was rendered before differs from what would
//! be rendered now: by bytes, and by what it means for the machines.

mod change;
mod diff;
mod findings;
mod fold;
mod golden;
mod impact;
mod leftovers;
mod lock;
mod manifest;
mod node;
pub mod page;
mod show;
mod words;

pub use change::{Cause, How, Item, What};
pub use diff::{Change, FileDiff, ModeChange, diff, visible};
pub use findings::{Asked, findings};
pub use fold::{Fold, FoldedItem, fold, news, on_nodes};
pub use golden::Golden;
pub use impact::{Impact, Impacts, Verdict};
pub use leftovers::{Leftovers, leftovers, roots};
pub use lock::{LOCK, Lock, LockedArtifact, wanted};
pub use manifest::{MANIFEST, Manifest, UserData, maker, manifest};
pub use node::{NodeDiff, UserDataChange, compare_node};
pub use show::{Shown, annotations, coloured, markdown, sarif, text};
