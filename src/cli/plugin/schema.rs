//! `nodebake plugin schema`

use super::super::{Outcome, Ui};
use crate::plugin::{SCHEMAS, schema};

/// Print the JSON Schema of requests or of replies.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// request or reply
    #[arg(value_parser = SCHEMAS)]
    what: String,
}

pub(super) fn run(ui: &Ui, args: &Args) -> Outcome {
    ui.data(schema(&args.what).unwrap_or_default().as_bytes())?;
    Ok(())
}
