//! Quoting by file type: a value written into a file is read back as the same value, or refused.

use std::fmt;

use serde_json::Value;

use super::{FileType, yaml};
use crate::base::masked;

/// Characters of a refused value that its message shows.
const MOST_SHOWN: usize = 80;

/// Why a value cannot stand in a file of some type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteError(String);

impl fmt::Display for QuoteError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for QuoteError {}

fn refuse<T>(filetype: FileType, value: &Value, why: &str) -> Result<T, QuoteError> {
    // Secrets go first: half of one would not be known any more.
    let text = value.to_string();
    let text = masked(&text);
    let shown = match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    };
    Err(QuoteError(format!("{shown} cannot stand in a {filetype} file: {why}")))
}

/// `value` as it is written at a value position of a `filetype` file.
pub fn quote(filetype: FileType, value: &Value) -> Result<String, QuoteError> {
    match filetype {
        FileType::Yaml => Ok(yaml_value(value)),
        FileType::Json => Ok(value.to_string()),
        FileType::Toml => toml_value(value),
        FileType::Python => match value {
            Value::String(text) => Ok(python_string(text)),
            Value::Number(_) => Ok(value.to_string()),
            _ => refuse(filetype, value, "only text and numbers have a place there"),
        },
        FileType::Bash | FileType::Env => shell_value(filetype, value),
        FileType::Systemd => {
            let text = plain_text(filetype, value)?;
            if text.contains(['\\', '"', '\'', '$']) {
                return refuse(filetype, value, "quotes, `$` and `\\` need the `word` filter");
            }
            if text.chars().any(is_noncharacter) {
                return refuse(filetype, value, "it has a code point that is no character");
            }
            Ok(text.replace('%', "%%"))
        }
        FileType::Sysctl => {
            let text = plain_text(filetype, value)?;
            let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ',' | '/' | ' ' | '-' | ':');
            if text.is_empty() || !text.chars().all(tame) {
                return refuse(
                    filetype,
                    value,
                    "only A-Za-z0-9_.,/:- and blanks are kept by every reader",
                );
            }
            Ok(text)
        }
        FileType::Ini => {
            let text = plain_text(filetype, value)?;
            // Readers differ on inline comments, and Python's interpolates `%`.
            if text.contains(['#', ';', '%']) {
                return refuse(filetype, value, "`#`, `;` and `%` mean something to some readers");
            }
            Ok(text)
        }
        FileType::Lines => {
            let text = plain_text(filetype, value)?;
            if text.is_empty() || text.starts_with(['#', ';']) || text.contains('\\') {
                return refuse(filetype, value, "it would be empty, a comment or an escape");
            }
            Ok(text)
        }
        FileType::Pem => refuse(filetype, value, "certificates are written raw"),
    }
}

/// One word of an `ExecStart=` line: quoted where systemd would split or expand it.
pub fn systemd_word(text: &str) -> Result<String, QuoteError> {
    let value = Value::String(text.to_owned());
    if text.chars().any(|c| c.is_control() || is_noncharacter(c)) {
        return refuse(FileType::Systemd, &value, "it has characters that do not print");
    }
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    let tame =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | ',' | '@' | '+' | '%');
    if !text.is_empty() && text.chars().all(tame) {
        Ok(escaped)
    } else {
        Ok(format!("\"{escaped}\""))
    }
}

/// Code points that Unicode keeps from ever being characters: systemd drops a value that has one.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// A number, a boolean or one line of text without control characters and outer blanks.
fn plain_text(filetype: FileType, value: &Value) -> Result<String, QuoteError> {
    match value {
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::String(text) if text.chars().any(char::is_control) => {
            refuse(filetype, value, "it has control characters or line breaks")
        }
        Value::String(text) if text.trim() != text => refuse(filetype, value, "it begins or ends with a blank"),
        Value::String(text) => Ok(text.clone()),
        _ => refuse(filetype, value, "only one line of text or a number has a place there"),
    }
}

fn yaml_value(value: &Value) -> String {
    match value {
        Value::String(text) => yaml::scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(yaml_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) if map.is_empty() => "{}".into(),
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", yaml::scalar(key), yaml_value(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Number(number) => yaml_number(&number.to_string()),
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// A number as YAML 1.1 wants it: with an exponent there must be a fraction and a sign, or it is text.
fn yaml_number(json: &str) -> String {
    let Some((mantissa, exponent)) = json.split_once('e') else {
        return json.to_owned();
    };
    let fraction = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{mantissa}{fraction}e{sign}{exponent}")
}

fn toml_value(value: &Value) -> Result<String, QuoteError> {
    match value {
        Value::String(text) => Ok(toml_string(text)),
        Value::Number(number) if number.is_u64() && !number.is_i64() => {
            refuse(FileType::Toml, value, "its integers have 64 bits with a sign")
        }
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Array(items) => {
            let items: Result<Vec<String>, QuoteError> = items.iter().map(toml_value).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        Value::Object(_) | Value::Null => refuse(FileType::Toml, value, "tables are written out, and there is no null"),
    }
}

/// A TOML basic string.
fn toml_string(text: &str) -> String {
    use std::fmt::Write;
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A Python string in pure ASCII.
fn python_string(text: &str) -> String {
    use std::fmt::Write;
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            ' '..='~' => quoted.push(c),
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

fn shell_value(filetype: FileType, value: &Value) -> Result<String, QuoteError> {
    let text = match value {
        Value::Number(_) => return Ok(value.to_string()),
        Value::String(text) => text,
        _ => return refuse(filetype, value, "only text and numbers have a place there"),
    };
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return refuse(filetype, value, "it has control characters");
    }
    let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '%' | '+' | ',');
    if !text.is_empty() && text.chars().all(tame) {
        return Ok(text.clone());
    }
    Ok(format!("'{}'", text.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_type_quotes_or_refuses() {
        let table = [
            (FileType::Yaml, json!("no"), Some("\"no\"")),
            (
                FileType::Yaml,
                json!(["a", 1, {"k": "v: w"}]),
                Some("[a, 1, {k: \"v: w\"}]"),
            ),
            (
                FileType::Yaml,
                json!([1e30, 1.5e-9, 0.5]),
                Some("[1.0e+30, 1.5e-9, 0.5]"),
            ),
            (FileType::Json, json!("a\"b"), Some("\"a\\\"b\"")),
            (FileType::Toml, json!("a\"\n"), Some("\"a\\\"\\u000A\"")),
            (FileType::Toml, json!(["a", true]), Some("[\"a\", true]")),
            (FileType::Toml, json!(null), None),
            (FileType::Toml, json!(i64::MAX), Some("9223372036854775807")),
            (FileType::Toml, json!(u64::MAX), None),
            (FileType::Systemd, json!("100%"), Some("100%%")),
            (FileType::Systemd, json!("a\nExecStart=/bin/sh"), None),
            (FileType::Systemd, json!("$HOME"), None),
            (FileType::Systemd, json!("\u{fdd0}"), None),
            (FileType::Systemd, json!("\u{10ffff}"), None),
            (FileType::Sysctl, json!(1), Some("1")),
            (FileType::Sysctl, json!("1\nkernel.panic=0"), None),
            (FileType::Env, json!("it's $x"), Some("'it'\\''s $x'")),
            (FileType::Env, json!(""), Some("''")),
            (FileType::Env, json!("~root"), Some("'~root'")),
            (FileType::Ini, json!("x # y"), None),
            (FileType::Lines, json!("#x"), None),
            (FileType::Python, json!("a\"\n'"), Some("\"a\\\"\\U0000000a'\"")),
            (FileType::Pem, json!("x"), None),
        ];
        for (filetype, value, expected) in table {
            assert_eq!(quote(filetype, &value).ok().as_deref(), expected, "{filetype} {value}");
        }
        assert_eq!(systemd_word("--node-ip=10.0.0.1").unwrap(), "--node-ip=10.0.0.1");
        assert_eq!(systemd_word("a b$c%d\"").unwrap(), "\"a b$$c%%d\\\"\"");
        assert!(systemd_word("a\nb").is_err());
        let long = quote(FileType::Lines, &json!(vec!["a"; 1000])).unwrap_err().to_string();
        assert!(long.len() < 200, "{long}");
        let secret = format!("{}AKIAIOSFODNN7EXAMPLE\n", "x".repeat(70));
        assert!(!systemd_word(&secret).unwrap_err().to_string().contains("AKIA"));
    }
}
