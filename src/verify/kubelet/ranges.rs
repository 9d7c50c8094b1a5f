//! What a single value of the configuration may be: text or number, something or nothing, in its range.

use super::quantities::nanoseconds;
use crate::base::Report;
use crate::catalog::Field;
use crate::syntax::yaml::{Kind, Node, Reader, to_json};

/// Whether a scalar is text to the kubelet, not a number or a boolean.
pub(super) fn is_text(node: &Node) -> bool {
    let mut unheard = Report::new();
    to_json(&mut Reader { report: &mut unheard }, node).is_string()
}

/// Nothing, false, zero, or empty: what a Go type is without being set.
pub(super) fn says_nothing(node: &Node) -> bool {
    match &node.kind {
        Kind::Map(entries) => entries.is_empty(),
        Kind::List(items) => items.is_empty(),
        Kind::Scalar { text, .. } => {
            matches!(text.as_str(), "" | "false" | "0") || node.is_null() || nanoseconds(text) == Some(0)
        }
    }
}

/// Whether two texts are the same, or the same duration.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || nanoseconds(one).is_some_and(|value| nanoseconds(other) == Some(value))
}

/// The range a number or duration should lie in, if it lies outside.
pub(super) fn out_of_range(field: &Field, text: &str) -> Option<String> {
    if field.shortest.is_some() || field.longest.is_some() {
        let value = nanoseconds(text)?;
        let bound = |bound: &Option<String>| bound.as_deref().and_then(nanoseconds);
        let short = bound(&field.shortest).is_some_and(|least| value < least);
        let long = bound(&field.longest).is_some_and(|most| value > most);
        if (!short && !long) || (field.or_zero && value == 0) {
            return None;
        }
        let range = match (&field.shortest, &field.longest) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("{least} or more"),
            (None, most) => format!("{} or less", most.as_deref().unwrap_or_default()),
        };
        return Some(if field.or_zero {
            format!("0s, or {range}")
        } else {
            range
        });
    }
    let value: f64 = text.parse().ok()?;
    #[allow(clippy::cast_precision_loss, reason = "bounds are small")]
    let below = |bound: Option<i64>, wrong: fn(f64, f64) -> bool| bound.is_some_and(|bound| wrong(value, bound as f64));
    if let Some(multiple) = field.multiple
        && text
            .parse::<i64>()
            .is_ok_and(|number| number.checked_rem(multiple) != Some(0))
    {
        return Some(format!("a multiple of {multiple}"));
    }
    let outside = below(field.min, |value, bound| value < bound)
        || below(field.max, |value, bound| value > bound)
        || below(field.above, |value, bound| value <= bound);
    outside.then(|| match (field.min, field.above, field.max) {
        (Some(min), _, Some(max)) => format!("{min} to {max}"),
        (Some(min), _, None) => format!("at least {min}"),
        (None, Some(above), Some(max)) => format!("more than {above} and at most {max}"),
        (None, Some(above), None) => format!("more than {above}"),
        (None, None, Some(max)) => format!("at most {max}"),
        (None, None, None) => "a number".into(),
    })
}
