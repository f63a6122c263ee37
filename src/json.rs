//! What is to be known of JSON to handle it as text, whole, cut off or broken: where a string ends.

/// The string literal that `text` begins with, its quotes included, and what follows. To the end when it is cut off.
pub(crate) fn string_literal(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = bytes[at.min(bytes.len())..]
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\'))
    {
        at += found;
        match bytes[at] {
            b'"' => return text.split_at(at + 1),
            // What is escaped is the next character; if that is a long one, none of its bytes is a quote.
            _ => at += 2,
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_strings_end() {
        for (text, literal) in [
            (r#""a","b""#, r#""a""#),
            (r#""a\"b" c"#, r#""a\"b""#),
            (r#""a\\" b"#, r#""a\\""#),
            (r#""""#, r#""""#),
            (r#""cut off\""#, r#""cut off\""#),
            ("\"\\ä\" b", "\"\\ä\""),
            ("\"", "\""),
        ] {
            assert_eq!(string_literal(text), text.split_at(literal.len()), "{text}");
        }
    }
}
