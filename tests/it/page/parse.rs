//! A page as a parser of HTML reads it.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// Where its text begins in the document's.
    start: usize,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// 1 for `h1`.
    pub fn heading(&self) -> Option<u32> {
        let level = self.name.strip_prefix('h')?.parse().ok()?;
        (1..=6).contains(&level).then_some(level)
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct Document {
    pub elements: Vec<Element>,
    /// All text but that of scripts and style sheets.
    pub text: String,
    pub errors: Vec<String>,
    /// Where the text of each `pre` ends.
    ends: Vec<usize>,
    skipped: bool,
}

/// A document with what comes from `id` on.
pub struct From<'d> {
    document: &'d Document,
    at: usize,
}

impl From<'_> {
    /// The text of the first `pre`.
    pub fn pre(&self) -> Option<String> {
        let elements = &self.document.elements[self.at..];
        let at = elements.iter().position(|element| element.name == "pre")?;
        let start = elements[at].start;
        let end = self.document.ends.iter().find(|end| **end >= start)?;
        Some(self.document.text[start..*end].to_owned())
    }
}

impl Document {
    pub fn by_id(&self, id: &str) -> Option<From<'_>> {
        let at = self
            .elements
            .iter()
            .position(|element| element.attribute("id") == Some(id))?;
        Some(From { document: self, at })
    }

    /// Whether a picture says nothing that is not said beside it.
    pub fn is_decoration(&self, element: &Element) -> bool {
        let before = self.elements.iter().take_while(|other| !std::ptr::eq(*other, element));
        before
            .filter(|other| other.name == "p")
            .last()
            .is_some_and(|paragraph| paragraph.attribute("aria-hidden") == Some("true"))
    }
}

#[derive(Default)]
struct Sink(RefCell<Document>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut document = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let name = tag.name.to_string();
                if tag.kind == TagKind::StartTag {
                    document.skipped = name == "script" || name == "style";
                    let start = document.text.len();
                    let attributes = tag.attrs.iter();
                    let attributes = attributes.map(|one| (one.name.local.to_string(), one.value.to_string()));
                    document.elements.push(Element {
                        attributes: attributes.collect(),
                        start,
                        name: name.clone(),
                    });
                    return match name.as_str() {
                        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                        "style" => TokenSinkResult::RawData(RawKind::Rawtext),
                        "title" => TokenSinkResult::RawData(RawKind::Rcdata),
                        _ => TokenSinkResult::Continue,
                    };
                }
                document.skipped = false;
                if name == "pre" {
                    let end = document.text.len();
                    document.ends.push(end);
                }
            }
            Token::CharacterTokens(text) if !document.skipped => document.text.push_str(&text),
            Token::NullCharacterToken => document.errors.push(format!("line {line}: NUL")),
            Token::ParseError(error) => document.errors.push(format!("line {line}: {error}")),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Reads a page, or a part of one.
pub fn parse(html: &str) -> Document {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let options = TokenizerOpts {
        exact_errors: true,
        ..TokenizerOpts::default()
    };
    let tokenizer = Tokenizer::new(Sink::default(), options);
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// What people read on a page, without the contents of files and the list of values: a line for each line of its HTML.
pub fn outline(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html.split_once("<body>").unwrap().1;
    while let Some((before, after)) = rest.split_once("<pre") {
        text.push_str(before);
        rest = after.split_once("</pre>").unwrap().1;
    }
    text.push_str(rest);
    let (head, values) = text.split_once("<h3>Values</h3>").unwrap();
    let tail = values.rsplit_once("</dl>").unwrap().1;
    let terms = head.replace("</dt><dd>", ": ").replace("<br>", " ");
    let rows = terms
        .replace("</td><td", "</td> | <td")
        .replace("</th><td", "</th> | <td");
    let rows = rows.replace("</th><th", "</th> | <th").replace("</a></th>", "</a> ");
    let lines: Vec<String> = parse(&format!("{rows}{tail}"))
        .text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}
