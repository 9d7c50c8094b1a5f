//! Reads JSON by its path, so that an error says where.

use serde_json::{Map, Value};

use crate::cloud::{Kind, Trouble};

/// A value, and where it is.
#[derive(Debug, Clone)]
pub(super) struct At<'v> {
    value: &'v Value,
    path: String,
}

type Read<T> = Result<T, Trouble>;

impl<'v> At<'v> {
    pub(super) fn new(value: &'v Value, path: &str) -> Self {
        Self {
            value,
            path: path.to_owned(),
        }
    }

    /// What comes is not shown: an answer may hold a secret.
    fn wrong<T>(&self, must: &str) -> Read<T> {
        let is = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
        };
        Err(Trouble::new(
            Kind::Malformed,
            format!(
                "the answer is not what the API describes: `{}` must be {must}, and is {is}",
                self.path
            ),
        ))
    }

    fn object(&self) -> Read<&'v Map<String, Value>> {
        match self.value {
            Value::Object(map) => Ok(map),
            _ => self.wrong("a map"),
        }
    }

    /// A field that must be there.
    pub(super) fn field(&self, key: &str) -> Read<Self> {
        match self.optional(key)? {
            Some(field) => Ok(field),
            None => Err(Trouble::new(
                Kind::Malformed,
                format!(
                    "the answer is not what the API describes: `{}.{key}` is missing",
                    self.path
                ),
            )),
        }
    }

    /// A field that may be missing, or null.
    pub(super) fn optional(&self, key: &str) -> Read<Option<Self>> {
        let value = self.object()?.get(key).filter(|value| !value.is_null());
        Ok(value.map(|value| Self {
            value,
            path: format!("{}.{key}", self.path),
        }))
    }

    pub(super) fn text(&self) -> Read<String> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            _ => self.wrong("text"),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Read<u64> {
        match self.value.as_u64() {
            Some(number) => Ok(number),
            None => self.wrong("a whole number of at least 0"),
        }
    }

    pub(super) fn boolean(&self) -> Read<bool> {
        match self.value {
            Value::Bool(value) => Ok(*value),
            _ => self.wrong("true or false"),
        }
    }

    /// One of the words that `read` knows.
    pub(super) fn word<T>(&self, must: &str, read: impl Fn(&str) -> Option<T>) -> Read<T> {
        match self.value.as_str().and_then(read) {
            Some(value) => Ok(value),
            None => self.wrong(must),
        }
    }

    /// Every item of a list, by `read`.
    pub(super) fn list<T>(&self, read: impl Fn(&Self) -> Read<T>) -> Read<Vec<T>> {
        let Value::Array(items) = self.value else {
            return self.wrong("a list");
        };
        let at = |(number, value)| Self {
            value,
            path: format!("{}[{number}]", self.path),
        };
        items.iter().enumerate().map(at).map(|item| read(&item)).collect()
    }

    /// Every value of a map, by `read`.
    pub(super) fn values<T>(&self, read: impl Fn(&Self) -> Read<T>) -> Read<Vec<T>> {
        let fields = self.object()?.iter();
        fields
            .map(|(key, value)| {
                read(&Self {
                    value,
                    path: format!("{}.{key}", self.path),
                })
            })
            .collect()
    }
}
