//! Durations and CPU lists as Kubernetes writes them.

/// A Go duration (`time.ParseDuration`) in nanoseconds: numbers with units, or a bare 0.
pub(in crate::verify) fn nanoseconds(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let (unit, scale) = [
            ("ns", 1),
            ("us", 1_000),
            ("µs", 1_000),
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("m", 60_000_000_000),
            ("h", 3_600_000_000_000),
        ]
        .into_iter()
        .find(|(unit, _)| {
            after
                .strip_prefix(*unit)
                .is_some_and(|next| next.is_empty() || next.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        })?;
        total = total.checked_add(scaled(number, scale)?)?;
        rest = &after[unit.len()..];
    }
    // Go keeps a duration in 63 bits of nanoseconds.
    i64::try_from(total).ok().map(|total| sign * i128::from(total))
}

/// A decimal number times `scale`, cut off below one.
fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let part = |digits: &str| {
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse::<i128>().ok()
        }
    };
    let tenth = 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    part(whole)?
        .checked_mul(scale)?
        .checked_add(part(fraction)?.checked_mul(scale)? / tenth)
}

/// The ranges of a CPU list such as `0-3,8` (k8s.io/utils/cpuset), or what is wrong with it.
pub(super) fn cpu_ranges(text: &str) -> Result<Vec<(u32, u32)>, String> {
    let cpu = |word: &str| {
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { word.parse().ok() } else { None };
        number.ok_or_else(|| format!("`{word}` is no number of a CPU"))
    };
    let mut ranges = Vec::new();
    for piece in text.split(',') {
        let (first, last) = match piece.split_once('-') {
            Some((first, last)) => (cpu(first)?, cpu(last)?),
            None => (cpu(piece)?, cpu(piece)?),
        };
        if first > last {
            return Err(format!("`{piece}` runs backwards"));
        }
        ranges.push((first, last));
    }
    ranges.sort_unstable();
    Ok(ranges)
}

/// How many CPUs sorted ranges name, each counted once.
pub(super) fn cpu_count(ranges: &[(u32, u32)]) -> u64 {
    let (mut count, mut next) = (0, 0u64);
    for (first, last) in ranges {
        let first = u64::from(*first).max(next);
        let end = u64::from(*last) + 1;
        count += end.saturating_sub(first);
        next = next.max(end);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for (good, value) in [
            ("0", 0),
            ("10s", 10_000_000_000),
            ("2m30s", 150_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("100ms", 100_000_000),
            ("-5s", -5_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
        ] {
            assert_eq!(nanoseconds(good), Some(value), "{good}");
        }
        for bad in [
            "",
            "10",
            "s",
            "10 s",
            "1d",
            "1.2.3s",
            "m5",
            "-",
            ".s",
            "9999999h",
            "99999999999999999999999999999999999999999s",
            "1ß",
        ] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn cpu_lists() {
        assert_eq!(cpu_ranges("0-3,8").map(|ranges| cpu_count(&ranges)), Ok(5));
        assert_eq!(cpu_ranges("2,0-3,3-4").map(|ranges| cpu_count(&ranges)), Ok(5));
        assert_eq!(cpu_ranges("0-4294967295").map(|ranges| cpu_count(&ranges)), Ok(1 << 32));
        for bad in ["", "a", "3-1", "1,", "-1", "1-", "0 - 3", "99999999999"] {
            assert!(cpu_ranges(bad).is_err(), "{bad}");
        }
    }
}
