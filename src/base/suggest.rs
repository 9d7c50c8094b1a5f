//! "Did you mean": the known word nearest to a mistyped one.

/// The word of `known` that `typed` was most likely meant to be, if one is near enough to name.
pub fn closest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    within(typed, (typed.chars().count() / 3).max(1), known)
}

/// The word of `known` that `typed` is but for one or two slips: near enough to call it a mistake.
pub fn misspelled<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    within(typed, 2, known)
}

fn within<'k>(typed: &str, limit: usize, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = typed.len();
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(length) <= 4 * limit)
        .map(|word| (distance(&typed.to_lowercase(), &word.to_lowercase()), word))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Edits between two words: insert, delete, replace, and swap of two neighbours (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(a != b))
                .min(rows[i][j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_only() {
        let known = ["maxPods", "podsPerCore", "clusterDNS", "image"];
        for (typed, meant) in [
            ("maxPodz", Some("maxPods")),
            ("clusterDns", Some("clusterDNS")),
            ("imgae", Some("image")),
            ("maxpods", Some("maxPods")),
            ("kubelet", None),
            ("x", None),
        ] {
            assert_eq!(closest(typed, known), meant, "{typed}");
        }
    }
}
