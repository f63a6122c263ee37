//! Finding secrets in a text of any form, and taking them out.

use std::borrow::Cow;

use super::decoded::{View, is_mark, views};
use super::masked::{is_masked_as, masked, masked_as};
use super::names::{is_app_secret, is_secret};
use super::spans::Spans;

/// Shorter ones are no secrets, and would tear every text apart.
const SHORTEST: usize = 4;

/// A secret that occurred, so that it is found where it is repeated.
#[derive(Clone)]
pub struct Known {
    value: String,
    /// What is shown in its place.
    shown: String,
}

impl Known {
    /// The value of a parameter, field or header of this name.
    #[must_use]
    pub fn named(name: &str, value: &str) -> Self {
        let shown = masked_as(name, value);
        let value = value.to_owned();
        Self { value, shown }
    }

    /// How long it is, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.value.len()
    }
}

/// `text` without the secrets of `known`, wherever they are in it and however they are encoded.
#[must_use]
pub fn hide_known<'a>(text: &'a str, known: &[Known]) -> Cow<'a, str> {
    let known = known
        .iter()
        .map(|known| (known.value.as_str(), known.shown.as_str()));
    hide_values(text, known)
}

fn hide_values<'a, 'k>(
    text: &'a str,
    known: impl Iterator<Item = (&'k str, &'k str)>,
) -> Cow<'a, str> {
    let mut known = known
        .filter(|(value, _)| value.chars().count() >= SHORTEST)
        .peekable();
    if known.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let views = views(text);
    let mut spans = Spans::default();
    for (value, shown) in known {
        for view in &views {
            for (start, end) in occurrences(&view.bytes, value.as_bytes()) {
                spans.add(view.span(start, end), shown.to_owned());
            }
        }
    }
    spans.replace(text)
}

/// A text for an error page or the log: without `secrets`, and without values that have the name of one.
#[must_use]
pub fn without_secrets(text: &str, secrets: &[&str]) -> String {
    let hidden = hide_values(text, secrets.iter().map(|secret| (*secret, "…")));
    hide_named(&hidden).into_owned()
}

/// Where `secret` is, in letters of any size. A form has `+` where there was a space.
fn occurrences(text: &[u8], secret: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let fold = |byte: u8| match byte {
        b'+' => b' ',
        byte => byte.to_ascii_lowercase(),
    };
    let first = secret.first().map_or(b' ', |first| fold(*first));
    let in_capitals = match first {
        b' ' => b'+',
        first => first.to_ascii_uppercase(),
    };
    let is_same = move |part: &[u8]| {
        let mut pairs = part.iter().zip(secret);
        pairs.all(|(one, other)| fold(*one) == fold(*other))
    };
    let end = (text.len() + 1).saturating_sub(secret.len());
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            // Most places are ruled out by their first byte.
            let begins = |byte: &u8| *byte == first || *byte == in_capitals;
            let at = from + text.get(from..end)?.iter().position(begins)?;
            from = at + 1;
            if is_same(&text[at..at + secret.len()]) {
                return Some((at, at + secret.len()));
            }
        }
    })
}

/// `text` without values that have the name of a secret, as in `code=…`, `"access_token": "…"` or `Authorization: Bearer …`.
#[must_use]
pub fn hide_named(text: &str) -> Cow<'_, str> {
    if !may_name(text) {
        return Cow::Borrowed(text);
    }
    let mut spans = Spans::default();
    for view in views(text) {
        for (at, byte) in view.bytes.iter().enumerate() {
            if matches!(byte, b'=' | b':')
                && let Some(name) = name_before(&view.bytes[..at])
                && is_secret(name)
                && let Some((start, end)) = value_after(&view, at + 1)
            {
                let value = String::from_utf8_lossy(&view.bytes[start..end]);
                if is_masked_as(name, &value) || matches!(&*value, "null" | "true" | "false") {
                    continue;
                }
                // What is shown of one within something encoded would have to be encoded, too.
                let is_shown = view.is_plain() && !is_app_secret(name);
                let shown = if is_shown {
                    masked(&value)
                } else {
                    "…".to_owned()
                };
                spans.add(view.span(start, end), shown);
            }
        }
    }
    spans.replace(text)
}

/// Whether there may be a name and its value in `text`, as it is or encoded. All of it is looked at, many bytes at a time.
fn may_name(text: &str) -> bool {
    let parts = |byte: u8| matches!(byte, b'=' | b':') || is_mark(byte);
    text.bytes().fold(false, |found, byte| found | parts(byte))
}

/// The name that `text` ends with, in quotes or not.
fn name_before(text: &[u8]) -> Option<&str> {
    let text = text.trim_ascii_end();
    let text = text
        .strip_suffix(b"\"")
        .or_else(|| text.strip_suffix(b"'"))
        .unwrap_or(text);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let start = text
        .iter()
        .rposition(|byte| !is_name(byte))
        .map_or(0, |at| at + 1);
    std::str::from_utf8(&text[start..])
        .ok()
        .filter(|name| !name.is_empty())
}

/// Where the value begins and ends that comes at `at`; `None` when it is empty, or what is in it has names of its own.
fn value_after(view: &View<'_>, mut at: usize) -> Option<(usize, usize)> {
    let bytes = &view.bytes;
    let skip_blanks = |at: &mut usize| {
        while bytes.get(*at).is_some_and(u8::is_ascii_whitespace) {
            *at += 1;
        }
    };
    skip_blanks(&mut at);
    let until = |from: usize, is_end: &dyn Fn(u8) -> bool| {
        let end = bytes[from..].iter().position(|byte| is_end(*byte));
        end.map_or(bytes.len(), |length| from + length)
    };
    match bytes.get(at)? {
        b'[' if !view.is_plain() => return Some((at, until(at, &|byte| byte == b']'))),
        b'[' => {
            at += 1;
            skip_blanks(&mut at);
        }
        b'{' => return None,
        _ => {}
    }
    let quote = *bytes.get(at)?;
    let (start, end) = if matches!(quote, b'"' | b'\'') {
        (at + 1, quoted(bytes, at + 1, quote))
    } else {
        let ends = |byte: u8| byte.is_ascii_whitespace() || b"\"'&;,<>()[]{}#\\".contains(&byte);
        let end = until(at, &ends);
        let scheme = [&b"bearer"[..], b"basic", b"digest"];
        let is_scheme = scheme
            .iter()
            .any(|scheme| bytes[at..end].eq_ignore_ascii_case(scheme));
        if is_scheme && bytes.get(end) == Some(&b' ') {
            (end + 1, until(end + 1, &ends))
        } else {
            (at, end)
        }
    };
    (start < end).then_some((start, end))
}

/// Where the text in quotes ends that begins at `start`.
fn quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_with_the_name_of_a_secret() {
        for (text, shown) in [
            ("code=sample6p9qisx6a&x=1", "code=sam…&x=1"),
            (
                "x=%7B%22access_token%22%3A%22ll352u9j%22%7D",
                "x=%7B%22access_token%22%3A%22…%22%7D",
            ),
            (
                r#"{"m":"{\"access_token\":\"ll352u9j\"}"}"#,
                r#"{"m":"{\"access_token\":\"…\"}"}"#,
            ),
            (
                r"refresh\u005ftoken\u003dll352u9j",
                r"refresh\u005ftoken\u003d…",
            ),
            ("c%256Fde%253Dll352u9j%2526x", "c%256Fde%253D…%2526x"),
            (
                "client_secret=VERY%2BSECRET%3D, state=",
                "client_secret=…, state=",
            ),
            (
                "Authorization: Bearer ll352u9jujauoqz4g x",
                "Authorization: Bearer ll35… x",
            ),
            (
                "{'access_token' : 'with, blanks and more'}",
                "{'access_token' : 'with…'}",
            ),
            (
                r#"{"token": {"access_token": null}, "hash": "…"}"#,
                r#"{"token": {"access_token": null}, "hash": "…"}"#,
            ),
            ("hash=abc…", "hash=…"),
            (
                "grant_type=authorization_code",
                "grant_type=authorization_code",
            ),
            ("the code is void: 12 of 13", "the code is void: 12 of 13"),
            ("a token: &#108;&#108;352u9j; x", "a token: …; x"),
        ] {
            assert_eq!(hide_named(text), shown, "{text}");
            assert_eq!(hide_named(shown), shown, "again");
        }
    }

    #[test]
    fn known_ones_however_they_are_encoded() {
        let secret = "VERYsecret+/=ä";
        for text in [
            secret,
            "verySECRET+/=ä",
            "VERYsecret /=ä",
            "VERYsecret%2B%2f%3D%C3%A4",
            "VERYsecret%252B%252f%253D%25C3%25A4",
            r"VERYsecret\u002b\/\u003D\u00e4",
            r"\\u0056ERYsecret+\\\/=ä",
            "VERYsecret&#43;&#x2f;=&#228;",
            r"VERYsecret%5Cu002b%5C/=%C3%A4",
        ] {
            let shown = hide_known(text, &[Known::named("client_secret", secret)]).into_owned();
            assert_eq!(shown, "…", "{text}");
            let shown = hide_known(text, &[Known::named("code", secret)]).into_owned();
            assert_eq!(shown, "VER…", "{text}");
        }
        assert_eq!(
            hide_known("a 100% & b", &[Known::named("code", "x")]),
            "a 100% & b"
        );
    }

    /// How a text is encoded: in which way, and which of its characters though they need not be.
    type Encoding = (u8, Vec<bool>);

    fn encodings() -> impl Strategy<Value = Encoding> {
        (0..5_u8, proptest::collection::vec(any::<bool>(), 1..9))
    }

    fn encoded(text: &str, (way, choices): &Encoding) -> String {
        let choices = choices.iter().cycle();
        let parts = text.chars().zip(choices).map(|(character, choice)| {
            let number = u32::from(character);
            let is_mark = matches!((way, character), (0 | 1, '%') | (2 | 3, '\\') | (4, '&'));
            match way {
                _ if !choice && !is_mark => character.to_string(),
                0 => format!("%{number:02x}"),
                1 => format!("%{number:02X}"),
                2 => format!("\\u{number:04x}"),
                3 => format!("\\u{number:04X}"),
                _ => format!("&#x{number:X};"),
            }
        });
        parts.collect()
    }

    /// `text` as it reads when all is decoded twice.
    fn read(text: &str) -> String {
        let views = views(text);
        let last = views.last().map(|view| view.bytes.to_vec());
        String::from_utf8_lossy(&last.unwrap_or_default()).to_ascii_lowercase()
    }

    proptest! {
        #[test]
        fn no_encoding_hides_a_secret_from_us(
            secret in "[A-Za-z0-9/=]{12,40}",
            (before, after) in ("[a-z \\\\%&{\":,]{0,12}", "[ \"&,}]\\PC{0,12}"),
            (inner, outer) in (encodings(), encodings()),
            name in "access_token|code|Client_Secret|client%5fsecret",
        ) {
            let repeated = encoded(&encoded(&secret, &inner), &outer);
            let beginning = &secret[..6].to_ascii_lowercase();
            prop_assume!(!read(&format!("{before}{after}")).contains(beginning));
            let text = format!("{before}{repeated}{after}");
            let known = [Known::named("client_secret", &secret)];
            for shown in [hide_known(&text, &known).into_owned(), without_secrets(&text, &[&secret])] {
                prop_assert!(!read(&shown).contains(beginning), "{text} is shown as {shown}");
            }
            let pair = encoded(&format!("{name}={}", encoded(&secret.replace('=', "x"), &inner)), &outer);
            let shown = hide_named(&format!("{before} {pair}{after}")).into_owned();
            prop_assert!(!read(&shown).contains(&beginning.replace('=', "x")), "{pair} is shown as {shown}");
        }

        #[test]
        fn any_text_stays_one(text in "\\PC{0,60}|([%\\\\&=:\"'a-f0-9]|token|code=|ä){0,30}") {
            let known = [Known::named("code", "abcd"), Known::named("hash", "ääää")];
            let _ = (hide_known(&text, &known), hide_named(&text));
        }
    }
}
