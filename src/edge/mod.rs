//! The only code that touches the world: disk and clock. Everything else is handed what was read.

pub mod clock;
pub mod fs;
