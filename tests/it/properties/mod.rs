//! What holds for every input, tried on many.
//!
//! Each property has a number of cases that fits a plain `cargo test`, which draws the same ones every time.
//! `PROPTEST_CASES=25600 cargo test properties` draws others, a hundred times as many (256 is the plain number). A case
//! that fails is shrunk, printed, and kept as a seed in `tests/fixtures/properties/`, which every later run tries first:
//! commit it with the repair.

#![allow(
    clippy::disallowed_methods,
    reason = "tests reach the disk, processes and the environment"
)]
#![allow(clippy::print_stdout, reason = "a skipped test says why")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "a property is handed the values that were drawn for it"
)]

mod archive;
/// Shared with the fuzz targets.
#[path = "../../fuzz/inputs.rs"]
mod inputs;
mod layers;
mod numbers;
mod pipeline;
mod quoting;
mod readers;
mod review;
mod secrets;
mod strategies;

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestCaseError, TestRunner};

/// What a plain run draws its cases from.
const SEED: u64 = 0x6e6f_6465_6261_6b65;

/// Holds `property` against `cases` values of `strategy`.
fn holds<S>(name: &str, cases: u32, strategy: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S: Strategy,
    S::Value: Debug,
{
    let longer: Option<u32> = std::env::var("PROPTEST_CASES")
        .ok()
        .map(|number| number.parse().expect("PROPTEST_CASES is a number"));
    let seeds: &'static str = Box::leak(format!("tests/fixtures/properties/{name}.txt").into_boxed_str());
    let config = Config {
        cases: longer.map_or(cases, |number| {
            u32::try_from(u64::from(cases) * u64::from(number) / 256).unwrap_or(u32::MAX)
        }),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        rng_seed: if longer.is_some() {
            RngSeed::Random
        } else {
            RngSeed::Fixed(SEED)
        },
        max_shrink_time: 60_000,
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(&strategy, property) {
        panic!("{name}: {error}");
    }
}
