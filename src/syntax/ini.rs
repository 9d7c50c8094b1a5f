//! The syntax of AWS configuration files: sections, `key = value`, whole-line comments.

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The section it stands in.
    pub section: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// All pairs, or the first line (counted from 1) that is none. A key twice in one section is refused: readers disagree
/// which wins.
pub fn parse(text: &str) -> Result<Vec<Pair>, usize> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut section = None;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = Some(name.trim().to_owned());
            continue;
        }
        let section = section.clone().ok_or(at + 1)?;
        let (key, value) = trimmed.split_once('=').ok_or(at + 1)?;
        let pair = Pair {
            section,
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
        };
        let twice = pairs
            .iter()
            .any(|other| other.section == pair.section && other.key == pair.key);
        if pair.key.is_empty() || line.starts_with([' ', '\t']) || twice {
            return Err(at + 1);
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs_and_refuses_the_rest() {
        let read = parse("# c\n[profile node]\nregion = us-east-1\n").unwrap();
        assert_eq!(
            (read[0].section.as_str(), read[0].key.as_str(), read[0].value.as_str()),
            ("profile node", "region", "us-east-1")
        );
        for (bad, line) in [
            ("a=1\n", 1),
            ("[x]\na\n", 2),
            ("[x]\na=1\na=2\n", 3),
            ("[x]\n a=1\n", 2),
            ("[x]\n=1\n", 2),
        ] {
            assert_eq!(parse(bad), Err(line), "{bad:?}");
        }
    }
}
