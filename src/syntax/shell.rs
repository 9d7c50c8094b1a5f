//! What can be said of a shell script without running it: quotes and here-documents that are never closed.

/// Something that is opened and never closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The line it was opened in, counted from 1.
    pub line: usize,
    /// What it is, with its article.
    pub what: String,
}

/// One thing the scan is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Single,
    /// `$'…'`, where a backslash keeps a quote.
    Ansi,
    Double,
    /// `${…}`
    Brace,
    /// `$(…)`, `(…)` and what is inside.
    Paren,
    Backtick,
}

/// The first thing that is opened and never closed. `None` too where only a real shell can tell: a `case` inside a
/// substitution has parentheses that pair with nothing.
pub fn unfinished(text: &str) -> Option<Unfinished> {
    let mut scan = Scan {
        chars: text.chars().collect(),
        at: 0,
        line: 1,
        open: Vec::new(),
        documents: Vec::new(),
    };
    scan.run()
}

struct Scan {
    chars: Vec<char>,
    at: usize,
    line: usize,
    open: Vec<(Inside, usize)>,
    /// Here-documents whose text begins with the next line: the word, whether tabs before it are ignored, the line.
    documents: Vec<(String, bool, usize)>,
}

impl Scan {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn run(&mut self) -> Option<Unfinished> {
        while let Some(c) = self.peek(0) {
            if c == '\n' {
                self.line += 1;
                self.at += 1;
                if let Some(unfinished) = self.skip_documents() {
                    return Some(unfinished);
                }
                continue;
            }
            let inside = self.open.last().map(|(inside, _)| *inside);
            match inside {
                Some(Inside::Ansi) if c == '\\' => self.escape(),
                Some(Inside::Single | Inside::Ansi) => self.close_on(c, '\''),
                _ if c == '\\' => self.escape(),
                Some(Inside::Double) => match c {
                    '"' => self.close(),
                    '$' => self.expansion(),
                    '`' => self.toggle_backtick(),
                    _ => self.at += 1,
                },
                _ => {
                    if self.gives_up() {
                        return None;
                    }
                    self.command(c, inside);
                }
            }
        }
        let open = self.open.first().copied();
        let document = self.documents.first().cloned();
        open.map(|(inside, line)| Unfinished {
            line,
            what: match inside {
                Inside::Single | Inside::Ansi => "a single quote".into(),
                Inside::Double => "a double quote".into(),
                Inside::Brace => "a `${`".into(),
                Inside::Paren => "a parenthesis".into(),
                Inside::Backtick => "a backtick".into(),
            },
        })
        .or_else(|| document.map(|(word, _, line)| here_document(&word, line)))
    }

    /// One character of a command: outside of quotes.
    fn command(&mut self, c: char, inside: Option<Inside>) {
        match c {
            // In "${a:-it's}" a single quote is itself.
            '\'' if inside == Some(Inside::Brace) && self.is_quoted_brace() => self.at += 1,
            '\'' => self.open(Inside::Single),
            '"' => self.open(Inside::Double),
            '$' => self.expansion(),
            '`' => self.toggle_backtick(),
            '}' if inside == Some(Inside::Brace) => self.close(),
            '(' if inside != Some(Inside::Brace) => self.open(Inside::Paren),
            ')' if inside == Some(Inside::Paren) => self.close(),
            '#' if inside != Some(Inside::Brace) && self.begins_word() => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
            }
            '<' if self.peek(1) == Some('<') && inside != Some(Inside::Brace) => self.here(),
            _ => self.at += 1,
        }
    }

    /// A `case` inside parentheses, whose patterns end in parentheses of their own. At the top level they close
    /// nothing and are passed over.
    fn gives_up(&self) -> bool {
        let here = &self.chars[self.at..];
        let inside = self.open.iter().any(|(inside, _)| *inside == Inside::Paren);
        inside && self.begins_word() && here.starts_with(&['c', 'a', 's', 'e', ' '])
    }

    fn begins_word(&self) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.chars[at]);
        before.is_none_or(|c| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')'))
    }

    fn is_quoted_brace(&self) -> bool {
        let around = self.open.iter().rev().map(|(inside, _)| *inside);
        around.into_iter().find(|inside| *inside != Inside::Brace) == Some(Inside::Double)
    }

    fn open(&mut self, inside: Inside) {
        self.open.push((inside, self.line));
        self.at += 1;
    }

    fn close(&mut self) {
        self.open.pop();
        self.at += 1;
    }

    fn close_on(&mut self, c: char, quote: char) {
        if c == quote {
            self.close();
        } else {
            self.at += 1;
        }
    }

    fn escape(&mut self) {
        if self.peek(1) == Some('\n') {
            self.line += 1;
        }
        self.at += 2;
    }

    fn toggle_backtick(&mut self) {
        if self.open.iter().any(|(inside, _)| *inside == Inside::Backtick) {
            self.close();
        } else {
            self.open(Inside::Backtick);
        }
    }

    fn expansion(&mut self) {
        self.at += 1;
        let quoted = matches!(self.open.last(), Some((Inside::Double, _)));
        match self.peek(0) {
            Some('(') => self.open(Inside::Paren),
            Some('{') => self.open(Inside::Brace),
            Some('\'') if !quoted => self.open(Inside::Ansi),
            // The number of arguments, a process: no comment, no quote.
            Some('#' | '$' | '?' | '!') => self.at += 1,
            _ => {}
        }
    }

    /// `<<WORD`, `<<-WORD`, `<<<` and the shift of arithmetic.
    fn here(&mut self) {
        self.at += 2;
        if self.peek(0) == Some('<') {
            self.at += 1;
            return;
        }
        let tabs = self.peek(0) == Some('-');
        self.at += usize::from(tabs);
        while matches!(self.peek(0), Some(' ' | '\t')) {
            self.at += 1;
        }
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|c| !c.is_whitespace() && !";|&<>()".contains(*c)) {
            if !matches!(c, '\'' | '"' | '\\') {
                word.push(c);
            }
            self.at += 1;
        }
        // A number is what arithmetic shifts by.
        if !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()) {
            self.documents.push((word, tabs, self.line));
        }
    }

    /// Passes over the texts of the here-documents that begin at this line.
    fn skip_documents(&mut self) -> Option<Unfinished> {
        for (word, tabs, opened) in std::mem::take(&mut self.documents) {
            loop {
                let rest = &self.chars[self.at..];
                if rest.is_empty() {
                    return Some(here_document(&word, opened));
                }
                let end = rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                let line: String = rest[..end].iter().collect();
                self.at = (self.at + end + 1).min(self.chars.len());
                self.line += 1;
                let line = if tabs { line.trim_start_matches('\t') } else { &line };
                if line == word {
                    break;
                }
            }
        }
        None
    }
}

fn here_document(word: &str, line: usize) -> Unfinished {
    Unfinished {
        line,
        what: format!("a here-document that ends with `{word}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_scripts() {
        for good in [
            "echo 'it''s' \"a $(b \"c\") ${d#e} ${#f} $# $'g\\'h'\" # isn't\n",
            "cat <<EOF\nit's\nEOF\necho \"$(cat <<-'X'\n\t)\n\tX\n)\"\n",
            "case $a in (b) c ;; d) e ;; esac\n(f; g) | h\nx=$((1 << 2)); y=`z`; [[ a =~ ^(b|c)$ ]]\n",
            "a=${b:-\"c'd\"} e=\"${f:-it's}\" <<<word g\\'h i#j\n",
            "x=$(case a in b) c;; esac\n",
        ] {
            assert_eq!(unfinished(good), None, "{good}");
        }
    }

    #[test]
    fn unfinished_scripts() {
        for (bad, line) in [
            ("a\necho \"b\nc\n", 2),
            ("echo 'b\n", 1),
            ("x\nx=$(a\n", 2),
            ("a\ncat <<EOF\nx\n EOF\n", 2),
            ("cat <<EOF", 1),
            ("a=${b\n", 1),
        ] {
            assert_eq!(unfinished(bad).map(|found| found.line), Some(line), "{bad}");
        }
    }
}
