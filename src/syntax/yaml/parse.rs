//! Text to tree.

use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::{Entry, Kind, Node};
use crate::base::{Finding, Place, Report, Severity, Source};

/// Deepest nesting of maps and lists; no file nodebake reads has a use for more.
const MAX_DEPTH: usize = 64;

/// Reads the one YAML document of `source`. Duplicate keys are all reported; a syntax error ends the reading.
pub fn parse(source: &Arc<Source>) -> Result<Node, Report> {
    // Comments are no data; nesting is bounded by the options before it is by us.
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut builder = Builder {
        source,
        parser: Parser::new_from_str_with_options(&source.text, options),
        report: Report::new(),
    };
    match builder.document() {
        Ok(node) if !builder.report.has_errors() => Ok(node),
        Ok(_) => Err(builder.report),
        Err(finding) => {
            builder.report.push(*finding);
            Err(builder.report)
        }
    }
}

type Refusal = Box<Finding>;

struct Builder<'s> {
    source: &'s Arc<Source>,
    parser: Parser<'s, granit_parser::StrInput<'s>>,
    report: Report,
}

impl<'s> Builder<'s> {
    fn place(&self, span: &Span) -> Place {
        let at = |marker: &granit_parser::Marker| {
            marker.byte_offset().unwrap_or_else(|| {
                // Without byte offsets the marker counts characters.
                self.source
                    .text
                    .char_indices()
                    .nth(marker.index())
                    .map_or(self.source.text.len(), |(at, _)| at)
            })
        };
        let (start, end) = (at(&span.start), at(&span.end).min(self.source.text.len()));
        // A block ends where the next line begins; its place is its first line.
        let line_end = self.source.text[start.min(end)..end]
            .find('\n')
            .map_or(end, |newline| start + newline);
        let text = &self.source.text[start.min(end)..line_end.max(start.min(end))];
        Place::new(self.source, start..start + text.trim_end().len())
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the error side of a Result; boxed where it is made"
    )]
    fn refuse(&self, id: &'static str, message: impl Into<String>, span: &Span) -> Refusal {
        Box::new(Finding::error(id, message, &self.place(span)))
    }

    fn next(&mut self) -> Result<(Event<'s>, Span), Refusal> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let place = self.place(&Span::empty(*error.marker()));
                let mut finding = Finding::error("spec/syntax", format!("this is not YAML: {}", error.info()), &place);
                if let Some(tab) = self.tabbed_line() {
                    finding = finding
                        .note(&tab, "a tab")
                        .hint("YAML is indented with spaces, never with tabs");
                }
                Err(Box::new(finding))
            }
            None => Err(Box::new(Finding::new(
                Severity::Error,
                "spec/syntax",
                "the file ends too early",
            ))),
        }
    }

    /// A tab between a key without a value and the end of its line: YAML 1.1 readers refuse it, the parser does not.
    fn tab_after(&self, key: &Place) -> Option<Place> {
        let rest = self.source.text.get(key.end..)?;
        let line = rest.lines().next()?;
        let blank = line.trim_start_matches(['"', '\'']).strip_prefix(':')?;
        let end = blank.len() - blank.trim_start().len();
        let only_blank = matches!(blank[end..].chars().next(), None | Some('#'));
        let at = blank[..end].find('\t').filter(|_| only_blank)?;
        let start = key.end + (line.len() - blank.len()) + at;
        Some(Place::new(self.source, start..start + 1))
    }

    /// The first tab that indents a line.
    fn tabbed_line(&self) -> Option<Place> {
        let mut start = 0;
        for line in self.source.text.split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            if let Some(tab) = line[..indent].find('\t') {
                return Some(Place::new(self.source, start + tab..start + tab + 1));
            }
            start += line.len();
        }
        None
    }

    fn document(&mut self) -> Result<Node, Refusal> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, span) => {
                    return Err(self.refuse("spec/empty", "there is nothing but comments here", &span));
                }
                (event, span) => {
                    let root = self.node(event, span, 0)?;
                    return self.end(root);
                }
            }
        }
    }

    fn end(&mut self, root: Node) -> Result<Node, Refusal> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(..), span) => {
                    return Err(Box::new(*self.refuse(
                        "spec/documents",
                        "a second YAML document begins here",
                        &span,
                    )));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Node, Refusal> {
        if depth > MAX_DEPTH {
            return Err(self.refuse("spec/depth", format!("nested deeper than {MAX_DEPTH} levels"), &span));
        }
        if event.alias_id().is_some() || event.anchor_id().is_some_and(|id| id > 0) {
            let hint = "write the value out; what several nodes share goes into a Fleet's `defaults`";
            return Err(Box::new(
                self.refuse("spec/anchor", "anchors and aliases are not accepted", &span)
                    .hint(hint),
            ));
        }
        if event.tag().is_some() {
            return Err(Box::new(
                self.refuse("spec/tag", "YAML tags are not accepted", &span)
                    .hint("use quotes to make a value text"),
            ));
        }
        let place = self.place(&span);
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = matches!(style, ScalarStyle::Plain);
                Ok(Node {
                    place,
                    kind: Kind::Scalar {
                        text: text.into_owned(),
                        plain,
                    },
                })
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => {
                            return Ok(Node {
                                place,
                                kind: Kind::List(items),
                            });
                        }
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.map(place, depth),
            _ => Err(self.refuse("spec/syntax", "no value can stand here", &span)),
        }
    }

    fn map(&mut self, place: Place, depth: usize) -> Result<Node, Refusal> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Node {
                    place,
                    kind: Kind::Map(entries),
                });
            }
            let key_node = self.node(event, span, depth + 1)?;
            let Kind::Scalar { text: key, .. } = key_node.kind else {
                return Err(Box::new(Finding::error(
                    "spec/key",
                    "a key must be a single word",
                    &key_node.place,
                )));
            };
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, depth + 1)?;
            if let Some(tab) = self.tab_after(&key_node.place).filter(|_| value.is_null()) {
                let finding = Finding::error("spec/syntax", "a tab stands where a value could", &tab);
                return Err(Box::new(finding.hint("YAML is indented with spaces, never with tabs")));
            }
            if value.is_null() || value.text().is_none() {
                // An absent value has no text of its own, a map or list has too much: the key stands for it.
                value.place = key_node.place.clone();
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                self.report.push(
                    Finding::error("spec/duplicate-key", format!("`{key}` is set twice"), &key_node.place)
                        .note(&first.key_place, "first set here")
                        .hint("YAML readers disagree which one wins: keep one"),
                );
                continue;
            }
            entries.push(Entry {
                key,
                key_place: key_node.place,
                value,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<(String, String)> {
        match parse(&Source::new("t.yaml", text)) {
            Ok(_) => Vec::new(),
            Err(report) => report
                .sorted()
                .iter()
                .map(|finding| {
                    (
                        finding.id.to_owned(),
                        finding.place.as_ref().map(ToString::to_string).unwrap_or_default(),
                    )
                })
                .collect(),
        }
    }

    #[test]
    fn refuses_with_a_place() {
        let table = [
            (
                "a: 1\na: 2\nb: 1\nb: 2\n",
                vec![
                    ("spec/duplicate-key", "t.yaml:2:1"),
                    ("spec/duplicate-key", "t.yaml:4:1"),
                ],
            ),
            ("a: &x 1\n", vec![("spec/anchor", "t.yaml:1:7")]),
            ("a: !!str 1\n", vec![("spec/tag", "t.yaml:1:10")]),
            ("a: 1\n---\nb: 1\n", vec![("spec/documents", "t.yaml:2:1")]),
            ("# nothing\n", vec![("spec/empty", "t.yaml:2:1")]),
            ("? [a]\n: 1\n", vec![("spec/key", "t.yaml:1:3")]),
        ];
        for (text, expected) in table {
            let expected: Vec<(String, String)> = expected
                .into_iter()
                .map(|(id, place)| (id.to_owned(), place.to_owned()))
                .collect();
            assert_eq!(ids(text), expected, "{text:?}");
        }
        assert_eq!(
            ids("a: 1\nb: \t\n"),
            [("spec/syntax".to_owned(), "t.yaml:2:4".to_owned())]
        );
        for text in ["b:\t\nc: 1\n", "\"b\": \t # c\n"] {
            assert_eq!(ids(text)[0].0, "spec/syntax", "{text:?}");
        }
        assert_eq!(ids("a: \"\"\nb: # a\ttab\nc:\n  d: \"\tx\"\n"), []);
        for text in ["a:\n\t b: 1\n", "a: [1\n", "a: \"x\n", "a: b: c\n"] {
            assert_eq!(ids(text)[0].0, "spec/syntax", "{text:?}");
        }
        let deep = "[".repeat(5000);
        assert_eq!(ids(&deep)[0].0, "spec/syntax");
    }

    #[test]
    fn keeps_places_and_styles() {
        let source = Source::new("t.yaml", "a: no\nb: \"no\"\nc:\n  - x\n  - y: |\n      z\n");
        let root = parse(&source).unwrap();
        assert_eq!(root.get("a").unwrap().place.to_string(), "t.yaml:1:4");
        assert!(matches!(&root.get("a").unwrap().kind, Kind::Scalar { plain: true, .. }));
        assert!(matches!(
            &root.get("b").unwrap().kind,
            Kind::Scalar { plain: false, .. }
        ));
        let y = root.get("c").unwrap().items()[1].get("y").unwrap();
        assert_eq!(y.text(), Some("z\n"));
        assert_eq!(root.entries()[2].key_place.to_string(), "t.yaml:3:1");
    }

    #[test]
    fn upper_layer_wins_key_by_key() {
        let lower = parse(&Source::new("l", "a: {x: 1, y: 2}\nb: [1]\n")).unwrap();
        let upper = parse(&Source::new("u", "a: {y: 3}\nb: [2]\nc: 4\n")).unwrap();
        let merged = upper.over(&lower);
        assert_eq!(merged.get("a").unwrap().get("x").unwrap().text(), Some("1"));
        assert_eq!(merged.get("a").unwrap().get("y").unwrap().text(), Some("3"));
        assert_eq!(merged.get("b").unwrap().items().len(), 1);
        assert_eq!(merged.get("c").unwrap().text(), Some("4"));
    }
}
