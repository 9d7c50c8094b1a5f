//! Foreign words, and the words of a command.

/// The longest foreign text that is shown.
const MOST: usize = 300;

/// The shortest run of letters that could be a key: secret keys have 40.
const KEY: usize = 40;

/// Foreign text as one short line; long runs, which could be keys, are masked.
pub fn clean(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    let end = |run: &mut String, out: &mut String| {
        out.push_str(if run.len() >= KEY { "***" } else { run });
        run.clear();
    };
    for c in text.trim().chars() {
        if c.is_ascii_alphanumeric() || "/+=".contains(c) {
            run.push(c);
            continue;
        }
        end(&mut run, &mut out);
        if c == ' ' || c.is_ascii_graphic() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    end(&mut run, &mut out);
    // Plain ASCII by now, so that every place is a letter's begin.
    out.truncate(MOST);
    out.truncate(out.trim_end().len());
    out
}

/// The words of a command as a POSIX shell splits them, without a shell's other powers: `$`, `;` and `*` are letters.
/// `None` if a quote does not end.
pub(super) fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = command.chars();
    while let Some(c) = letters.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(letters.next()?),
            '\'' => loop {
                match letters.next()? {
                    '\'' => {
                        word.get_or_insert_default();
                        break;
                    }
                    c => word.get_or_insert_default().push(c),
                }
            },
            '"' => loop {
                let word = word.get_or_insert_default();
                match letters.next()? {
                    '"' => break,
                    '\\' => match letters.next()? {
                        c @ ('"' | '\\') => word.push(c),
                        c => word.extend(['\\', c]),
                    },
                    c => word.push(c),
                }
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_key_is_masked() {
        let key = "a/B+".repeat(10);
        assert_eq!(clean(&format!(" it is\n\n{key}, no\u{e9} ")), "it is ***, no");
        assert_eq!(clean(&key[1..]), &key[1..]);
        assert_eq!(clean(&"a ".repeat(400)).len(), 299);
    }

    #[test]
    fn a_command_is_split_as_a_shell_does() {
        let split = |text: &str| words(text).map(|words| words.join("|"));
        for (text, want) in [
            ("/bin/echo $HOME; exit 7", Some("/bin/echo|$HOME;|exit|7")),
            (r#"a 'b c' "d \" \x" e\ f ''"#, Some(r#"a|b c|d " \x|e f|"#)),
            ("", Some("")),
            ("a 'b", None),
            ("a \"b", None),
            ("a \\", None),
        ] {
            assert_eq!(split(text).as_deref(), want, "{text}");
        }
    }
}
