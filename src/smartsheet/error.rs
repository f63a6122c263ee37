//! Errors of the API, by what the caller can do about them.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Map, Value};

use crate::masking::without_secrets;
use crate::transport::{Answer, TransportError};

/// Why a call gave no answer of use (Smartsheet's documentation, "Error codes").
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// 401 with errorCode 1002 or 1003, or without any: the access token is invalid or has expired. Refresh, then repeat
    /// the call once.
    #[error("the access token was refused: {0}")]
    TokenRefused(String),
    /// 403, or 401 with errorCode 1004: this person may not do this, for want of a scope or of a plan with API access.
    /// Carries Smartsheet's reason.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// 429, errorCode 4003, still so after the retries.
    #[error("rate-limited: {reason}")]
    RateLimited {
        /// What Smartsheet said.
        reason: String,
        /// How long to wait, when Smartsheet said so.
        retry_after: Option<Duration>,
    },
    /// 503, errorCode 4001, still so after the retries: Smartsheet is down for maintenance.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// What Smartsheet said.
        reason: String,
        /// How long to wait, when Smartsheet said so.
        retry_after: Option<Duration>,
    },
    /// Any other refusal or failure. Repeating it won't help now.
    #[error("failed: {0}")]
    Failed(String),
    /// No connection, or it broke.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// An answer that can't be read, or longer than one can be.
    #[error("malformed answer: {0}")]
    Malformed(String),
    /// The call was not made, because too many are under way. It passes within seconds.
    #[error("not sent: {0}")]
    NotSent(&'static str),
}

/// An error answer with what the retry rules look at.
pub(crate) struct Refused {
    pub(crate) error: ApiError,
    /// Whether Smartsheet's documentation says to back off and try again.
    pub(crate) may_pass: bool,
    pub(super) retry_after: Option<Duration>,
}

impl Refused {
    /// Reads an error answer. `secret`, the access token of the call, is kept out of the texts.
    pub(crate) fn read(answer: &Answer, secret: &str) -> Self {
        let fields: Map<String, Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = match fields.get("errorCode") {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(digits)) => digits.trim().parse().ok(),
            _ => None,
        };
        let reason = reason(answer.status, code, &fields, secret);
        let retry_after = answer.retry_after;

        // The table of Smartsheet's error codes. Where the body says nothing, as when a proxy answers, the status does.
        let (error, may_pass) = match (answer.status, code) {
            (StatusCode::UNAUTHORIZED, Some(1002 | 1003) | None) => {
                (ApiError::TokenRefused(reason), false)
            }
            (StatusCode::UNAUTHORIZED, Some(1004)) | (StatusCode::FORBIDDEN, _) => {
                (ApiError::NotAllowed(reason), false)
            }
            (_, Some(4003)) | (StatusCode::TOO_MANY_REQUESTS, _) => (
                ApiError::RateLimited {
                    reason,
                    retry_after,
                },
                true,
            ),
            (_, Some(4001)) | (StatusCode::SERVICE_UNAVAILABLE, _) => (
                ApiError::Unavailable {
                    reason,
                    retry_after,
                },
                true,
            ),
            (status, Some(4002 | 4004)) if status.is_server_error() => {
                (ApiError::Failed(reason), true)
            }
            _ => (ApiError::Failed(reason), false),
        };
        Self {
            error,
            may_pass,
            retry_after,
        }
    }
}

impl From<TransportError> for ApiError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable(cause) => Self::Unreachable(cause.to_string()),
            TransportError::Timeout => Self::Timeout,
            TransportError::TooLong(_) => Self::Malformed(error.to_string()),
            TransportError::Busy(why) => Self::NotSent(why),
        }
    }
}

/// What Smartsheet said, in one bounded line.
fn reason(
    status: StatusCode,
    code: Option<u64>,
    fields: &Map<String, Value>,
    secret: &str,
) -> String {
    let text = |name: &str| {
        let text = fields.get(name)?.as_str()?;
        // First, because a secret may be put together again where a control character was.
        let line = without_secrets(&text.replace(char::is_control, ""), &[secret]);
        let line: String = line.chars().take(300).collect();
        Some(line).filter(|line| !line.trim().is_empty())
    };
    let reason = text("message").unwrap_or_else(|| "no reason given".to_owned());
    let mut details = vec![format!("HTTP {}", status.as_u16())];
    details.extend(code.map(|code| format!("errorCode {code}")));
    details.extend(text("refId").map(|ref_id| format!("refId {ref_id}")));
    format!("{reason} ({})", details.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(status: u16, body: &str) -> Refused {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            retry_after: Some(Duration::from_secs(7)),
            body: body.as_bytes().to_vec(),
        };
        Refused::read(&answer, "TOKEN")
    }

    #[test]
    fn every_row_of_smartsheets_table() {
        for (status, code, kind, may_pass) in [
            (401, 1001, "failed", false),
            (401, 1002, "the access token was refused", false),
            (401, 1003, "the access token was refused", false),
            (401, 1004, "not allowed", false),
            (403, 1004, "not allowed", false),
            (404, 1006, "failed", false),
            (429, 4003, "rate-limited", true),
            (500, 4000, "failed", false),
            (503, 4001, "unavailable", true),
            (500, 4002, "failed", true),
            (500, 4004, "failed", true),
            (400, 1008, "failed", false),
            (410, 4005, "failed", false),
        ] {
            for code in [format!("{code}"), format!("\"{code}\"")] {
                let body = format!(r#"{{"errorCode":{code},"message":"why","refId":"ref"}}"#);
                let refused = refused(status, &body);
                assert_eq!(refused.may_pass, may_pass, "{status} {code}");
                let text = refused.error.to_string();
                assert!(text.starts_with(kind), "{status} {code}: {text}");
                assert!(text.contains("why (HTTP "), "{text}");
            }
        }
    }

    #[test]
    fn bodies_of_any_kind() {
        assert!(refused(503, "<html>").may_pass);
        assert!(refused(429, "").may_pass);
        assert!(matches!(refused(401, "").error, ApiError::TokenRefused(_)));
        assert!(!refused(500, "[]").may_pass);
        assert!(!refused(502, r#"{"errorCode":{}}"#).may_pass);
        let error = refused(400, r#"{"message":"bad TOKEN\r\nhere"}"#).error;
        assert_eq!(error.to_string(), "failed: bad …here (HTTP 400)");
        let error = refused(400, r#"{"message":"bad TO\u0007KEN"}"#).error;
        assert_eq!(error.to_string(), "failed: bad … (HTTP 400)");
        let error = refused(401, r#"[1004, "not an object"]"#).error;
        assert!(matches!(error, ApiError::TokenRefused(_)), "{error}");
    }
    proptest! {
        #[test]
        fn whatever_is_said_is_one_bounded_line_without_the_token(
            status in 100_u16..1000,
            code in prop_oneof![(1000_u32..4010).prop_map(Value::from), any::<String>().prop_map(Value::from)],
            (before, inside, after) in (any::<String>(), "[\u{1}-\u{1f}]?", any::<String>()),
        ) {
            let said = format!("{before}TO{inside}KEN{after}");
            let refused = refused(status, &json!({"errorCode": code, "message": said, "refId": said}).to_string());
            let text = refused.error.to_string();
            prop_assert!(!text.contains("TOKEN") && !text.contains(char::is_control), "{text:?}");
            prop_assert!(text.chars().count() <= 2 * 300 + 100);
        }

        #[test]
        fn no_body_panics(body in "\\PC{0,100}") {
            let by_status = refused(400, "").error.to_string();
            let is_object = serde_json::from_str::<serde_json::Map<String, Value>>(&body).is_ok();
            prop_assert!(is_object || refused(400, &body).error.to_string() == by_status);
        }
    }
}
