//! The clock.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cloud::Clock;

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// This machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> i64 {
        now()
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }

    fn dice(&self) -> f64 {
        let dice = RandomState::new().build_hasher().finish() % 1000;
        f64::from(u16::try_from(dice).unwrap_or_default()) / 999.0
    }
}
