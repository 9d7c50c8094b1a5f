//! What a run has looked through already. Most files of a fleet's nodes are the same, so that each text is looked through
//! once; only what nothing was found in is remembered, because findings name their node.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// More texts than this are not remembered for one purpose: those that all nodes have come first.
const MOST: usize = 500;

/// Texts in which nothing was found. By default none is remembered, which a single node has no use for.
#[derive(Debug, Default)]
pub struct Known(Option<Mutex<Good>>);

/// For each purpose the texts.
type Good = BTreeMap<&'static str, BTreeSet<String>>;

impl Known {
    /// One that remembers.
    pub fn of_many() -> Self {
        Self(Some(Mutex::default()))
    }

    /// What `look` finds, which must depend on `text` alone.
    pub(super) fn look<'t, T>(
        &self,
        what: &'static str,
        text: impl FnOnce() -> Cow<'t, str>,
        look: impl FnOnce() -> Vec<T>,
    ) -> Vec<T> {
        let Some(good) = &self.0 else { return look() };
        // Whoever panicked has remembered nothing half.
        let lock = || good.lock().unwrap_or_else(PoisonError::into_inner);
        let text = text();
        if lock().get(what).is_some_and(|good| good.contains(&*text)) {
            return Vec::new();
        }
        let found = look();
        if found.is_empty() {
            let mut known = lock();
            let good = known.entry(what).or_default();
            if good.len() < MOST {
                good.insert(text.into_owned());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_good_is_looked_at_once_and_what_is_not_each_time() {
        let known = Known::of_many();
        let finds = |what, text: &str, found: usize| known.look(what, || text.into(), || vec![(); found]).len();
        assert_eq!(finds("a", "x", 0), 0);
        assert_eq!(finds("a", "x", 1), 0, "remembered");
        assert_eq!(finds("b", "x", 1), 1, "for one purpose");
        assert_eq!(finds("b", "x", 2), 2, "a finding is not");
        for number in 0..2 * MOST {
            finds("c", &number.to_string(), 0);
        }
        assert_eq!(finds("c", "0", 1), 0);
        assert_eq!(finds("c", &MOST.to_string(), 1), 1);
        assert_eq!(Known::default().look("a", || "x".into(), || vec![(); 0]).len(), 0);
        assert_eq!(Known::default().look("a", || "x".into(), || vec![(); 1]).len(), 1);
    }
}
