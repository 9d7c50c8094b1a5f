//! Integration tests, one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalog;
mod cli;
mod errors;
mod floors;
mod golden;
mod support;
