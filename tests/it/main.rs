//! Integration tests, one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "aws")]
mod aws;
mod aws_credentials;
mod bootstrap;
mod bundle;
mod catalog;
mod checks;
mod cli;
#[cfg(feature = "credentials")]
mod credentials;
mod deliver;
mod errors;
mod faults;
#[cfg(feature = "fetch")]
mod fetch;
mod first_boot;
mod floors;
mod folders;
mod golden;
mod judges;
#[cfg(feature = "lambda")]
mod lambda;
mod moto;
mod nocloud;
mod offline;
mod page;
mod passthrough;
mod plugins;
mod properties;
mod proxy;
mod review;
mod seed;
mod standin;
mod support;
#[cfg(all(feature = "aws", feature = "lambda"))]
mod up;
mod vm;
