//! Trees to JSON and back, for text the user passes through to Kubernetes.

use serde_json::{Map, Number, Value};

use super::{Kind, Node, Reader};
use crate::base::{Finding, Place};

/// The JSON value a node means to every YAML reader alike. A plain scalar that YAML 1.1 and 1.2 read differently
/// (`yes`, `0644`, `12:30`, `1_000`, a date) is reported: quotes settle it.
pub fn to_json(reader: &mut Reader<'_>, node: &Node) -> Value {
    match &node.kind {
        _ if node.is_null() => Value::Null,
        Kind::List(items) => Value::Array(items.iter().map(|item| to_json(reader, item)).collect()),
        Kind::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.clone(), to_json(reader, &entry.value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Kind::Scalar { text, plain: false } => Value::String(text.clone()),
        Kind::Scalar { text, plain: true } => match resolve(text) {
            Resolved::Value(value) => value,
            Resolved::Ambiguous(what) => {
                reader.report.push(
                    Finding::error(
                        "spec/ambiguous",
                        format!("YAML readers take `{text}` for {what}"),
                        &node.place,
                    )
                    .hint(format!("write \"{text}\" if it is text")),
                );
                Value::String(text.clone())
            }
        },
    }
}

enum Resolved {
    Value(Value),
    Ambiguous(&'static str),
}

fn resolve(text: &str) -> Resolved {
    use Resolved::{Ambiguous, Value as Is};
    match text {
        "true" => return Is(Value::Bool(true)),
        "false" => return Is(Value::Bool(false)),
        _ => {}
    }
    if is_yaml11_boolean(text) {
        return Ambiguous("a boolean, some of them");
    }
    if text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return Ambiguous("several lines, some of them");
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            return Ambiguous("an octal number, some of them");
        }
        return match text.parse::<i64>() {
            Ok(number) => Is(Value::Number(number.into())),
            Err(_) => Ambiguous("a number too large to keep"),
        };
    }
    if let Some((whole, fraction)) = unsigned.split_once('.') {
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if all_digits(whole) && all_digits(fraction) {
            // A plain 1.30 means the number 1.3: fine for a number, a trap for a version.
            return match text.parse().ok().and_then(Number::from_f64) {
                Some(number) => Is(Value::Number(number)),
                None => Ambiguous("a number"),
            };
        }
    }
    // The remaining look-alikes of YAML 1.1: exponents, hexadecimal, underscores, base 60, dates, infinities, `=`, `<<`.
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins_like_a_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
    let number_like = begins_like_a_number
        && unsigned.bytes().all(|byte| {
            byte.is_ascii_hexdigit() || matches!(byte, b'_' | b':' | b'.' | b'x' | b'o' | b'+' | b'-' | b'i' | b'n')
        })
        && unsigned.bytes().any(|byte| byte.is_ascii_digit() || byte == b'.');
    let units = unsigned.ends_with(|c: char| c.is_ascii_alphabetic()) && !unsigned.starts_with("0x");
    if number_like && !units && !is_address(unsigned) || is_timestamp(text) {
        return Ambiguous("a number or a date, some of them");
    }
    let special = matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan");
    if special || matches!(text, "=" | "<<") {
        return Ambiguous("something special, some of them");
    }
    Is(Value::String(text.to_owned()))
}

/// A date with a time after it; YAML 1.1 takes `T`, `t` and blanks between them.
fn is_timestamp(text: &str) -> bool {
    let date = text.split(['T', 't', ' ', '\t']).next().unwrap_or_default();
    let mut parts = date.split('-').map(|part| (part.len(), part));
    let mut number = |most| {
        parts
            .next()
            .is_some_and(|(len, part)| (1..=most).contains(&len) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    date.len() < text.len() && number(4) && number(2) && number(2)
}

/// Dotted quads and networks are text to every reader.
fn is_address(text: &str) -> bool {
    text.split('/')
        .next()
        .unwrap_or_default()
        .parse::<std::net::Ipv4Addr>()
        .is_ok()
}

/// The words YAML 1.1 reads as booleans and YAML 1.2 as text.
pub(super) fn is_yaml11_boolean(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false"
    )
}

/// A tree for a JSON value, every node at `place`.
pub fn from_json(value: &Value, place: &Place) -> Node {
    let kind = match value {
        Value::Null => Kind::Scalar {
            text: "null".into(),
            plain: true,
        },
        Value::Bool(_) | Value::Number(_) => Kind::Scalar {
            text: value.to_string(),
            plain: true,
        },
        Value::String(text) => Kind::Scalar {
            text: text.clone(),
            plain: false,
        },
        Value::Array(items) => Kind::List(items.iter().map(|item| from_json(item, place)).collect()),
        Value::Object(map) => Kind::Map(
            map.iter()
                .map(|(key, value)| super::Entry {
                    key: key.clone(),
                    key_place: place.clone(),
                    value: from_json(value, place),
                })
                .collect(),
        ),
    };
    Node {
        place: place.clone(),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Report, Source};
    use crate::syntax::yaml::parse;

    #[test]
    fn only_what_every_reader_agrees_on() {
        let source = Source::new(
            "t",
            "{a: true, b: 1, c: -5, d: 1.5, e: 10s, f: text, g: null, h: \"yes\", i: 100Mi, j: 10.0.0.1, k: 10.0.0.0/8, l: 5%, m: 10-20 x}",
        );
        let mut report = Report::new();
        let value = to_json(&mut Reader { report: &mut report }, &parse(&source).unwrap());
        assert!(report.is_empty(), "{report:?}");
        assert_eq!(
            value.to_string(),
            r#"{"a":true,"b":1,"c":-5,"d":1.5,"e":"10s","f":"text","g":null,"h":"yes","i":"100Mi","j":"10.0.0.1","k":"10.0.0.0/8","l":"5%","m":"10-20 x"}"#
        );
        for text in [
            "yes",
            "No",
            "on",
            "y",
            "0644",
            "12:30",
            "1_000",
            "2024-01-01",
            "1e3",
            "0x1f",
            ".inf",
            "=",
            "0o17",
            "99999999999999999999",
            "+0xf",
            "-.inf",
            "+.Inf",
            "2024-01-01T00:00:00Z",
            "2024-1-1 10:00:00",
            "a\u{2028}b",
        ] {
            let mut report = Report::new();
            let source = Source::new("t", format!("a: {text}"));
            to_json(&mut Reader { report: &mut report }, &parse(&source).unwrap());
            assert!(report.has_errors(), "{text}");
        }
    }
}
