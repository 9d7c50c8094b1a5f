//! Floor 6: from a bundle to a machine, whole or not at all. Pure but for the [`Disk`] it is given: what an installation
//! does is data before it is done, and every step of doing it can be interrupted.

mod bundle;
mod change;
mod check;
mod disk;
mod journal;
mod ledger;
mod plan;
mod preflight;
mod run;
mod status;
mod supply;
mod tarball;
mod undo;

pub use bundle::Bundle;
pub use change::{After, Change, Conflict, Plan, Source, Task, Verb};
pub use check::{Opened, check_archive, check_folder};
pub use disk::{Access, Disk, Look, Seen, Sink, digest, link_digest, parent, see, text};
pub use journal::{Entry, JOURNAL, Journal, Left, Mark, Progress, left};
pub use ledger::{ADOPTED, DIRS, Kind, LEDGER, Owned, Record, backup};
pub use plan::{FIRST_BOOT_DONE, Options, Want, Wanted, install, uninstall};
pub use preflight::{in_image, room};
pub use run::{execute, tidy};
pub use status::{Drift, LIST, drift};
pub use supply::{Nothing, Supply, Unpack};
pub use tarball::{Tarball, refused};
pub use undo::{forget, save, undo, undo_conflicts};
