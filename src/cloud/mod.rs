//! Floor 6: what is asked of clouds. Plans, and what answers mean; the calls themselves lie behind ports, which `edge`
//! carries out and tests stand in for.
//!
//! Everything that changes a cloud is planned first and shown ([`Plan`]), carried out after a yes, idempotent (who runs it
//! twice has one of each), and can be undone by what it was tagged with.

mod clock;
mod ladder;
pub mod passthrough;
mod plan;
mod trouble;

pub use clock::Clock;
pub use ladder::Ladder;
pub use plan::{Act, Plan, Step};
pub use trouble::{Kind, Trouble};
