//! One look at a text that settles most questions about its characters.

/// Bytes looked at together: long enough that the compiler takes many at a time.
const STRIDE: usize = 64;

/// Whether `text` is printable ASCII, tabs and newlines: nothing a reader of any format trips over. Nearly all texts
/// are, and this is told many times faster than character by character.
pub fn is_plain_ascii(text: &str) -> bool {
    let tame = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    text.as_bytes()
        .chunks(STRIDE)
        .all(|chunk| chunk.iter().fold(true, |all, byte| all & tame(*byte)))
}

/// Whether anything in a template is to be replaced; what has no tag is copied as it is.
pub fn has_tags(template: &str) -> bool {
    let after = template
        .match_indices('{')
        .filter_map(|(at, _)| template.as_bytes().get(at + 1));
    after.into_iter().any(|next| matches!(next, b'{' | b'%' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_counts_wherever_it_stands() {
        assert!(is_plain_ascii(""));
        for at in [0, 1, 63, 64, 65, 127, 199] {
            for byte in 0..=0x7f_u8 {
                let mut text = "x".repeat(200);
                text.replace_range(at..=at, &char::from(byte).to_string());
                let tame = byte == b'\n' || byte == b'\t' || !byte.is_ascii_control();
                assert_eq!(is_plain_ascii(&text), tame, "{byte} at {at}");
            }
            let mut text = "x".repeat(200);
            text.replace_range(at..=at, "\u{e4}");
            assert!(!is_plain_ascii(&text));
        }
    }
}
