//! Tables of plain rows, too long to be read whole at each bake: the rows are sorted, so one is found by bisection.

use super::Catalog;

/// A table of comma-separated rows without quoting: a header, then rows in byte order.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'c> {
    /// The whole file.
    text: &'c str,
    /// Where the rows begin, as little-endian numbers of 32 bits; none where they may be in any order.
    starts: Option<&'c [[u8; 4]]>,
}

impl Catalog {
    /// The table at `path`; an empty one if the catalog has no such file. A user's own file may be in any order.
    pub fn rows(&self, path: &str) -> Rows<'_> {
        Rows {
            text: self.file(path).map_or("", |source| &*source.text),
            starts: self.starts(path).map(|starts| starts.as_chunks().0),
        }
    }
}

impl<'c> Rows<'c> {
    /// Every row.
    pub fn all(self) -> impl Iterator<Item = &'c str> {
        let rows = self.text.lines().skip(1);
        rows.filter(|row| !row.is_empty() && !row.starts_with('#'))
    }

    /// What follows `start` in each row that begins with it.
    pub fn starting<'s>(self, start: &'s str) -> impl Iterator<Item = &'c str> + use<'c, 's> {
        let from = match self.starts {
            Some(starts) => {
                let first = starts.partition_point(|at| &self.text.as_bytes()[offset(*at)..] < start.as_bytes());
                starts.get(first).map_or(self.text.len(), |at| offset(*at))
            }
            None => self.text.find('\n').map_or(self.text.len(), |end| end + 1),
        };
        let is_sorted = self.starts.is_some();
        self.text[from..]
            .lines()
            .take_while(move |row| !is_sorted || row.starts_with(start))
            .filter_map(move |row| row.strip_prefix(start))
    }
}

fn offset(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_beginning() {
        let text = "kind,number\n# why\na,1\na,2\nab,3\nb,4\nd,5\n";
        let starts = [18u32, 22, 26, 31, 35].map(u32::to_le_bytes);
        for starts in [Some(&starts[..]), None] {
            let rows = Rows { text, starts };
            let found = |start: &str| rows.starting(start).collect::<Vec<_>>();
            assert_eq!(found("a,"), ["1", "2"]);
            assert_eq!(found("ab,"), ["3"]);
            assert_eq!(found("d,"), ["5"]);
            assert_eq!(found("a"), [",1", ",2", "b,3"]);
            assert_eq!(found("c,"), [""; 0]);
            assert_eq!(found("e,"), [""; 0]);
            assert_eq!(found("A"), [""; 0]);
        }
    }

    #[test]
    fn the_tables_are_sorted() {
        let catalog = Catalog::embedded();
        for path in ["profiles/systemd/keys.csv", "profiles/systemd/specifiers.csv"] {
            let table = catalog.rows(path);
            let rows: Vec<&str> = table.all().collect();
            let starts = table.starts.unwrap().iter().map(|at| &table.text[offset(*at)..]);
            let at_starts: Vec<&str> = starts.filter_map(|text| text.lines().next()).collect();
            assert_eq!(at_starts, rows);
            assert!(
                rows.len() > 30 && rows.is_sorted(),
                "{path} is not sorted: LC_ALL=C sort"
            );
            let columns: Vec<usize> = rows.iter().map(|row| row.matches(',').count()).collect();
            assert!(
                columns.iter().all(|count| *count == columns[0]),
                "{path}: a row has other columns"
            );
        }
    }
}
