//! A line of the log shows what it says: characters that change how a terminal or a viewer shows others are escaped.
//!
//! Events quote what other people send. A line end would make two lines of one, a control character can move the cursor, and
//! U+202E has what follows it shown backwards (Unicode Technical Report 36, section 2.4).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// How a character is written that is not shown as it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Escape {
    /// `\u{202e}`
    AsInRust,
    /// `\u202e`, within a string
    AsInJson,
}

/// Writes events, each of which comes in one piece and ends with a line end.
pub(super) struct Lines<W> {
    to: W,
    escape: Escape,
}

impl<W> Lines<W> {
    pub(super) fn to(to: W, escape: Escape) -> Self {
        Self { to, escape }
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.to.write_all(shown(&text, self.escape).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// One line that shows all of `event`.
fn shown(event: &str, escape: Escape) -> Cow<'_, str> {
    let line = event.strip_suffix('\n').unwrap_or(event);
    if !line.contains(is_escaped) {
        return Cow::Borrowed(event);
    }
    let mut shown = String::with_capacity(event.len() + 64);
    for character in line.chars() {
        if is_escaped(character) {
            write_escaped(&mut shown, character, escape);
        } else {
            shown.push(character);
        }
    }
    shown.push('\n');
    Cow::Owned(shown)
}

fn write_escaped(shown: &mut String, character: char, escape: Escape) {
    match escape {
        Escape::AsInRust => shown.extend(character.escape_unicode()),
        Escape::AsInJson => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string can't fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
    }
}

/// Control characters, line and paragraph separators, and those format characters (Unicode's categories Cc, Zl, Zp, Cf) that
/// change the direction, are not seen, or hide others. Most text is ASCII.
fn is_escaped(character: char) -> bool {
    character.is_control()
        || (!character.is_ascii()
            && matches!(
                character,
                '\u{ad}'
                    | '\u{61c}'
                    | '\u{180e}'
                    | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}'
                    | '\u{feff}'
                    | '\u{fff9}'..='\u{fffb}'
                    | '\u{e0000}'..='\u{e007f}'
            ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(event: &str, escape: Escape) -> String {
        let mut lines = Lines::to(Vec::new(), escape);
        lines.write_all(event.as_bytes()).unwrap();
        String::from_utf8(lines.to).unwrap()
    }

    #[test]
    fn what_would_not_be_seen_is_written_out() {
        let event = "error=a\nb\r\x1b[2Jc\u{202e}d\u{2028}e\u{85}f\u{e0041}\n";
        assert_eq!(
            written(event, Escape::AsInRust),
            "error=a\\u{a}b\\u{d}\\u{1b}[2Jc\\u{202e}d\\u{2028}e\\u{85}f\\u{e0041}\n"
        );
        let event = "{\"error\":\"a\u{202e}b\u{2028}c\u{7f}d\u{e0041}\"}\n";
        let line = written(event, Escape::AsInJson);
        assert_eq!(
            line,
            "{\"error\":\"a\\u202eb\\u2028c\\u007fd\\udb40\\udc41\"}\n"
        );
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["error"], "a\u{202e}b\u{2028}c\u{7f}d\u{e0041}");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        let event = "name=\"Zoë O'Neill\" title=\"エンジニア\" 👩\u{1f3fd} e\u{301}\n";
        assert_eq!(written(event, Escape::AsInRust), event);
        assert_eq!(written(event, Escape::AsInJson), event);
    }

    proptest! {
        #[test]
        fn an_event_is_one_line(text in "\\PC{0,20}[\\x00-\\x1f\u{2028}\u{202e}]\\PC{0,20}") {
            for escape in [Escape::AsInRust, Escape::AsInJson] {
                let line = written(&format!("{text}\n"), escape);
                prop_assert_eq!(line.matches('\n').count(), 1);
                prop_assert!(!line.trim_end_matches('\n').contains(is_escaped));
            }
        }
    }
}
