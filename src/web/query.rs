//! Parameters of a query, and paths as parameters.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::form_urlencoded;

/// What a value may not hold as it is. Slashes and question marks may stand in a query (RFC 3986 section 3.4), and a path that is
/// encoded twice stays short that way.
const IN_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\'');

/// `text` as the value of a parameter.
pub(super) fn value(text: &str) -> String {
    utf8_percent_encode(text, IN_VALUE).to_string()
}

/// The first value of the parameter `name`.
pub(super) fn first<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(known, value)| (known == name).then_some(value))
}

/// The value of the parameter `name`, if it is there once. `Err` when it is there twice.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Result<Option<String>, Twice> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(known, _)| known == name);
    let value = values.next();
    match values.next() {
        None => Ok(value.map(|(_, value)| value.into_owned())),
        Some(_) => Err(Twice),
    }
}

/// A parameter is there twice: whoever reads another of its values is led astray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Twice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        for text in ["/a?b=c&d=e+f#g", "/%2F%25", "é \"'<>", "", "/a=b"] {
            let query = format!("x=1&return_to={}&y=2", value(text));
            let read = parameter(Some(&query), "return_to");
            assert_eq!(read, Ok(Some(text.to_owned())), "{query}");
        }
        assert_eq!(value("/page?a=b"), "/page?a=b");
        assert_eq!(parameter(None, "a"), Ok(None));
        assert_eq!(parameter(Some("a=1&a=1"), "a"), Err(Twice));
    }
}
