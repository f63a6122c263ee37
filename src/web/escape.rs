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
const TOGETHER: usize = 32;

impl Escaper for Html {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, instead)) = first_special(rest.as_bytes()) {
            to.write_str(&rest[..at])?;
            to.write_str(instead)?;
            rest = &rest[at + 1..];
        }
        to.write_str(rest)
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

/// The first byte of `text` that means something else in HTML, and what is written for it.
fn first_special(text: &[u8]) -> Option<(usize, &'static str)> {
    let mut from = 0;
    for part in text.chunks(TOGETHER) {
        if part
            .iter()
            .fold(false, |found, byte| found | is_special(*byte))
        {
            let at = from + part.iter().position(|byte| is_special(*byte))?;
            return Some((at, instead_of(text[at])));
        }
        from += part.len();
    }
    None
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'&' | b'\'' | b'<' | b'>')
}

fn instead_of(special: u8) -> &'static str {
    match special {
        b'"' => "&#34;",
        b'&' => "&#38;",
        b'\'' => "&#39;",
        b'<' => "&#60;",
        _ => "&#62;",
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
