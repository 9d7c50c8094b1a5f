//! From a page to its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, context, syntax::SyntaxConfig};
use sha2::{Digest, Sha256};

use super::Page;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page as HTML. What is allowed to run and to style it is one script and one style sheet, by their digests.
pub fn html(page: &Page) -> Result<String, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, _, value| {
        if value.is_undefined() {
            return Err(Error::from(minijinja::ErrorKind::UndefinedError));
        }
        if value.is_safe() {
            return out.write_str(value.as_str().unwrap_or_default()).map_err(Error::from);
        }
        match value.as_str() {
            Some(text) => escape(text, |piece| out.write_str(piece)).map_err(Error::from),
            None => escape(&value.to_string(), |piece| out.write_str(piece)).map_err(Error::from),
        }
    });
    environment.render_named_str(
        "page.html",
        TEMPLATE,
        context! {
            page => Value::from(Serde(page)),
            style => Value::from_safe_string(STYLE.to_owned()),
            script => Value::from_safe_string(SCRIPT.to_owned()),
            style_hash => digest(STYLE),
            script_hash => digest(SCRIPT),
        },
    )
}

/// As a content security policy names it.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Writes a text so that it is nothing but text, between tags and in quoted attributes (HTML, "Serializing HTML
/// fragments", and the apostrophe).
fn escape<E>(text: &str, mut out: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out(&rest[..at])?;
        out(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[at + 1..];
    }
    out(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_text() {
        let mut text = String::new();
        let _ = escape::<()>("a&b</script><i x='\"'>\u{e4}", |piece| {
            text.push_str(piece);
            Ok(())
        });
        assert_eq!(text, "a&amp;b&lt;/script&gt;&lt;i x=&#39;&quot;&#39;&gt;\u{e4}");
    }
}
