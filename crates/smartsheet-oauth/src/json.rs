//! What is to be known of JSON to handle it as text, whole, cut off or broken: where a string ends; and how an answer that breaks
//! the rules in a detail is read all the same.

use std::borrow::Cow;

/// JSON text that any reader takes, made of `body`, which is read as leniently as it can be without a guess.
///
/// A byte order mark is skipped, which RFC 8259 section 8.1 allows. What has no meaning but does not change the rest is
/// replaced: bytes that are not UTF-8 and escaped surrogates without a partner (section 8.2) by U+FFFD, and numbers that no
/// `f64` holds, such as `1e400` (section 6), by a string of the same characters. Text without these is not copied.
#[must_use]
pub fn readable(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) if !may_need_mending(text) => Cow::Borrowed(text),
        Cow::Borrowed(text) => mended(text),
        Cow::Owned(text) => Cow::Owned(mended(&text).into_owned()),
    }
}

/// The most digits of a number without an exponent that an `f64` holds.
const MAX_DIGITS: usize = 308;

/// Whether there is an escaped code unit in `text`, an exponent, or more digits than any number may have: no answer is read anew
/// without. It looks at all of it, without a way out in between, so that the processor looks at many bytes at a time.
fn may_need_mending(text: &str) -> bool {
    let bytes = text.as_bytes();
    let follows = |(before, byte): (&u8, &u8)| {
        matches!((*before, *byte), (b'\\', b'u') | (b'0'..=b'9', b'e' | b'E'))
    };
    // Of two slices of the same length: other iterators are gone through byte by byte.
    let (first, next) = (&bytes[..bytes.len().saturating_sub(1)], bytes.get(1..));
    let pairs = first.iter().zip(next.unwrap_or_default());
    let found = pairs.fold(false, |found, pair| found | follows(pair));
    let digits = |bytes: &[u8]| {
        let count = |count: usize, byte: &u8| count + usize::from(byte.is_ascii_digit());
        bytes.iter().fold(0, count)
    };
    found || (bytes.len() > MAX_DIGITS && digits(bytes) > MAX_DIGITS)
}

fn mended(text: &str) -> Cow<'_, str> {
    let mut changed = String::new();
    let mut copied = 0;
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        let at = text.len() - rest.len();
        let (token, after) = match first {
            b'"' => string_literal(rest),
            b'-' | b'0'..=b'9' => rest.split_at(number_length(rest)),
            _ => {
                let next = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
                rest = &rest[next.unwrap_or(rest.len())..];
                continue;
            }
        };
        let other = match first {
            b'"' => without_lone_surrogates(token),
            _ => token
                .parse::<f64>()
                .is_ok_and(f64::is_infinite)
                .then(|| format!("\"{token}\"")),
        };
        if let Some(other) = other {
            changed.push_str(&text[copied..at]);
            changed.push_str(&other);
            copied = at + token.len();
        }
        rest = after;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    changed.push_str(&text[copied..]);
    Cow::Owned(changed)
}

/// How much of `text` may belong to the number that it begins with.
fn number_length(text: &str) -> usize {
    let ends = |byte: u8| !(byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.bytes().position(ends).unwrap_or(text.len())
}

/// `literal` with `\ufffd` for each escaped surrogate that stands alone. `None` when there is none.
fn without_lone_surrogates(literal: &str) -> Option<String> {
    let mut changed: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = literal[at..].find('\\') {
        at += found;
        let Some(unit) = code_unit(&literal[at..]) else {
            // Two bytes at least, and no end within a character: what is escaped may be a long one.
            at += 1 + literal[at + 1..].chars().next().map_or(0, char::len_utf8);
            continue;
        };
        let is_pair = (0xD800..0xDC00).contains(&unit)
            && code_unit(&literal[at + 6..]).is_some_and(|next| (0xDC00..0xE000).contains(&next));
        if is_pair {
            at += 12;
            continue;
        }
        if (0xD800..0xE000).contains(&unit) {
            let changed = changed.get_or_insert_default();
            changed.push_str(&literal[copied..at]);
            changed.push_str("\\ufffd");
            copied = at + 6;
        }
        at += 6;
    }
    changed.map(|changed| changed + &literal[copied..])
}

/// The code unit of the escape, such as `\ud83c`, that `text` begins with.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

/// The string literal that `text` begins with, its quotes included, and what follows. To the end when it is cut off.
#[must_use]
pub fn string_literal(text: &str) -> (&str, &str) {
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
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_breaks_a_rule_in_a_detail_is_read() {
        let digits = "9".repeat(400);
        for (sent, read) in [
            (&b"\xEF\xBB\xBF{}"[..], "{}"),
            (b"\xEF\xBB\xBF", ""),
            (br#"["Caf\ud83c"]"#, r#"["Caf\ufffd"]"#),
            (br#"["\uDF55x"]"#, r#"["\ufffdx"]"#),
            (
                br#"["\ud83c\ud83c\udf55\n"]"#,
                r#"["\ufffd\ud83c\udf55\n"]"#,
            ),
            (br#"{"\ud800":"\\ud800"}"#, r#"{"\ufffd":"\\ud800"}"#),
            (br#"["\ud83c\u00e9\u12"#, r#"["\ufffd\u00e9\u12"#),
            (b"[\"Caf\xe9\"]", "[\"Caf\u{fffd}\"]"),
            (
                br#"{"a":1e400,"b":-1E+999,"c":[1e3]}"#,
                r#"{"a":"1e400","b":"-1E+999","c":[1e3]}"#,
            ),
            (format!("[{digits}]").as_bytes(), &format!("[\"{digits}\"]")),
            (br#"["1e400"]"#, r#"["1e400"]"#),
            ("\"\\ä\\ud800".as_bytes(), "\"\\ä\\ufffd"),
            (b"\"\\", "\"\\"),
        ] {
            assert_eq!(readable(sent), read);
        }
    }

    proptest! {
        #[test]
        fn what_is_right_stays_as_it_is(
            texts in proptest::collection::vec(any::<String>(), 0..4),
            numbers in proptest::collection::vec(any::<f64>(), 0..4),
        ) {
            let right = serde_json::json!([texts, numbers]).to_string();
            prop_assert!(matches!(readable(right.as_bytes()), Cow::Borrowed(_)));
            prop_assert_eq!(readable(right.as_bytes()), right.as_str());
        }

        #[test]
        fn every_string_of_escapes_is_read(
            units in proptest::collection::vec(
                prop_oneof![any::<u16>(), 0xD7FE_u16..0xE001], 0..8),
        ) {
            let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let escapes = escapes.concat();
            let read: Value = serde_json::from_str(&readable(format!("[\"{escapes}\"]").as_bytes())).unwrap();
            prop_assert_eq!(read[0].as_str().unwrap(), String::from_utf16_lossy(&units));
        }

        #[test]
        fn what_is_left_as_it_is_needs_no_mending(
            text in "([\\\\u\"]|[0-9eE+.-]|\\\\ud83c|9{309}|[a-z{}:,]){0,12}",
        ) {
            if !may_need_mending(&text) {
                prop_assert!(matches!(mended(&text), Cow::Borrowed(_)), "{text}");
            }
        }

        #[test]
        fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..100), text in "[\\\\ud8c\"0-9eE+.ä-]{0,40}") {
            let _ = readable(&body);
            let once = readable(text.as_bytes()).into_owned();
            prop_assert_eq!(readable(once.as_bytes()), once.clone());
        }
    }

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
