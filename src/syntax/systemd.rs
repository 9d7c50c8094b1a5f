//! The syntax of systemd units (systemd.syntax(7)): sections, assignments, continuations, comments.

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The section it stands in.
    pub section: String,
    /// The key.
    pub key: String,
    /// The value, continuation lines joined by a blank.
    pub value: String,
    /// The line it begins at, counted from 1.
    pub line: usize,
}

/// A line that is neither a section, an assignment nor a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// All assignments of a unit, in order. A repeated key stays repeated: for many keys that means a list.
pub fn parse(text: &str) -> Result<Vec<Assignment>, BadLine> {
    let mut assignments = Vec::new();
    let mut section: Option<String> = None;
    let mut lines = text.lines().enumerate();
    while let Some((at, first)) = lines.next() {
        let line = at + 1;
        let trimmed = first.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let name = rest.strip_suffix(']').filter(|name| !name.is_empty());
            section = Some(
                name.ok_or(BadLine {
                    line,
                    why: "a section header needs a name and a closing `]`",
                })?
                .to_owned(),
            );
            continue;
        }
        let mut whole = String::new();
        let mut piece = first;
        loop {
            let Some(continued) = piece.strip_suffix('\\') else {
                whole.push_str(piece);
                break;
            };
            whole.push_str(continued);
            whole.push(' ');
            // Comment lines inside a continuation are skipped by systemd.
            piece = loop {
                match lines.next() {
                    Some((_, next)) if next.trim_start().starts_with(['#', ';']) => {}
                    Some((_, next)) => break next,
                    None => {
                        return Err(BadLine {
                            line,
                            why: "the continuation is not followed by a line",
                        });
                    }
                }
            };
        }
        let Some(section) = &section else {
            return Err(BadLine {
                line,
                why: "an assignment stands before the first section",
            });
        };
        let (key, value) = whole.split_once('=').ok_or(BadLine {
            line,
            why: "neither a section nor `Key=value`",
        })?;
        let key = key.trim();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(BadLine {
                line,
                why: "the key is not a word",
            });
        }
        assignments.push(Assignment {
            section: section.clone(),
            key: key.to_owned(),
            value: value.trim().to_owned(),
            line,
        });
    }
    Ok(assignments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_refuses_the_rest() {
        let unit = "# c\n[Unit]\nAfter=a.service\n\n[Service]\nExecStart=/bin/x \\\n  # inside\n  --flag\n";
        let read = parse(unit).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[1].key.as_str(), read[1].line), ("ExecStart", 6));
        assert_eq!(
            read[1].value.split_whitespace().collect::<Vec<_>>(),
            ["/bin/x", "--flag"]
        );
        for (bad, line) in [
            ("Key=v\n", 1),
            ("[Unit\n", 1),
            ("[]\n", 1),
            ("[U]\nnothing\n", 2),
            ("[U]\nA=b\\\n", 2),
            ("[U]\na b=c\n", 2),
        ] {
            assert_eq!(parse(bad).unwrap_err().line, line, "{bad:?}");
        }
    }
}
