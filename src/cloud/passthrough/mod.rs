//! What `nodebake proxy serve` shall pass on: `passthrough.yaml`, or the same said in words of the command line.
//!
//! Bytes are passed as they are. TLS ends at the node, so the API server's certificate reaches the kubelet intact.

mod limits;
mod read;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

pub use limits::{LONGEST_KEEPALIVE, Limits};
pub use read::{checked, read};

use crate::base::Cidr;

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// Everybody, which has to be said.
    Any,
    /// These networks.
    Only(Vec<Cidr>),
}

impl Sources {
    /// Whether `address` may connect.
    pub fn allow(&self, address: Ipv4Addr) -> bool {
        match self {
            Self::Any => true,
            Self::Only(networks) => networks.iter().any(|network| network.contains(address)),
        }
    }
}

impl FromStr for Sources {
    type Err = String;

    /// `any`, or networks with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "any" {
            return Ok(Self::Any);
        }
        let networks: Result<Vec<Cidr>, String> = text.split(',').map(str::parse).collect();
        networks
            .map(Self::Only)
            .map_err(|error| format!("{error}; to let everybody in say `any`"))
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("any"),
            Self::Only(networks) => {
                let names: Vec<String> = networks.iter().map(ToString::to_string).collect();
                out.write_str(&names.join(","))
            }
        }
    }
}

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What it is called in logs and metrics.
    pub name: String,
    /// Where the API server connects to: the node's address in the VPC.
    pub listen: SocketAddrV4,
    /// Where the node is.
    pub to: SocketAddrV4,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthrough {
    /// Who may connect.
    pub sources: Sources,
    /// The routes, at least one, in the order they were written.
    pub routes: Vec<Route>,
    /// How many, how long.
    pub limits: Limits,
}

/// Whether one program can listen on both: the same port of the same address, or of all.
fn collide(one: SocketAddrV4, other: SocketAddrV4) -> bool {
    one.port() == other.port() && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

/// Whether what goes `to` comes in at `listen` again.
fn returns(to: SocketAddrV4, listen: SocketAddrV4) -> bool {
    to == listen || (to.port() == listen.port() && listen.ip().is_unspecified() && to.ip().is_loopback())
}
