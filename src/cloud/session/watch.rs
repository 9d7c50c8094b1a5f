//! Refreshing for as long as the process lives, where no timer does it.

use std::time::Duration;

use super::{Done, Machine, refresh};

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: u32 = 30;

/// The longest pause after a failure: the key or the network may come at any time.
const LONGEST_PAUSE: u32 = 300;

/// Refreshes `rounds` times, or without end.
pub fn watch(machine: &dyn Machine, rounds: Option<u64>) {
    let mut failures = 0;
    let mut round = 0;
    loop {
        let pause = match refresh(machine) {
            Ok(done) => {
                failures = 0;
                after(&done, machine.dice())
            }
            Err(_) => {
                failures += 1;
                again(failures, machine.dice())
            }
        };
        round += 1;
        if rounds.is_some_and(|rounds| round >= rounds) {
            return;
        }
        machine.wait(pause);
    }
}

/// A third of the session's life, less up to a tenth of that by chance: two refreshes may fail before it ends, and
/// machines that began together do not ask together.
fn after(done: &Done, dice: f64) -> Duration {
    let third = Duration::from_secs(u64::try_from(done.lifetime).unwrap_or(0)) / 3;
    third.mul_f64(0.9 + 0.1 * dice.clamp(0.0, 1.0))
}

/// The pause after so many failures: half of the step, and up to as much again by chance.
fn again(failures: u32, dice: f64) -> Duration {
    let step = FIRST_PAUSE
        .saturating_mul(1 << (failures - 1).min(8))
        .min(LONGEST_PAUSE);
    Duration::from_secs(step.into()).mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;
    use crate::cloud::{Kind, Trouble};

    #[test]
    fn a_third_of_the_life_and_never_later() {
        let done = Done {
            expires: 0,
            lifetime: 14_400,
        };
        assert_eq!(after(&done, 1.0), Duration::from_mins(80));
        assert_eq!(after(&done, 0.0), Duration::from_mins(72));
    }

    #[test]
    fn it_goes_on_after_failures_with_growing_pauses() {
        let no = || Err(Trouble::new(Kind::Denied, "no").code("AccessDenied"));
        let machine = Fake::new(vec![no(), no(), no(), no(), no(), no(), Ok(3600), no(), Ok(3600)]);
        watch(&machine, Some(9));
        let slept: Vec<u64> = machine.slept().iter().map(Duration::as_secs).collect();
        assert_eq!(slept, [30, 60, 120, 240, 300, 300, 1200, 30]);
        assert_eq!(machine.asked(), 9);
    }
}
