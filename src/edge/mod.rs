//! The only code that touches the world: disk, clock and network. Everything else is handed what was read.

pub mod archive;
#[cfg(feature = "credentials")]
pub mod aws;
pub mod cache;
pub mod clock;
pub mod disk;
pub mod download;
pub mod fs;
pub mod git;
#[cfg(feature = "fetch")]
mod http;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod pager;
mod part;
pub mod plugin;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod sign;
mod steady;
pub mod target;

pub use part::Part;
