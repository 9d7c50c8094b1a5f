//! YAML, JSON and TOML as values.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::{Kind, Value, compare as compare_values, quoted};
use super::{Compared, lines::LineIndex};
use crate::base::{Report, Source};
use crate::syntax::FileType;
use crate::syntax::yaml::{self, Node, Reader};

/// What differs. `None` if one of the texts is none of its type.
pub(super) fn compare(filetype: FileType, old: &str, new: &str) -> Option<Compared> {
    let read = |text: &str| match filetype {
        FileType::Toml => from_toml(text),
        FileType::Json => serde_json::from_str::<serde_json::Value>(text)
            .ok()
            .and_then(|_| from_yaml(text)),
        _ => from_yaml(text),
    };
    let mut out = Compared::default();
    compare_values("", &read(old)?, &read(new)?, &mut out);
    Some(out)
}

/// JSON is read as YAML too: its values are the same, and their lines are known.
fn from_yaml(text: &str) -> Option<Value> {
    let source = Source::new("", text);
    let root = yaml::parse(&source).ok()?;
    Some(yaml_value(&root, &LineIndex::new(text)))
}

fn yaml_value(node: &Node, lines: &LineIndex) -> Value {
    let kind = match &node.kind {
        yaml::Kind::List(items) => Kind::List(items.iter().map(|item| yaml_value(item, lines)).collect()),
        yaml::Kind::Map(entries) => Kind::Map(
            entries
                .iter()
                .map(|entry| {
                    let mut value = yaml_value(&entry.value, lines);
                    value.line = lines.of(entry.key_place.start);
                    (entry.key.clone(), value)
                })
                .collect(),
        ),
        yaml::Kind::Scalar { text, .. } => Kind::Scalar(scalar(node, text)),
    };
    Value {
        line: lines.of(node.place.start),
        kind,
    }
}

/// Text that a reader could take for something else is shown in quotes; so is every text that is written without them
/// and read differently by different readers, without.
fn scalar(node: &Node, text: &str) -> String {
    let mut report = Report::new();
    let value = yaml::to_json(&mut Reader { report: &mut report }, node);
    match value {
        serde_json::Value::String(_) if report.is_empty() => quoted(text),
        serde_json::Value::String(_) => text.to_owned(),
        other => other.to_string(),
    }
}

fn from_toml(text: &str) -> Option<Value> {
    let lines = LineIndex::new(text);
    let table = DeTable::parse(text).ok()?;
    Some(Value {
        line: 1,
        kind: toml_table(table.get_ref(), &lines),
    })
}

/// Tables come sorted; their places tell the order of the file.
fn toml_table(table: &DeTable<'_>, lines: &LineIndex) -> Kind {
    let mut entries: Vec<(usize, String, Value)> = table
        .iter()
        .map(|(key, value)| {
            let start = key.span().start;
            let mut value = toml_value(value, lines);
            value.line = lines.of(start);
            (start, key.get_ref().to_string(), value)
        })
        .collect();
    entries.sort_by_key(|(start, ..)| *start);
    Kind::Map(entries.into_iter().map(|(_, key, value)| (key, value)).collect())
}

fn toml_value(value: &Spanned<DeValue<'_>>, lines: &LineIndex) -> Value {
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Scalar(quoted(text)),
        DeValue::Integer(number) => {
            let text = number.as_str();
            let plain = i64::from_str_radix(text, number.radix()).map(|number| number.to_string());
            Kind::Scalar(plain.unwrap_or_else(|_| format!("{text} (base {})", number.radix())))
        }
        DeValue::Float(number) => Kind::Scalar(match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => format!("{number:?}"),
            _ => format!("@{}", number.as_str()),
        }),
        DeValue::Boolean(is) => Kind::Scalar(is.to_string()),
        DeValue::Datetime(time) => Kind::Scalar(format!("@{time}")),
        DeValue::Array(items) => Kind::List(items.iter().map(|item| toml_value(item, lines)).collect()),
        DeValue::Table(table) => toml_table(table, lines),
    };
    Value {
        line: lines.of(value.span().start),
        kind,
    }
}
