//! What the built-in proxy passes on.

use super::rule;
use crate::base::Severity::Error;
use crate::verify::Check;

pub(in crate::verify) const ROWS: &[Check] = &[
    rule(
        "passthrough/address",
        Error,
        "A route goes from an IPv4 address and port to another",
        "The API server connects to the address of the Node object, so both sides are addresses, not names.",
    ),
    rule(
        "passthrough/duplicate",
        Error,
        "Routes differ in name and in where they listen",
        "Two programs, or two routes, cannot listen on one port. Two nodes must never share one address either.",
    ),
    rule(
        "passthrough/limits",
        Error,
        "One route may not have more streams than all",
        "The smaller number would hold and the larger one would never be reached.",
    ),
    rule(
        "passthrough/loop",
        Error,
        "No route leads back to where the program listens",
        "A single connection would go round until every descriptor is used up.",
    ),
    rule(
        "passthrough/name",
        Error,
        "A route has a plain name",
        "It stands in logs and as a label of metrics.",
    ),
    rule(
        "passthrough/routes",
        Error,
        "There is at least one route",
        "A proxy that passes nothing on is a mistake.",
    ),
    rule(
        "passthrough/source",
        Error,
        "It is said who may connect: IPv4 networks, or any",
        "Port 10250 runs commands in pods. Only the API server's side has business there.",
    ),
];
