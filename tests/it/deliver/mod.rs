//! Offline bundles, installed for real into the folder of an image.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests reach the disk and run processes"
)]

mod baked;
mod bundle;
mod hostile;
mod image;
mod kills;
mod shell;
