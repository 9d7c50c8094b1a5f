//! The proxy: what its files say to the programs that read them, and how its machine comes to be.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests reach the disk, processes and the environment, and say what they skip"
)]

mod files;
mod first_boot;
#[cfg(feature = "aws")]
mod kills;
mod model;
#[cfg(feature = "aws")]
mod moto;
mod steps;
#[cfg(feature = "aws")]
mod wire;
