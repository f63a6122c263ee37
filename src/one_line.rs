//! Files that hold one value, such as a secret: what editors and shells put around it is not part of it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use secrecy::zeroize::Zeroizing;

/// More than any key or URL takes. A path may lead to a device without end.
const MAX_BYTES: u64 = 64 * 1024;

/// What a text editor or PowerShell may write before everything else, in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a file gives no value. The text shows nothing of its content.
#[derive(Debug)]
pub(crate) enum NoValue {
    /// It can't be read.
    Unreadable(io::Error),
    /// It is longer than 64 KiB.
    TooLong,
    /// It is UTF-16, or not text at all.
    NotUtf8,
    /// There is nothing in it but blanks.
    Empty,
    /// So many lines are not blank.
    Lines(usize),
}

impl fmt::Display for NoValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(formatter, "can't be read: {error}"),
            Self::TooLong => write!(formatter, "is longer than {MAX_BYTES} bytes"),
            Self::NotUtf8 => formatter.write_str("can't be read: it is not UTF-8"),
            Self::Empty => formatter.write_str("is empty"),
            Self::Lines(lines) => write!(formatter, "has {lines} lines with something in them"),
        }
    }
}

/// The value that `file` holds.
///
/// # Errors
///
/// [`NoValue`] when there is none, or more than one.
pub(crate) fn read(file: &Path) -> Result<Zeroizing<String>, NoValue> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(file)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(NoValue::Unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(NoValue::TooLong);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| NoValue::NotUtf8)?;
    only_line(text).map(|line| Zeroizing::new(line.to_owned()))
}

/// The one line of `text`, without a byte order mark, line ends of any kind, blanks, or a pair of quotes around it.
fn only_line(text: &str) -> Result<&str, NoValue> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut lines = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let line = lines.next().ok_or(NoValue::Empty)?;
    let others = lines.count();
    if others > 0 {
        return Err(NoValue::Lines(others + 1));
    }
    let unquoted = ['"', '\''].into_iter().find_map(|quote| {
        let inner = line.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inner.trim())
    });
    match unquoted.unwrap_or(line) {
        "" => Err(NoValue::Empty),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_around_the_value_is_not_part_of_it() {
        for text in [
            "secret",
            "secret\n",
            "secret\r\n",
            "secret\r",
            "\u{feff}secret\r\n",
            "\n\n  secret\t\n\r\n \n",
            "\"secret\"\n",
            "'secret'\r\n",
            "\u{feff}\" secret \"\r\n\r\n",
        ] {
            assert_eq!(only_line(text).unwrap(), "secret", "{text:?}");
        }
        // A quote that is alone is part of it.
        for text in ["\"secret", "secret'", "\"secret'", "\""] {
            assert_eq!(only_line(text).unwrap(), text);
        }
    }

    #[test]
    fn there_is_one_value_or_none() {
        for text in ["", "\n", "\u{feff}\r\n", "\"\"", "' '"] {
            assert!(matches!(only_line(text), Err(NoValue::Empty)), "{text:?}");
        }
        for text in ["one\ntwo", "one\r\ntwo\r\n", "\"one\ntwo\"", "one\rtwo"] {
            assert!(
                matches!(only_line(text), Err(NoValue::Lines(2))),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_value_has_one_line_and_nothing_around_it(text in "[\u{feff}\"' \r\na-c]{0,12}") {
            if let Ok(value) = only_line(&text) {
                prop_assert!(!value.is_empty() && !value.contains(['\r', '\n']));
                prop_assert_eq!(value, value.trim());
            }
        }
    }
}
