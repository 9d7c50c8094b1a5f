//! Offline bundles, installed for real into the folder of an image.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests reach the disk and run processes"
)]

mod bundle;
mod hostile;
mod image;
mod shell;
