//! Text as it reads when it is decoded, with where each byte of it stood.

use std::borrow::Cow;

/// How often a text is decoded: an address within an address, JSON within JSON.
const DEPTH: usize = 2;

/// A text, decoded so many times.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// Where in the text each byte began, and where the text ends. `None`: where it is.
    at: Option<Vec<u32>>,
}

impl<'a> View<'a> {
    fn plain(text: &'a str) -> Self {
        Self {
            bytes: Cow::Borrowed(text.as_bytes()),
            at: None,
        }
    }

    /// Whether these bytes are the text's own.
    pub(super) fn is_plain(&self) -> bool {
        self.at.is_none()
    }

    /// The part of the text that reads as these bytes.
    pub(super) fn span(&self, start: usize, end: usize) -> (usize, usize) {
        (self.place(start), self.place(end))
    }

    fn place(&self, at: usize) -> usize {
        self.at.as_ref().map_or(at, |places| places[at] as usize)
    }

    /// The same, decoded once more. `None` when nothing in it is encoded.
    fn decoded(&self) -> Option<View<'static>> {
        let source = &self.bytes;
        let mut found = encoded(source, 0);
        found.as_ref()?;
        let mut bytes = Vec::with_capacity(source.len());
        let mut at = Vec::with_capacity(source.len() + 1);
        let mut next = 0;
        while let Some((start, length, unit)) = found {
            bytes.extend_from_slice(&source[next..start]);
            self.places(next, start, &mut at);
            let unit = unit.as_bytes();
            bytes.extend_from_slice(unit);
            at.extend(std::iter::repeat_n(
                number_of(self.place(start)),
                unit.len(),
            ));
            next = start + length;
            found = encoded(source, next);
        }
        bytes.extend_from_slice(&source[next..]);
        self.places(next, source.len(), &mut at);
        at.push(number_of(self.place(source.len())));
        Some(View {
            bytes: Cow::Owned(bytes),
            at: Some(at),
        })
    }

    /// Adds to `at` where the bytes from `start` to `end` stood.
    fn places(&self, start: usize, end: usize, at: &mut Vec<u32>) {
        match &self.at {
            None => at.extend((start..end).map(number_of)),
            Some(places) => at.extend_from_slice(&places[start..end]),
        }
    }
}

/// A place in a text. None is as long as that takes.
fn number_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The first part of `source` from `from` on that stands for something else: where it is, how long, and what it stands for.
fn encoded(source: &[u8], mut from: usize) -> Option<(usize, usize, Unit)> {
    loop {
        from += source[from..].iter().position(|byte| is_mark(*byte))?;
        if let Some((length, unit)) = unit(&source[from..]) {
            return Some((from, length, unit));
        }
        from += 1;
    }
}

/// `text` as it is, and as it reads decoded once and twice, as far as there is something to decode.
pub(super) fn views(text: &str) -> Vec<View<'_>> {
    let mut views = vec![View::plain(text)];
    while views.len() <= DEPTH
        && let Some(decoded) = views.last().and_then(View::decoded)
    {
        views.push(decoded);
    }
    views
}

/// Whether something encoded may begin with `byte`.
pub(super) fn is_mark(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// What a few bytes stand for.
enum Unit {
    Byte([u8; 1]),
    Character([u8; 4], usize),
}

impl Unit {
    fn of(character: char) -> Self {
        let mut bytes = [0; 4];
        let length = character.encode_utf8(&mut bytes).len();
        Self::Character(bytes, length)
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Byte(byte) => byte,
            Self::Character(bytes, length) => &bytes[..*length],
        }
    }
}

/// What `source` begins with when that is encoded, and how many bytes it takes.
fn unit(source: &[u8]) -> Option<(usize, Unit)> {
    match source.first()? {
        b'%' => percent(source),
        b'\\' => escape(source),
        b'&' => entity(source),
        _ => None,
    }
}

/// `%2F`, as in addresses and forms (RFC 3986 section 2.1).
fn percent(source: &[u8]) -> Option<(usize, Unit)> {
    let byte = u8::try_from(number(source.get(1..3)?, 16)?).ok()?;
    Some((3, Unit::Byte([byte])))
}

/// `\/` and `\u002f`, as in strings of JSON (RFC 8259 section 7). Half of a surrogate pair is no character.
fn escape(source: &[u8]) -> Option<(usize, Unit)> {
    let simple = |byte: u8| Some((2, Unit::Byte([byte])));
    match *source.get(1)? {
        byte @ (b'"' | b'\'' | b'\\' | b'/') => simple(byte),
        b'b' => simple(8),
        b'f' => simple(12),
        b'n' => simple(b'\n'),
        b'r' => simple(b'\r'),
        b't' => simple(b'\t'),
        b'u' => {
            let first = number(source.get(2..6)?, 16)?;
            let second = || {
                let low = source.get(6..12)?.strip_prefix(br"\u")?;
                number(low, 16)?
                    .checked_sub(0xDC00)
                    .filter(|low| *low < 0x400)
            };
            if (0xD800..0xDC00).contains(&first)
                && let Some(second) = second()
            {
                let pair = 0x10000 + ((first - 0xD800) << 10) + second;
                return Some((12, Unit::of(char::from_u32(pair)?)));
            }
            let character = char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
            Some((6, Unit::of(character)))
        }
        _ => None,
    }
}

/// `&amp;`, `&#47;` and `&#x2f;`, as in HTML.
fn entity(source: &[u8]) -> Option<(usize, Unit)> {
    const LONGEST: usize = 10;
    let end = source.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let character = match &source[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, 16)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10)?)?,
        _ => return None,
    };
    Some((end + 1, Unit::of(character)))
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(base)?;
        number.checked_mul(base)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reads(text: &str) -> Vec<String> {
        let texts = views(text)
            .into_iter()
            .map(|view| String::from_utf8_lossy(&view.bytes).into_owned());
        texts.collect()
    }

    #[test]
    fn what_is_encoded_is_decoded_once_and_twice() {
        for (text, expected) in [
            ("a+b", &["a+b"][..]),
            ("a%2Fb%2fc", &["a%2Fb%2fc", "a/b/c"]),
            (r"a\/b\u003d\u003D", &[r"a\/b\u003d\u003D", "a/b=="]),
            (
                r"\ud83d\ude00\ud83c",
                &[r"\ud83d\ude00\ud83c", "😀\u{fffd}"],
            ),
            ("&amp;&#47;&#x2F;", &["&amp;&#47;&#x2F;", "&//"]),
            ("%252F", &["%252F", "%2F", "/"]),
            (r"%5Cu003d", &[r"%5Cu003d", r"\u003d", "="]),
            ("%25252F", &["%25252F", "%252F", "%2F"]),
            (r"100% \x & co; \", &[r"100% \x & co; \"]),
        ] {
            assert_eq!(reads(text), expected);
        }
    }

    proptest! {
        #[test]
        fn every_byte_knows_where_it_stood(text in "([a-c%&;#x\\\\/2F5u0d8]|%2[0-9A-F]|ä|\\\\u00[0-9a-f]{2}){0,30}") {
            for view in views(&text) {
                let mut end = 0;
                for index in 0..view.bytes.len() {
                    let (from, to) = view.span(index, index + 1);
                    prop_assert!(from <= to && from <= end.max(from) && to <= text.len());
                    end = to;
                }
                prop_assert_eq!(view.span(0, view.bytes.len()), (0, text.len()));
            }
        }
    }
}
