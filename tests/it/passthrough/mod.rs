//! The proxy between the API server and a node, in network namespaces: what every form must do, and what `serve` does
//! beyond that.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests reach processes, and say why they are skipped"
)]

mod config;
mod forms;
mod lab;
#[cfg(feature = "proxy")]
mod relay;
#[cfg(feature = "proxy")]
mod serve;
mod streams;
mod time;
