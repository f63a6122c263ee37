//! What a page shows, as text of HTML. The templates use it for every value (`askama.toml`).
//!
//! It writes what askama's own escaper writes. That one looks at one byte after another, and most texts have nothing to escape:
//! this one looks at many at a time, and writes what needs nothing as a whole.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Safe};

/// Text in elements and in quoted attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Html;

/// How many bytes are looked at together.
const TOGETHER: usize = 16;

impl Escaper for Html {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        // What is before it is written.
        let mut from = 0;
        let mut escape = |bytes: &[u8], start: usize| -> fmt::Result {
            for (index, byte) in bytes.iter().enumerate() {
                if let Some(instead) = instead_of(*byte) {
                    to.write_str(&text[from..start + index])?;
                    to.write_str(instead)?;
                    from = start + index + 1;
                }
            }
            Ok(())
        };
        let (parts, rest) = text.as_bytes().as_chunks::<TOGETHER>();
        for (number, part) in parts.iter().enumerate() {
            if has_special(part) {
                escape(part, number * TOGETHER)?;
            }
        }
        escape(rest, parts.len() * TOGETHER)?;
        to.write_str(&text[from..])
    }
}

/// `text` as HTML.
pub(super) fn escaped(text: &str) -> Safe<String> {
    // Quotes are the most of it, in JSON.
    let mut html = String::with_capacity(text.len() * 2);
    // Writing to a string does not fail.
    let _ = Html.write_escaped_str(&mut html, text);
    Safe(html)
}

/// Whether one of `part` means something else in HTML. All are looked at, without a way out in between, which the processor does at
/// once.
fn has_special(part: &[u8; TOGETHER]) -> bool {
    let is = |byte: u8, special: u8| u8::from(byte == special);
    let found = part.iter().fold(0, |found, byte| {
        let quotes = is(*byte, b'"') | is(*byte, b'\'');
        found | quotes | is(*byte, b'&') | is(*byte, b'<') | is(*byte, b'>')
    });
    found != 0
}

/// What is written for `byte`, if it means something else in HTML.
fn instead_of(byte: u8) -> Option<&'static str> {
    match byte {
        b'"' => Some("&#34;"),
        b'&' => Some("&#38;"),
        b'\'' => Some("&#39;"),
        b'<' => Some("&#60;"),
        b'>' => Some("&#62;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_askama(text: &str) -> String {
        let mut html = String::new();
        let own = askama::filters::Html;
        own.write_escaped_str(&mut html, text).unwrap();
        html
    }

    #[test]
    fn nothing_stays_that_means_something() {
        assert_eq!(
            escaped("<a href=\"/?x=1&y='2'\">ä</a>").0,
            "&#60;a href=&#34;/?x=1&#38;y=&#39;2&#39;&#34;&#62;ä&#60;/a&#62;"
        );
    }

    proptest! {
        #[test]
        fn it_writes_what_askama_writes(text in "(\\PC|[\"&'<> a]|[a-z]{20,40}){0,40}") {
            prop_assert_eq!(escaped(&text).0, by_askama(&text));
            for character in text.chars().take(4) {
                let (mut one, mut other) = (String::new(), String::new());
                Html.write_escaped_char(&mut one, character).unwrap();
                askama::filters::Html.write_escaped_char(&mut other, character).unwrap();
                prop_assert_eq!(one, other);
            }
        }
    }
}
