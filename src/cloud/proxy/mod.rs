//! The proxy's machine in EC2: its security group, its instance, and the public address it keeps.
//!
//! Everything is found again by the tag [`PROXY_TAG`](crate::plan::PROXY_TAG), and looked for before it is made: who is
//! interrupted runs the same command again, and has one of each.

mod delete;
mod launch;
mod look;
mod port;
mod start;
mod want;

pub use delete::{Leftovers, decide_delete, delete, leftovers};
pub use launch::{Decided, Launched, carry_out, decide};
pub use look::{Listed, list};
pub use port::{Ami, Group, Instances, KeptAddress, Machine, NewGroup, NewMachine};
pub use want::{AmiChoice, Want};

use crate::cloud::Clock;

/// What the steps share: whom they ask, and whom they tell.
pub struct Desk<'d> {
    /// EC2.
    pub ec2: &'d dyn Instances,
    /// The clock.
    pub clock: &'d dyn Clock,
    /// Hears what is waited for.
    pub told: &'d dyn Fn(&str),
}

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Desk")
    }
}
