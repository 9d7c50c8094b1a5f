//! One line for a burst: what happens a thousand times a minute is told once, and then how often.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::tally::Cause;

/// For how long more of the same is only counted.
const QUIET: Duration = Duration::from_secs(30);

/// Lines of talk.
type Told = Box<dyn Fn(&str) + Send + Sync>;

/// What was told when, and how much was kept back since.
pub(super) struct Bursts {
    told: Told,
    seen: Mutex<BTreeMap<(String, Cause), (Instant, u64)>>,
}

impl fmt::Debug for Bursts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bursts").finish_non_exhaustive()
    }
}

impl Bursts {
    pub(super) fn new(told: Told) -> Self {
        Self {
            told,
            seen: Mutex::default(),
        }
    }

    /// Says something that happens seldom.
    pub(super) fn say(&self, line: &str) {
        (self.told)(line);
    }

    /// Says what went wrong on a route, unless the same was said a moment ago.
    pub(super) fn tell(&self, route: &str, cause: Cause, line: impl FnOnce() -> String) {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (route.to_owned(), cause);
        let more = match seen.get_mut(&key) {
            Some((when, kept)) if now.duration_since(*when) < QUIET => {
                *kept += 1;
                return;
            }
            before => before.map_or(0, |(_, kept)| *kept),
        };
        seen.insert(key, (now, 0));
        drop(seen);
        (self.told)(&format!("{route}: {}{}", line(), and_more(more)));
    }

    /// Says what was kept back for long enough, and forgets what has ended.
    pub(super) fn flush(&self) {
        let now = Instant::now();
        let mut lines = Vec::new();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|(route, cause), (when, kept)| {
            if now.duration_since(*when) < QUIET {
                return true;
            }
            if *kept > 0 {
                lines.push(format!("{route}: {kept} more of {cause:?}"));
                (*when, *kept) = (now, 0);
                return true;
            }
            false
        });
        drop(seen);
        for line in lines {
            (self.told)(&line);
        }
    }
}

fn and_more(more: u64) -> String {
    if more == 0 {
        String::new()
    } else {
        format!(" (and {more} more before)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_burst_is_one_line_and_another_route_is_another() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&lines);
        let bursts = Bursts::new(Box::new(move |line| kept.lock().unwrap().push(line.to_owned())));
        for n in 0..1000 {
            bursts.tell("a", Cause::Source, || format!("line {n}"));
            bursts.tell("b", Cause::Source, || format!("line {n}"));
        }
        bursts.flush();
        let mut lines = lines.lock().unwrap().clone();
        lines.sort();
        assert_eq!(lines, ["a: line 0", "b: line 0"]);
    }
}
