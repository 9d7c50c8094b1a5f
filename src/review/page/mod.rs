//! One HTML page that shows a node or a fleet: what each machine is, what is kept back on it, what its user-data is
//! spent on, in which order it starts, and every file with where it comes from.
//!
//! The page needs no network and no script, and has the same bytes wherever it is made: no clock, no path of this
//! machine. Nodes that are alike but for their own lines share one section, and a text that several files have stands
//! once: a page of a thousand nodes grows with what differs.

mod bar;
mod changes;
mod findings;
mod html;
mod kinds;
mod model;
mod node;
mod order;
mod own_lines;
mod resources;
mod text;
mod values;

pub use html::html;
pub use model::Page;
pub use node::{BudgetPart, BudgetView, NodeView};
pub use text::{Paths, Texts};
