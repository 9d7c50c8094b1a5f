//! The install list: what an installer carries out for one node. A table of text, because `install.sh` reads it too.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::base::{AbsPath, Member, Sha256};

/// Its first line.
const HEAD: &str = "# nodebake install list v1";

/// Where the machine's own record of nodebake lies.
pub const STATE: &str = "/var/lib/nodebake";

/// Which part of an installation a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A file of the node.
    Node,
    /// A file that only an image needs while it is built: it starts first boot.
    Image,
    /// A file of the machine's own record, below [`STATE`].
    State,
}

impl Part {
    const ALL: [Self; 3] = [Self::Node, Self::Image, Self::State];

    /// Its word in the list.
    pub fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Image => "image",
            Self::State => "state",
        }
    }
}

/// One file to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which part it is of.
    pub part: Part,
    /// Where it goes, with its mode, size and digest.
    pub file: Member,
    /// Its name in the bundle.
    pub member: MemberName,
}

/// The name of a file in a bundle: a clean relative path of printable ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberName(AbsPath);

impl MemberName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0.as_str()[1..]
    }
}

impl FromStr for MemberName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = format!("/{text}").parse();
        path.map(Self)
            .map_err(|_| format!("`{}` is no name of a file in a bundle", text.escape_default()))
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The text of the list, sorted by part and path. Columns are separated by one tab.
pub fn write_list(lines: &[Line]) -> String {
    let mut sorted: Vec<&Line> = lines.iter().collect();
    sorted.sort_by(|a, b| (a.part, &a.file.path).cmp(&(b.part, &b.file.path)));
    let mut text = format!("{HEAD}\n");
    for line in sorted {
        let Line { part, file, member } = line;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{member}\t{}",
            part.word(),
            file.sha256,
            file.mode,
            file.size,
            file.path
        );
    }
    text
}

/// Reads a list back. Nothing in it is believed before it was looked at: paths are clean, no path comes twice, and what
/// is said to be of the machine's record lies there.
pub fn parse_list(text: &str) -> Result<Vec<Line>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return Err(format!("an install list begins with `{HEAD}`"));
    }
    let mut read: Vec<Line> = Vec::new();
    let mut paths = std::collections::BTreeSet::new();
    for (at, text) in lines.enumerate() {
        let wrong = |why: String| format!("line {} of the install list: {why}", at + 2);
        let line = parse_line(text).map_err(wrong)?;
        let path = line.file.path.as_str();
        if (line.part == Part::State) != line.file.path.is_below(STATE) {
            return Err(wrong(format!("`{path}` is not where {} files go", line.part.word())));
        }
        if !paths.insert(path.to_owned()) {
            return Err(wrong(format!("`{path}` comes twice")));
        }
        read.push(line);
    }
    Ok(read)
}

fn parse_line(text: &str) -> Result<Line, String> {
    let cells: Vec<&str> = text.split('\t').collect();
    let &[part, sha256, mode, size, member, path] = cells.as_slice() else {
        return Err("a line has six columns: part, sha256, mode, size, member, path".into());
    };
    let part = Part::ALL
        .into_iter()
        .find(|known| known.word() == part)
        .ok_or_else(|| format!("`{}` is no part: node, image or state", part.escape_default()))?;
    Ok(Line {
        part,
        file: Member {
            path: path.parse::<AbsPath>()?,
            mode: mode.parse()?,
            size: size
                .parse()
                .map_err(|_| format!("`{}` is no size", size.escape_default()))?,
            sha256: sha256.parse::<Sha256>()?,
        },
        member: member.parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Mode;

    fn line(part: Part, path: &str) -> Line {
        Line {
            part,
            file: Member {
                path: path.parse().unwrap(),
                mode: Mode::PUBLIC,
                size: 3,
                sha256: Sha256::of(b"abc"),
            },
            member: "nodes/a/node/etc/x".parse().unwrap(),
        }
    }

    #[test]
    fn a_list_comes_back_sorted() {
        let lines = [
            line(Part::State, "/var/lib/nodebake/stage/etc/x"),
            line(Part::Node, "/etc/x"),
            line(Part::Image, "/etc/i"),
        ];
        let read = parse_list(&write_list(&lines)).unwrap();
        assert_eq!(read, [lines[1].clone(), lines[2].clone(), lines[0].clone()]);
    }

    #[test]
    fn bad_lists_are_refused() {
        let good = write_list(&[line(Part::Node, "/etc/x")]);
        let row = good.lines().nth(1).unwrap();
        for bad in [
            String::new(),
            row.to_owned(),
            format!("{good}{row}\n"),
            good.replace("\t/etc/x", "\t/etc/../x"),
            good.replace("nodes/a", "../a"),
            good.replace("nodes/a", "/nodes/a"),
            good.replace("0644", "644"),
            good.replace("node\t", "root\t"),
            good.replace("node\t", "state\t"),
            good.replace("\t3\t", "\t-3\t"),
            good.replace("\t/etc/x", "\t/var/lib/nodebake/x"),
            good.replace('\t', " "),
        ] {
            assert!(parse_list(&bad).is_err(), "{bad:?}");
        }
    }
}
