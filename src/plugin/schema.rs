//! JSON Schemas of the protocol, made from its types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::{Reply, Request};

/// What there are schemas of; the word is also the name of the file.
pub const SCHEMAS: [&str; 2] = ["request", "reply"];

/// The schema `name`, as text.
pub fn schema(name: &str) -> Option<String> {
    let schema = match name {
        "request" => made::<Request>(),
        "reply" => made::<Reply>(),
        _ => return None,
    };
    // A schema is a JSON value, which can always be written.
    Some(serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n")
}

fn made<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
}
