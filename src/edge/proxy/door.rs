//! Who is let in.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::bursts::Bursts;
use super::tally::{Cause, Tallies, Tally};
use crate::cloud::passthrough::{Limits, Sources};

/// Where a listener leads now.
#[derive(Debug, Clone)]
pub(super) struct Goal {
    pub(super) name: Arc<str>,
    pub(super) to: SocketAddrV4,
    pub(super) tally: Arc<Tally>,
}

/// What holds for new streams. Those that run keep what held when they came.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) sources: Sources,
    pub(super) limits: Arc<Limits>,
}

/// What all streams share.
#[derive(Debug)]
pub(super) struct Door {
    rules: RwLock<Arc<Rules>>,
    active: AtomicU64,
    left: Notify,
    pub(super) tallies: Tallies,
    pub(super) log: Bursts,
}

impl Door {
    pub(super) fn new(rules: Rules, log: Bursts) -> Self {
        Self {
            rules: RwLock::new(Arc::new(rules)),
            active: AtomicU64::new(0),
            left: Notify::new(),
            tallies: Tallies::default(),
            log,
        }
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Streams now.
    pub(super) fn active(&self) -> u64 {
        self.active.load(Relaxed)
    }

    /// Ends when the last stream has.
    pub(super) async fn empty(&self) {
        while self.active() > 0 {
            self.left.notified().await;
        }
    }

    /// Lets a stream in, or counts why not. Only the one thread that accepts asks, so the limits are exact.
    pub(super) fn enter(self: &Arc<Self>, peer: Ipv4Addr, goal: &Goal, rules: &Rules) -> Option<Ticket> {
        let limits = &rules.limits;
        let refusal = if !rules.sources.allow(peer) {
            Some((Cause::Source, "may not connect".to_owned()))
        } else if self.active() >= limits.connections {
            Some((Cause::Limit, format!("comes after {} others", limits.connections)))
        } else if goal.tally.active.load(Relaxed) >= limits.per_route {
            Some((
                Cause::RouteLimit,
                format!("comes after {} others of this route", limits.per_route),
            ))
        } else {
            None
        };
        if let Some((cause, why)) = refusal {
            goal.tally.count(cause);
            self.log.tell(&goal.name, cause, || format!("{peer} {why}, refused"));
            return None;
        }
        self.active.fetch_add(1, Relaxed);
        goal.tally.active.fetch_add(1, Relaxed);
        goal.tally.connections.fetch_add(1, Relaxed);
        Some(Ticket {
            door: Arc::clone(self),
            goal: goal.clone(),
        })
    }
}

/// A stream's place among those that run; given back when it goes out of scope.
pub(super) struct Ticket {
    door: Arc<Door>,
    goal: Goal,
}

impl Ticket {
    pub(super) fn tally(&self) -> &Tally {
        &self.goal.tally
    }

    /// Counts why the stream did not end well, and says it if that is news.
    pub(super) fn fail(&self, cause: Cause, line: impl FnOnce() -> String) {
        self.goal.tally.count(cause);
        self.door.log.tell(&self.goal.name, cause, line);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.goal.tally.active.fetch_sub(1, Relaxed);
        if self.door.active.fetch_sub(1, Relaxed) == 1 {
            self.door.left.notify_one();
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ticket")
            .field("goal", &self.goal)
            .finish_non_exhaustive()
    }
}
