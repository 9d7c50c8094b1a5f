//! Versions of images.

use std::cmp::Ordering;

use super::Image;

/// The newest of some images: by version, then by the time it was made.
pub fn newest<'i>(images: impl Iterator<Item = &'i Image>) -> Option<&'i Image> {
    images.max_by(|one, other| {
        compare(&one.version, &other.version)
            .then_with(|| one.created.cmp(&other.created))
            .then_with(|| one.id.cmp(&other.id))
    })
}

/// Versions such as `22.4.5-2141`: number by number.
fn compare(one: &str, other: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<u64> {
        let parts = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty());
        parts.map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    };
    numbers(one).cmp(&numbers(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        for (older, newer) in [
            ("22.4.5-2141", "22.4.5-10000"),
            ("22.4.5-2141", "22.4.10-1"),
            ("9", "10"),
            ("24.04", "24.04.1"),
            ("", "1"),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{older} {newer}");
        }
        assert_eq!(compare("22.4.5", "22.4.5"), Ordering::Equal);
    }
}
