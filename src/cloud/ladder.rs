//! How often, and how long apart, a call is tried.

use std::time::Duration;

use super::{Clock, Kind, Trouble};

/// Tries with growing pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    /// How often at most.
    pub tries: u32,
    /// The first pause; each further one is up to twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Ladder {
    /// Carries out `call` until it goes well, fails for good, or was tried often enough. `may_pass` says which trouble is
    /// worth another try; `told` hears of each before the pause.
    pub fn climb<T>(
        &self,
        clock: &dyn Clock,
        mut call: impl FnMut() -> Result<T, Trouble>,
        may_pass: impl Fn(&Trouble) -> bool,
        mut told: impl FnMut(&Trouble, Duration),
    ) -> Result<T, Trouble> {
        let mut tried = 1;
        loop {
            match call() {
                Err(trouble) if tried < self.tries.max(1) && may_pass(&trouble) => {
                    let pause = self.pause(clock, tried, &trouble);
                    told(&trouble, pause);
                    clock.sleep(pause);
                    tried += 1;
                }
                ended => return ended,
            }
        }
    }

    /// The pause after so many tries: what the answer asks for, or half of the step and up to as much again by chance.
    fn pause(&self, clock: &dyn Clock, tried: u32, trouble: &Trouble) -> Duration {
        if let Kind::Throttled(Some(asked)) = trouble.kind {
            return asked.min(self.longest);
        }
        let step = self.first.saturating_mul(1 << (tried - 1).min(16)).min(self.longest);
        step.mul_f64(0.5 + clock.dice().clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[derive(Default)]
    struct Slept(RefCell<Vec<Duration>>);

    impl Clock for Slept {
        fn now(&self) -> i64 {
            0
        }
        fn sleep(&self, time: Duration) {
            self.0.borrow_mut().push(time);
        }
        fn dice(&self) -> f64 {
            1.0
        }
    }

    const LADDER: Ladder = Ladder {
        tries: 4,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(3),
    };

    fn climb(troubles: &[Kind]) -> (Result<(), Kind>, Vec<u64>) {
        let (clock, mut left) = (Slept::default(), troubles.iter());
        let ended = LADDER.climb(
            &clock,
            || left.next().map_or(Ok(()), |kind| Err(Trouble::new(*kind, "no"))),
            |trouble| trouble.kind.may_pass(),
            |_, _| {},
        );
        let slept = clock.0.borrow().iter().map(Duration::as_secs).collect();
        (ended.map_err(|trouble| trouble.kind), slept)
    }

    #[test]
    fn pauses_grow_up_to_the_longest_and_end() {
        assert_eq!(climb(&[Kind::Unknown; 3]), (Ok(()), vec![1, 2, 3]));
        assert_eq!(climb(&[Kind::Unknown; 9]), (Err(Kind::Unknown), vec![1, 2, 3]));
    }

    #[test]
    fn an_answer_says_how_long_to_wait_and_final_trouble_is_final() {
        let asked = Kind::Throttled(Some(Duration::from_secs(2)));
        assert_eq!(climb(&[asked]), (Ok(()), vec![2]));
        assert_eq!(climb(&[Kind::Refused]), (Err(Kind::Refused), vec![]));
    }
}
