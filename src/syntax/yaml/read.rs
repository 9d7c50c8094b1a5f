//! Tree to values, telling every mistake rather than the first.

use std::fmt::Display;
use std::str::FromStr;

use super::{Kind, Node};
use crate::base::{Finding, Located, Place, Report, closest};

/// Reads values from nodes and collects what is wrong with them.
#[derive(Debug)]
pub struct Reader<'r> {
    /// Where findings go.
    pub report: &'r mut Report,
}

impl Reader<'_> {
    /// The fields of a map called `what` in messages. Anything but a map is reported and read as an empty one.
    pub fn map<'n>(&mut self, node: &'n Node, what: &'static str) -> Fields<'n> {
        let broken = !matches!(node.kind, Kind::Map(_));
        if broken {
            self.type_error(node, &format!("`{what}` must be a map"));
        }
        Fields {
            node,
            what,
            known: Vec::new(),
            broken,
        }
    }

    /// The items of a list.
    pub fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        if !matches!(node.kind, Kind::List(_)) {
            self.type_error(node, "this must be a list");
        }
        node.items()
    }

    /// Any scalar as text. Plain values keep the form they were written in, so `1.30` stays `1.30`.
    pub fn text(&mut self, node: &Node) -> Option<Located<String>> {
        match node.text() {
            Some(text) if !node.is_null() => Some(Located {
                value: text.to_owned(),
                place: node.place.clone(),
            }),
            _ => {
                self.type_error(node, "this must be text");
                None
            }
        }
    }

    /// A scalar read by `T`'s own parser; `id` is the finding when it refuses.
    pub fn parsed<T>(&mut self, node: &Node, id: &'static str) -> Option<Located<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(node)?;
        match text.value.parse() {
            Ok(value) => Some(Located {
                value,
                place: text.place,
            }),
            Err(error) => {
                self.report.push(Finding::error(id, error.to_string(), &text.place));
                None
            }
        }
    }

    /// A whole number of at least `min` and at most `max`.
    pub fn integer(&mut self, node: &Node, min: u64, max: u64) -> Option<Located<u64>> {
        let number = match &node.kind {
            Kind::Scalar { text, plain: true } if is_decimal(text) => text.parse::<u64>().ok(),
            _ => {
                self.type_error(node, "this must be a whole number");
                return None;
            }
        };
        match number {
            Some(value) if (min..=max).contains(&value) => Some(Located {
                value,
                place: node.place.clone(),
            }),
            _ => {
                self.report.push(Finding::error(
                    "spec/range",
                    format!("this must be {min} to {max}"),
                    &node.place,
                ));
                None
            }
        }
    }

    /// A number with or without a fraction, not negative.
    pub fn number(&mut self, node: &Node) -> Option<Located<f64>> {
        let value = match &node.kind {
            Kind::Scalar { text, plain: true } if text.starts_with(|c: char| c.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.type_error(node, "this must be a number");
        }
        value.map(|value| Located {
            value,
            place: node.place.clone(),
        })
    }

    /// `true` or `false`, as YAML 1.1 and 1.2 both read them.
    pub fn boolean(&mut self, node: &Node) -> Option<Located<bool>> {
        let value = match &node.kind {
            Kind::Scalar { text, plain: true } => match text.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if value.is_none() {
            self.type_error(node, "this must be `true` or `false`");
        }
        value.map(|value| Located {
            value,
            place: node.place.clone(),
        })
    }

    /// One of a closed set of words.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&'static str, T)]) -> Option<Located<T>> {
        let text = self.text(node)?;
        match words.iter().find(|(word, _)| *word == text.value) {
            Some((_, value)) => Some(Located {
                value: *value,
                place: text.place,
            }),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let mut finding = Finding::error(
                    "spec/value",
                    format!("`{}` is not one of {}", text.value, known.join(", ")),
                    &text.place,
                );
                if let Some(word) = closest(&text.value, known) {
                    finding = finding.hint(format!("did you mean `{word}`?"));
                }
                self.report.push(finding);
                None
            }
        }
    }

    fn type_error(&mut self, node: &Node, must: &str) {
        self.report.push(Finding::error(
            "spec/type",
            format!("{must}, not {}", node.noun()),
            &node.place,
        ));
    }
}

/// Decimal digits without a sign, a leading zero or an underscore: what every YAML version reads as the same number.
fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
}

/// The fields of one map, remembering which have been asked for.
#[derive(Debug)]
pub struct Fields<'n> {
    node: &'n Node,
    what: &'static str,
    known: Vec<&'static str>,
    broken: bool,
}

impl<'n> Fields<'n> {
    /// The field `key`, if it is there and has a value.
    pub fn optional(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.node.get(key).filter(|value| !value.is_null())
    }

    /// The field `key`; reports its absence.
    pub fn required(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'n Node> {
        let value = self.optional(key);
        if value.is_none() && !self.broken {
            let what = self.what;
            let finding = match self.node.entries().iter().find(|entry| entry.key == key) {
                Some(entry) => Finding::error("spec/missing-key", format!("`{key}` has no value"), &entry.key_place),
                None => Finding::error("spec/missing-key", format!("`{what}` has no `{key}`"), &self.node.place),
            };
            reader.report.push(finding);
        }
        value
    }

    /// Where the map is.
    pub fn place(&self) -> &Place {
        &self.node.place
    }

    /// Reports every key that nobody asked for.
    pub fn done(self, reader: &mut Reader<'_>) {
        for entry in self.node.entries() {
            if self.known.contains(&entry.key.as_str()) {
                continue;
            }
            let mut finding = Finding::error(
                "spec/unknown-key",
                format!("`{}` is not a key of `{}`", entry.key, self.what),
                &entry.key_place,
            );
            finding = match closest(&entry.key, self.known.iter().copied()) {
                Some(word) => finding.hint(format!("did you mean `{word}`?")),
                None => finding.hint(format!("it has {}", self.known.join(", "))),
            };
            reader.report.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Source;
    use crate::syntax::yaml::parse;

    #[test]
    fn tells_every_mistake_at_once() {
        let source = Source::new(
            "t.yaml",
            "nmae: x\ncount: \"1\"\nbig: 900\non: yes\nmode: fats\nlist: 3\n",
        );
        let root = parse(&source).unwrap();
        let mut report = Report::new();
        let mut reader = Reader { report: &mut report };
        let mut fields = reader.map(&root, "thing");
        assert!(fields.required(&mut reader, "name").is_none());
        for key in ["count", "big"] {
            let node = fields.required(&mut reader, key).unwrap();
            assert!(reader.integer(node, 0, 100).is_none());
        }
        let node = fields.required(&mut reader, "on").unwrap();
        assert!(reader.boolean(node).is_none());
        let node = fields.required(&mut reader, "mode").unwrap();
        assert!(reader.word(node, &[("fast", 1), ("slow", 2)]).is_none());
        let node = fields.required(&mut reader, "list").unwrap();
        assert!(reader.list(node).is_empty());
        fields.done(&mut reader);
        let seen: Vec<String> = report
            .sorted()
            .iter()
            .map(|finding| {
                let place = finding.place.as_ref().unwrap();
                format!(
                    "{} {place} {} | {}",
                    finding.id,
                    finding.message,
                    finding.hint.as_deref().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                "spec/missing-key t.yaml:1:1 `thing` has no `name` | -",
                "spec/unknown-key t.yaml:1:1 `nmae` is not a key of `thing` | did you mean `name`?",
                "spec/type t.yaml:2:8 this must be a whole number, not text in quotes | -",
                "spec/range t.yaml:3:6 this must be 0 to 100 | -",
                "spec/type t.yaml:4:5 this must be `true` or `false`, not `yes` | -",
                "spec/value t.yaml:5:7 `fats` is not one of fast, slow | did you mean `fast`?",
                "spec/type t.yaml:6:7 this must be a list, not `3` | -",
            ]
        );
    }
}
