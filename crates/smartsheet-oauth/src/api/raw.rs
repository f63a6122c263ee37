//! Answers that are kept as they came, beside what was read in them.

use serde::de::DeserializeOwned;

use crate::json;

/// What Smartsheet sent, to the letter, with every big integer and unknown field as it was. Bytes that are not UTF-8, which JSON
/// may not have, are U+FFFD, and a byte order mark is left out.
pub(super) fn kept(raw: Vec<u8>) -> String {
    let raw = String::from_utf8(raw)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    match raw.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => raw,
    }
}

/// Reads `body`, also where it breaks a rule of JSON in a detail.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_str(&json::readable(body))
}
