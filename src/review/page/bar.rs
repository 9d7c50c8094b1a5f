//! A bar: what a whole is made of. Its numbers are for an SVG of 1,000 units; a table beside it says the same in words.

use serde::Serialize;

use crate::review::words::grouped;

/// Units of the picture's width.
const WIDE: u64 = 1000;
/// Colours there are; what comes later shares the last one.
const COLOURS: usize = 8;

/// What amounts are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Thousandths of a CPU.
    MilliCpu,
    /// Mebibytes.
    Mib,
    /// Bytes.
    Byte,
}

impl Unit {
    /// An amount in words.
    pub(super) fn words(self, amount: u64) -> String {
        match self {
            Self::MilliCpu if amount.is_multiple_of(1000) => grouped(amount / 1000),
            Self::MilliCpu if amount < 1000 => format!("{amount}m"),
            Self::MilliCpu => format!("{}.{}", grouped(amount / 1000), decimals(amount % 1000)),
            Self::Mib if amount >= 10 * 1024 => tenths(amount, 1024, "GiB"),
            Self::Mib => format!("{} MiB", grouped(amount)),
            Self::Byte => format!("{} B", grouped(amount)),
        }
    }
}

/// Thousandths without zeros at the end.
fn decimals(thousandths: u64) -> String {
    let digits = format!("{thousandths:03}");
    digits.trim_end_matches('0').to_owned()
}

fn tenths(amount: u64, whole: u64, unit: &str) -> String {
    let tenths = amount * 10 / whole;
    format!("{}.{} {unit}", grouped(tenths / 10), tenths % 10)
}

/// A share in percent, for people: `0.7 %`, `< 0.1 %`.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".into();
    }
    if part == whole {
        return "100 %".into();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    // Rounded, but what is not all is never said to be.
    let tenths = (part * 1000 + whole / 2) / whole;
    let tenths = if part < whole { tenths.min(999) } else { tenths };
    match tenths {
        0 => "< 0.1 %".into(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// One part of a bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Segment {
    /// Where it begins.
    x: u64,
    /// How wide it is.
    width: u64,
    /// Its colour, counted from 0.
    colour: usize,
    /// What it is.
    label: String,
    /// More about it.
    note: String,
    /// How much it is.
    amount: String,
    /// Its share of the whole; of user-data its share of what is used.
    share: String,
}

/// A whole with a rest: `parts` are drawn once at their size, and again as wide as the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Bar {
    /// What the parts are together.
    pub(super) taken_label: String,
    /// How much the parts are together.
    pub(super) taken: String,
    /// Their share.
    pub(super) taken_share: String,
    /// How wide they are at their size.
    pub(super) taken_width: u64,
    /// What the rest is; empty if the whole has no end.
    pub(super) rest_label: String,
    /// How much.
    pub(super) rest: String,
    /// Its share.
    pub(super) rest_share: String,
    /// The whole.
    pub(super) whole: String,
    /// The parts.
    pub(super) segments: Vec<Segment>,
}

/// One part, before it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// What it is.
    pub(super) label: String,
    /// More about it.
    pub(super) note: String,
    /// How much it is.
    pub(super) amount: u64,
}

impl Bar {
    /// The bar of `parts`, which take `taken` of `whole`. The parts may add up to another number: what is packed
    /// together takes less than its parts.
    pub(super) fn new(unit: Unit, labels: (&str, &str), taken: u64, whole: Option<u64>, parts: &[Part]) -> Self {
        let sum: u64 = parts.iter().map(|part| part.amount).sum();
        let whole_amount = whole.unwrap_or(taken).max(taken);
        let mut before = 0;
        let at = |amount: u64, of: u64| {
            let units = u128::from(amount) * u128::from(WIDE) / u128::from(of.max(1));
            u64::try_from(units).unwrap_or(WIDE)
        };
        let segments = parts
            .iter()
            .enumerate()
            .map(|(number, part)| {
                let x = at(before, sum);
                before += part.amount;
                Segment {
                    x,
                    width: at(before, sum) - x,
                    colour: number.min(COLOURS - 1),
                    label: part.label.clone(),
                    note: part.note.clone(),
                    amount: unit.words(part.amount),
                    share: percent(part.amount, if unit == Unit::Byte { sum } else { whole_amount }),
                }
            })
            .collect();
        let rest = whole_amount - taken;
        Self {
            taken_label: labels.0.into(),
            taken: unit.words(taken),
            taken_share: percent(taken, whole_amount),
            // What is there is seen.
            taken_width: at(taken, whole_amount).max(u64::from(taken > 0) * 3),
            rest_label: if whole.is_some() {
                labels.1.into()
            } else {
                String::new()
            },
            rest: unit.words(rest),
            rest_share: percent(rest, whole_amount),
            whole: unit.words(whole_amount),
            segments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(amount: u64) -> Part {
        Part {
            label: "x".into(),
            note: String::new(),
            amount,
        }
    }

    #[test]
    fn parts_fill_the_width_without_gaps() {
        let parts: Vec<Part> = [1, 1, 1, 4, 0, 2, 1, 1, 1, 1].map(part).into();
        let bar = Bar::new(Unit::Byte, ("used", "left"), 13, Some(26), &parts);
        let mut x = 0;
        for segment in &bar.segments {
            assert_eq!(segment.x, x);
            x += segment.width;
        }
        assert_eq!(x, 1000);
        assert_eq!((bar.taken_width, bar.taken_share.as_str()), (500, "50.0 %"));
        assert_eq!((bar.segments[9].colour, bar.rest.as_str()), (7, "13 B"));
    }

    #[test]
    fn nothing_full_and_endless() {
        let empty = Bar::new(Unit::Mib, ("kept", "free"), 0, Some(0), &[]);
        assert_eq!((empty.taken_width, empty.taken_share.as_str()), (0, "0 %"));
        let tiny = Bar::new(Unit::Mib, ("kept", "free"), 1, Some(1 << 40), &[part(1)]);
        assert_eq!((tiny.taken_width, tiny.taken_share.as_str()), (3, "< 0.1 %"));
        let endless = Bar::new(Unit::Byte, ("used", "left"), 5, None, &[part(5)]);
        assert_eq!((endless.taken_width, endless.rest_label.as_str()), (1000, ""));
        // Packed together they take less than alone.
        let packed = Bar::new(Unit::Byte, ("used", "left"), 5, Some(10), &[part(6), part(2)]);
        assert_eq!(packed.segments[0].share, "75.0 %");
    }

    #[test]
    fn amounts_in_words() {
        assert_eq!(Unit::MilliCpu.words(30_000), "30");
        assert_eq!(Unit::MilliCpu.words(29_850), "29.85");
        assert_eq!(Unit::MilliCpu.words(145), "145m");
        assert_eq!(Unit::Mib.words(1465), "1,465 MiB");
        assert_eq!(Unit::Mib.words(198_656), "194.0 GiB");
        let said = [(1, 1), (99_999, 100_000), (145, 30_000), (1, 10_000), (3, 2)];
        let said = said.map(|(part, whole)| percent(part, whole));
        assert_eq!(said, ["100 %", "99.9 %", "0.5 %", "< 0.1 %", "150.0 %"]);
    }
}
