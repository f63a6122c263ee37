//! Errors of the API, by what the caller can do about them.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Map, Value};

use crate::json;
use crate::masking::without_secrets;
use crate::transport::{Answer, TransportError};

/// Why a call gave no answer of use (Smartsheet's documentation, "Error codes").
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 401 with errorCode 1002 or 1003, or without any: the access token is invalid or has expired. Refresh, then repeat
    /// the call once.
    #[error("the access token was refused: {0}")]
    TokenRefused(String),
    /// Refused to this person: 403 with an errorCode, or 401 with another one than those of a missing or bad token. For want
    /// of a scope or of a plan with API access, for example.
    #[error("not allowed: {reason}")]
    NotAllowed {
        /// Smartsheet's errorCode.
        code: u64,
        /// What Smartsheet said.
        reason: String,
    },
    /// Refused to this app, whoever it asks for: 404, 405 or 410, or errorCode 1007. The API is elsewhere, or of another
    /// version. The operator must act. Carries Smartsheet's reason.
    #[error("the app is refused: {0}")]
    AppRefused(String),
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
    /// Any other refusal (4xx), such as that of a firewall in between. Carries the reason.
    #[error("refused: {0}")]
    Refused(String),
    /// Any other failure. Repeating it won't help now.
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
    /// The HTTP status.
    pub(super) status: u16,
    /// Smartsheet's errorCode.
    pub(super) code: Option<u64>,
}

impl Refused {
    /// Reads an error answer. `secret`, the access token of the call, is kept out of the texts.
    pub(crate) fn read(answer: &Answer, secret: &str) -> Self {
        let fields: Map<String, Value> =
            serde_json::from_str(&json::readable(&answer.body)).unwrap_or_default();
        let code = error_code(&fields);
        let reason = reason(answer.status, code, &fields, secret);
        let retry_after = answer.retry_after;
        let (error, may_pass) = match Meaning::of(answer.status, code) {
            Meaning::TokenRefused => (ApiError::TokenRefused(reason), false),
            Meaning::NotAllowed(code) => (ApiError::NotAllowed { code, reason }, false),
            Meaning::AppRefused => (ApiError::AppRefused(reason), false),
            Meaning::Refused => (ApiError::Refused(reason), false),
            Meaning::RateLimited => (
                ApiError::RateLimited {
                    reason,
                    retry_after,
                },
                true,
            ),
            Meaning::Unavailable => (
                ApiError::Unavailable {
                    reason,
                    retry_after,
                },
                true,
            ),
            Meaning::MayPass => (ApiError::Failed(reason), true),
            Meaning::Failed => (ApiError::Failed(reason), false),
        };
        Self {
            error,
            may_pass,
            retry_after,
            status: answer.status.as_u16(),
            code,
        }
    }

    /// Whether the answer proves that what was asked for was not done: a refusal, or an errorCode that says that it was not
    /// even begun (4001, 4003) or not saved (4004). What says neither may come from somebody in between.
    pub(super) fn is_nothing_done(&self) -> bool {
        match self.code {
            Some(4001 | 4003 | 4004) => true,
            // Told with the status of a success.
            Some(code) if self.status < 400 => (1000..2000).contains(&code),
            _ => (400..500).contains(&self.status),
        }
    }

    /// The error that an answer tells of although its status is that of a success, if it does.
    pub(super) fn told_with_success(answer: &Answer, secret: &str) -> Option<Self> {
        // Nearly every success is one, and a look is quicker than reading it. In an escape the name may be written otherwise.
        if !may_name_error_code(&answer.body) {
            return None;
        }
        let fields: Map<String, Value> =
            serde_json::from_str(&json::readable(&answer.body)).unwrap_or_default();
        // An errorCode of 0 is Smartsheet's for success.
        let is_told = error_code(&fields).is_some_and(|code| code != 0);
        is_told.then(|| Self::read(answer, secret))
    }
}

/// Whether there is an `rC`, as in `errorCode`, or an escaped code unit. All of it is looked at, many bytes at a time.
fn may_name_error_code(text: &[u8]) -> bool {
    let (first, next) = (&text[..text.len().saturating_sub(1)], text.get(1..));
    let pairs = first.iter().zip(next.unwrap_or_default());
    pairs.fold(false, |found, (one, next)| {
        found | matches!((*one, *next), (b'r', b'C') | (b'\\', b'u'))
    })
}

/// What a refusal means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    TokenRefused,
    NotAllowed(u64),
    AppRefused,
    Refused,
    RateLimited,
    Unavailable,
    /// A failure that another try may mend.
    MayPass,
    Failed,
}

impl Meaning {
    /// The table of Smartsheet's error codes. Where the body says nothing, as when a proxy answers, the status does.
    fn of(status: StatusCode, code: Option<u64>) -> Self {
        let status = match code {
            // The status says nothing: the one that Smartsheet documents for the code.
            Some(code) if status.is_success() => status_of(code),
            _ => status.as_u16(),
        };
        match (status, code) {
            (401, Some(1002 | 1003) | None) => Self::TokenRefused,
            // No token: a mistake of this app.
            (401, Some(1001)) => Self::Refused,
            (401 | 403, Some(code)) => Self::NotAllowed(code),
            (_, Some(4003)) | (429, _) => Self::RateLimited,
            (_, Some(4001)) | (503, _) => Self::Unavailable,
            (404 | 405 | 410, _) | (_, Some(1007)) => Self::AppRefused,
            (400..500, _) => Self::Refused,
            (500.., Some(4002 | 4004)) => Self::MayPass,
            _ => Self::Failed,
        }
    }
}

/// The status that Smartsheet documents for an errorCode.
fn status_of(code: u64) -> u16 {
    match code {
        1001..=1003 => 401,
        1004 | 1005 | 1013 => 403,
        1006 => 404,
        4001 => 503,
        4003 => 429,
        4005 => 410,
        4000 | 4002 | 4004 => 500,
        _ => 400,
    }
}

/// Smartsheet's `errorCode`: a number, or a string of digits.
fn error_code(fields: &Map<String, Value>) -> Option<u64> {
    match fields.get("errorCode")? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

impl From<TransportError> for ApiError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable(cause)
            | TransportError::NotConnected(cause)
            | TransportError::Dropped(cause) => Self::Unreachable(cause.to_string()),
            TransportError::Timeout => Self::Timeout,
            TransportError::TooLong(_) | TransportError::Undecodable => {
                Self::Malformed(error.to_string())
            }
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
            (401, 1001, "refused", false),
            (401, 1002, "the access token was refused", false),
            (401, 1003, "the access token was refused", false),
            (401, 1004, "not allowed", false),
            (403, 1004, "not allowed", false),
            (401, 1005, "not allowed", false),
            (403, 1013, "not allowed", false),
            (404, 1006, "the app is refused", false),
            (405, 1030, "the app is refused", false),
            (400, 1007, "the app is refused", false),
            (429, 4003, "rate-limited", true),
            (500, 4000, "failed", false),
            (503, 4001, "unavailable", true),
            (500, 4002, "failed", true),
            (500, 4004, "failed", true),
            (503, 4004, "unavailable", true),
            (400, 1008, "refused", false),
            (410, 4005, "the app is refused", false),
            // Told with the status of a success.
            (200, 1003, "the access token was refused", false),
            (200, 1004, "not allowed", false),
            (200, 4001, "unavailable", true),
            (200, 4003, "rate-limited", true),
            (200, 4002, "failed", true),
            (200, 4000, "failed", false),
            (200, 1008, "refused", false),
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
        assert_eq!(error.to_string(), "refused: bad …here (HTTP 400)");
        let error = refused(400, r#"{"message":"bad TO\u0007KEN"}"#).error;
        assert_eq!(error.to_string(), "refused: bad … (HTTP 400)");
        assert!(matches!(refused(403, "<html>").error, ApiError::Refused(_)));
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
