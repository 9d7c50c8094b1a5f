//! What is counted, and how it is written for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Why a stream was not let in, or did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// From outside the networks that may connect.
    Source,
    /// As many streams as there may be.
    Limit,
    /// As many streams as the route may have.
    RouteLimit,
    /// The node refused the connection: nothing listens there.
    ConnectRefused,
    /// The node did not answer in time.
    ConnectTimeout,
    /// The node could not be reached.
    ConnectOther,
    /// The API server's side broke off.
    ClientBroken,
    /// The node's side broke off.
    NodeBroken,
    /// Nothing was said for too long.
    Idle,
    /// The program ended before the stream did.
    Cut,
    /// This machine had no descriptors or no memory left.
    Resources,
}

impl Cause {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Source, "source"),
        (Self::Limit, "limit"),
        (Self::RouteLimit, "route_limit"),
        (Self::ConnectRefused, "connect_refused"),
        (Self::ConnectTimeout, "connect_timeout"),
        (Self::ConnectOther, "connect_other"),
        (Self::ClientBroken, "client_broken"),
        (Self::NodeBroken, "node_broken"),
        (Self::Idle, "idle"),
        (Self::Cut, "cut"),
        (Self::Resources, "resources"),
    ];

    /// Whether the stream was turned away, not broken.
    fn is_refusal(self) -> bool {
        matches!(self, Self::Source | Self::Limit | Self::RouteLimit)
    }
}

/// The numbers of one route.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Streams let in so far.
    pub(super) connections: AtomicU64,
    /// Streams now.
    pub(super) active: AtomicU64,
    /// Bytes passed to the node.
    pub(super) to_node: AtomicU64,
    /// Bytes passed from the node.
    pub(super) from_node: AtomicU64,
    troubles: [AtomicU64; Cause::ALL.len()],
}

impl Tally {
    pub(super) fn count(&self, cause: Cause) {
        self.troubles[cause as usize].fetch_add(1, Relaxed);
    }
}

/// The numbers of all routes, by name, and of the program.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    routes: Mutex<BTreeMap<String, Arc<Tally>>>,
    /// New configurations taken.
    pub(super) reloads: AtomicU64,
    /// New configurations refused.
    pub(super) bad_reloads: AtomicU64,
}

impl Tallies {
    /// The numbers of the route `name`, which go on where they were if it was there before.
    pub(super) fn of(&self, name: &str) -> Arc<Tally> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(name.to_owned()).or_default())
    }

    /// Forgets routes that `is_known` does not know and that have no stream left.
    pub(super) fn forget(&self, is_known: impl Fn(&str) -> bool) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|name, tally| is_known(name) || tally.active.load(Relaxed) > 0);
    }

    /// Counts every stream that runs as cut.
    pub(super) fn cut(&self) {
        for tally in self.routes.lock().unwrap_or_else(PoisonError::into_inner).values() {
            tally.troubles[Cause::Cut as usize].fetch_add(tally.active.load(Relaxed), Relaxed);
        }
    }

    /// All of it in the text format of Prometheus.
    pub(super) fn text(&self) -> String {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, rows: Vec<(String, u64)>| {
            let _ = write!(
                text,
                "# HELP nodebake_proxy_{name} {help}\n# TYPE nodebake_proxy_{name} {kind}\n"
            );
            for (labels, value) in rows {
                let _ = writeln!(text, "nodebake_proxy_{name}{{{labels}}} {value}");
            }
        };
        let plain = |read: fn(&Tally) -> &AtomicU64| -> Vec<(String, u64)> {
            let rows = routes.iter();
            rows.map(|(name, tally)| (format!("route=\"{name}\""), read(tally).load(Relaxed)))
                .collect()
        };
        let troubles = |refusals: bool| -> Vec<(String, u64)> {
            let mut rows = Vec::new();
            for (name, tally) in &routes {
                for (cause, word) in Cause::ALL {
                    if cause.is_refusal() == refusals {
                        let value = tally.troubles[cause as usize].load(Relaxed);
                        rows.push((format!("route=\"{name}\",cause=\"{word}\""), value));
                    }
                }
            }
            rows
        };
        family(
            "connections_total",
            "counter",
            "Streams let in.",
            plain(|tally| &tally.connections),
        );
        family("connections", "gauge", "Streams now.", plain(|tally| &tally.active));
        let to_node = "Bytes passed to the node.";
        family("to_node_bytes_total", "counter", to_node, plain(|tally| &tally.to_node));
        let from_node = "Bytes passed from the node.";
        family(
            "from_node_bytes_total",
            "counter",
            from_node,
            plain(|tally| &tally.from_node),
        );
        family("refused_total", "counter", "Streams turned away.", troubles(true));
        family(
            "failures_total",
            "counter",
            "Streams that did not end well.",
            troubles(false),
        );
        let reloads = [("taken", &self.reloads), ("refused", &self.bad_reloads)];
        let reloads = reloads.map(|(word, count)| (format!("result=\"{word}\""), count.load(Relaxed)));
        family("reloads_total", "counter", "New configurations read.", reloads.to_vec());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_own_place_and_word() {
        for (at, (cause, _)) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, at);
        }
        let words: std::collections::BTreeSet<&str> = Cause::ALL.iter().map(|(_, word)| *word).collect();
        assert_eq!(words.len(), Cause::ALL.len());
    }

    #[test]
    fn numbers_go_on_and_are_forgotten_only_with_their_last_stream() {
        let tallies = Tallies::default();
        let tally = tallies.of("a");
        tally.to_node.store(7, Relaxed);
        tally.count(Cause::Idle);
        tally.active.store(1, Relaxed);
        tallies.forget(|_| false);
        let text = tallies.text();
        for line in [
            "# TYPE nodebake_proxy_connections gauge",
            "nodebake_proxy_connections{route=\"a\"} 1",
            "nodebake_proxy_to_node_bytes_total{route=\"a\"} 7",
            "nodebake_proxy_failures_total{route=\"a\",cause=\"idle\"} 1",
            "nodebake_proxy_refused_total{route=\"a\",cause=\"source\"} 0",
            "nodebake_proxy_reloads_total{result=\"taken\"} 0",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} is not in\n{text}");
        }
        tally.active.store(0, Relaxed);
        tallies.forget(|_| false);
        assert!(!tallies.text().contains("route=\"a\""));
    }
}
