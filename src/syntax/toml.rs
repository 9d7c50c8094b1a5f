//! TOML, read by the `toml` crate.

/// Why a text is not TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TomlError {
    /// The line it went wrong at, counted from 1.
    pub line: usize,
    /// The parser's message.
    pub message: String,
}

/// The document as a table.
pub fn parse(text: &str) -> Result<::toml::Table, TomlError> {
    text.parse::<::toml::Table>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        TomlError {
            line: text[..at].matches('\n').count() + 1,
            message: error.message().to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_a_line() {
        assert!(parse("a = 1\n[b]\nc = 'x'\n").is_ok());
        assert_eq!(parse("a = 1\n[b\nc = 'x'\n").unwrap_err().line, 2);
        assert_eq!(parse("a = 1\na = 2\n").unwrap_err().line, 2);
    }
}
