//! The syntax of sysctl.d(5).

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name, with dots.
    pub key: String,
    /// The value.
    pub value: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// All settings, or the first line (counted from 1) that is none.
pub fn parse(text: &str) -> Result<Vec<Setting>, usize> {
    let mut settings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (key, value) = line.split_once('=').ok_or(at + 1)?;
        let key = key.trim().trim_start_matches('-');
        let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
        if key.is_empty() || !key.chars().all(tame) || value.trim().is_empty() {
            return Err(at + 1);
        }
        // `/` and `.` are interchangeable when a slash comes first.
        let key = if key.contains('/') && !key.contains('.') {
            key.replace('/', ".")
        } else {
            key.to_owned()
        };
        settings.push(Setting {
            key,
            value: value.trim().to_owned(),
            line: at + 1,
        });
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_settings_and_refuses_the_rest() {
        let read = parse("# c\nvm.panic_on_oom = 0\n-net/ipv4/ip_forward=1\n").unwrap();
        assert_eq!(
            (read[0].key.as_str(), read[0].value.as_str(), read[0].line),
            ("vm.panic_on_oom", "0", 2)
        );
        assert_eq!(read[1].key, "net.ipv4.ip_forward");
        for (bad, line) in [("x\n", 1), ("a = 1\n= 2\n", 2), ("a b = 1\n", 1), ("a =\n", 1)] {
            assert_eq!(parse(bad), Err(line), "{bad:?}");
        }
    }
}
