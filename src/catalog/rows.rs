//! Tables of plain rows, too long to be read whole at each bake: the rows are sorted, so one is found by bisection.

use memchr::{memchr, memrchr};

use super::Catalog;

/// A table of comma-separated rows without quoting: a header, then rows in byte order.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'c> {
    text: &'c str,
    sorted: bool,
}

impl Catalog {
    /// The table at `path`; an empty one if the catalog has no such file. A user's own file may be in any order.
    pub fn rows(&self, path: &str) -> Rows<'_> {
        let text = self.file(path).map_or("", |source| &*source.text);
        Rows {
            text: text.split_once('\n').map_or("", |(_, rows)| rows),
            sorted: !self.is_overlaid(path),
        }
    }
}

impl<'c> Rows<'c> {
    /// Every row.
    pub fn all(self) -> impl Iterator<Item = &'c str> {
        self.text.lines().filter(|row| !row.is_empty() && !row.starts_with('#'))
    }

    /// What follows `start` in each row that begins with it.
    pub fn starting<'s>(self, start: &'s str) -> impl Iterator<Item = &'c str> + use<'c, 's> {
        let from = if self.sorted { self.first_at(start) } else { 0 };
        let sorted = self.sorted;
        self.text[from..]
            .lines()
            .take_while(move |row| !sorted || row.starts_with(start))
            .filter_map(move |row| row.strip_prefix(start))
    }

    /// Where the first row stands that is not before `start`.
    fn first_at(self, start: &str) -> usize {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            // Offsets of line ends, not of letters: no letter is cut.
            let bytes = self.text.as_bytes();
            let begin = memrchr(b'\n', &bytes[..middle]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &bytes[middle..]).map_or(bytes.len(), |at| middle + at + 1);
            if &bytes[begin..end] < start.as_bytes() {
                low = end;
            } else {
                high = begin;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_their_beginning() {
        let text = "a,1\na,2\nab,3\nb,4\nd,5\n";
        for sorted in [true, false] {
            let rows = Rows { text, sorted };
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
            let rows: Vec<&str> = catalog.rows(path).all().collect();
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
