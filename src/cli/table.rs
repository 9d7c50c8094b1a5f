//! Plain tables.

/// Rows under their heads, columns as wide as their widest cell. Columns of numbers are aligned to the right.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .map(|row| row.get(column).map_or(0, |cell| cell.chars().count()));
        cells.max().unwrap_or(0).max(heads[column].len())
    };
    let numeric = |column: usize| {
        rows.iter().all(|row| {
            row.get(column)
                .is_some_and(|cell| cell.is_empty() || cell == "-" || cell.parse::<f64>().is_ok())
        })
    };
    let columns: Vec<(usize, bool)> = (0..heads.len())
        .map(|column| (width(column), numeric(column)))
        .collect();
    let line = |cells: Vec<&str>| {
        let mut line = String::new();
        for (cell, (width, right)) in cells.iter().zip(&columns) {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            let text = if *right {
                format!("{pad}{cell}")
            } else {
                format!("{cell}{pad}")
            };
            line.push_str(&text);
            line.push_str("  ");
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(heads.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}
