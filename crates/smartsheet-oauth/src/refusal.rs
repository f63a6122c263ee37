//! What a server says when it refuses, as far as it can be believed, logged and shown.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Map, Value};

use crate::json;
use crate::masking::without_secrets;

/// The longest text of Smartsheet's that is kept, in characters.
pub(super) const MAX_TEXT: usize = 300;

/// What the server said when it refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status, such as 400.
    pub status: u16,
    /// Smartsheet's `errorCode`, such as 1071.
    pub error_code: Option<u32>,
    /// The `error`, such as `invalid_grant`. Cut and without control characters, as all texts here.
    pub error: Option<String>,
    /// The `message` or `error_description`.
    pub message: Option<String>,
    /// Smartsheet's reference for this answer; their support asks for it.
    pub ref_id: Option<String>,
    /// How long to wait before the next try, when the server said so.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an error body whatever its content type says, since it is not always right; every field is optional and of any
    /// type. A body that is no JSON object leaves the status alone to go by.
    pub(super) fn read(status: StatusCode, body: &[u8], secrets: &[&str]) -> Self {
        let fields: Map<String, Value> =
            serde_json::from_str(&json::readable(body)).unwrap_or_default();
        let text = |name: &str| {
            let text = without_secrets(fields.get(name)?.as_str()?, secrets);
            Some(printable(&text)).filter(|text| !text.is_empty())
        };
        Self {
            status: status.as_u16(),
            error_code: match fields.get("errorCode") {
                Some(Value::Number(number)) => {
                    number.as_u64().and_then(|code| code.try_into().ok())
                }
                Some(Value::String(digits)) => digits.trim().parse().ok(),
                _ => None,
            },
            error: text("error"),
            message: text("message").or_else(|| text("error_description")),
            ref_id: text("refId"),
            retry_after: None,
        }
    }

    /// Whether it was the body that told of an error. An errorCode of 0 is Smartsheet's for success.
    pub(super) fn is_told(&self) -> bool {
        self.error.is_some() || self.error_code.is_some_and(|code| code != 0)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HTTP {}", self.status)?;
        if let Some(code) = self.error_code {
            write!(formatter, ", errorCode {code}")?;
        }
        if let Some(error) = &self.error {
            write!(formatter, ", {error}")?;
        }
        if let Some(message) = &self.message {
            write!(formatter, ": {message}")?;
        }
        if let Some(ref_id) = &self.ref_id {
            write!(formatter, " (refId {ref_id})")?;
        }
        Ok(())
    }
}

/// `text` as it can be logged and shown: one line, no control characters, at most [`MAX_TEXT`] characters.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(MAX_TEXT)
        .collect::<String>()
        .trim()
        .to_owned()
}
