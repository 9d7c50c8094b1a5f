//! One node from nothing to a machine that runs: what `nodebake up` remembers, and what is left to people after it.
//!
//! What is in a cloud is found by its tags; the state is a note beside `node.yaml` of what was done, so that a run goes on
//! where an earlier one ended and `nodebake down` knows what to take away. Without the note both still find the rest.

mod next;
mod state;

pub use next::{Mapping, Next, Satellite, next_steps};
pub use state::{Files, Launched, Opened, State, Written};
