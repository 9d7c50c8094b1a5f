//! Floor 6: what is asked of clouds. Plans, and what answers mean; the calls themselves lie behind ports, which `edge`
//! carries out and tests stand in for.
//!
//! Everything that changes a cloud is planned first and shown ([`Plan`]), carried out after a yes, idempotent (who runs it
//! twice has one of each), and can be undone by what it was tagged with.

pub mod aws;
mod clock;
mod ec2;
mod eks;
pub mod eni;
pub mod facts;
#[cfg(feature = "credentials")]
mod keys;
mod ladder;
pub mod lambda;
#[cfg(feature = "credentials")]
pub mod moment;
pub mod passthrough;
mod plan;
pub mod policy;
#[cfg(feature = "credentials")]
pub mod profiles;
pub mod proxy;
#[cfg(feature = "credentials")]
pub mod session;
#[cfg(feature = "credentials")]
pub mod token;
mod trouble;
pub mod up;

pub use clock::Clock;
pub use ec2::{Attachment, Ec2, Filter, Instance, Interface, NewInterface, RouteTable, Subnet};
pub use eks::{Cluster, Eks};
#[cfg(feature = "credentials")]
pub use keys::Keys;
pub use ladder::Ladder;
pub use plan::{Act, Plan, Step, plain};
pub use trouble::{Kind, Trouble};
