//! How many streams, and how long.

use std::time::Duration;

use crate::base::Finding;
use crate::syntax::yaml::{Fields, Reader};

/// What every limit of time is below: a week.
const LONGEST: u64 = 7 * 86_400;

/// Seconds. An NLB and the NAT gateways of AWS forget a stream after 350 s without a packet (Elastic Load Balancing and
/// Amazon VPC guides): the first probe has to come before.
pub const LONGEST_KEEPALIVE: u64 = 349;

/// The limits, with what holds where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Streams at a time, of all routes. One takes up to six descriptors.
    pub connections: u64,
    /// Streams at a time, of one route.
    pub per_route: u64,
    /// How long a stream may be silent, in both directions together.
    pub idle: Duration,
    /// How long the node may take to answer.
    pub connect: Duration,
    /// How long streams may go on when the program is to end.
    pub drain: Duration,
    /// After how long without a packet the kernel asks whether the other end is still there.
    pub keepalive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            per_route: 1024,
            // The kubelet's streamingConnectionIdleTimeout: no exec, attach or port-forward is silent for longer.
            idle: Duration::from_hours(4),
            connect: Duration::from_secs(10),
            drain: Duration::from_secs(30),
            keepalive: Duration::from_mins(1),
        }
    }
}

impl Limits {
    /// Reads what a file says of them.
    pub(super) fn read(reader: &mut Reader<'_>, mut fields: Fields<'_>) -> Self {
        let mut limits = Self::default();
        let place = fields.place().clone();
        let mut number = |key: &'static str, min: u64, max: u64| {
            let node = fields.optional(key)?;
            reader.integer(node, min, max).map(|number| number.value)
        };
        let connections = number("connections", 1, 100_000);
        let per_route = number("connectionsPerRoute", 1, 100_000);
        for (key, max, slot) in [
            ("idleSeconds", LONGEST, &mut limits.idle),
            ("connectSeconds", 300, &mut limits.connect),
            ("drainSeconds", LONGEST, &mut limits.drain),
            ("keepaliveSeconds", LONGEST_KEEPALIVE, &mut limits.keepalive),
        ] {
            if let Some(seconds) = number(key, 1, max) {
                *slot = Duration::from_secs(seconds);
            }
        }
        limits.connections = connections.unwrap_or(limits.connections);
        limits.per_route = per_route.unwrap_or(limits.per_route.min(limits.connections));
        fields.done(reader);
        if limits.per_route > limits.connections {
            let message = format!(
                "one route may have {} streams, and all together {}",
                limits.per_route, limits.connections
            );
            let finding = Finding::error("passthrough/limits", message, &place);
            reader
                .report
                .push(finding.hint("connectionsPerRoute is at most connections"));
        }
        limits
    }
}
