//! Time and chance, as a port: what waits and retries is tested without waiting.

use std::time::Duration;

/// The clock, and the dice for jitter.
pub trait Clock {
    /// Seconds since 1970.
    fn now(&self) -> i64;
    /// Waits.
    fn sleep(&self, time: Duration);
    /// A number in 0.0 to 1.0, so that machines which failed together do not come back together.
    fn dice(&self) -> f64;
}
