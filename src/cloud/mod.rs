//! Floor 6: what is asked of clouds. Plans, and what answers mean; the calls themselves lie behind ports, which `edge`
//! carries out and tests stand in for.
//!
//! Everything that changes a cloud is planned first and shown ([`Plan`]), carried out after a yes, idempotent (who runs it
//! twice has one of each), and can be undone by what it was tagged with.

mod clock;
#[cfg(feature = "credentials")]
mod keys;
mod ladder;
#[cfg(feature = "credentials")]
pub mod moment;
mod plan;
#[cfg(feature = "credentials")]
pub mod profiles;
#[cfg(feature = "credentials")]
pub mod session;
#[cfg(feature = "credentials")]
pub mod token;
mod trouble;

pub use clock::Clock;
#[cfg(feature = "credentials")]
pub use keys::Keys;
pub use ladder::Ladder;
pub use plan::{Act, Plan, Step};
pub use trouble::{Kind, Trouble};
