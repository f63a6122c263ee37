//! What can go wrong, by what the caller can do about it.

use std::time::Duration;

use reqwest::StatusCode;

use super::Refusal;
use crate::transport::TransportError;

/// Why the token endpoint gave no token (RFC 6749 section 5.2, with Smartsheet's error codes).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// The code or the refresh token is used, expired, revoked or unknown. Final: only a new sign-in helps.
    #[error("invalid_grant: {0}")]
    InvalidGrant(Refusal),
    /// The app's credentials are wrong: its id, its secret, or the hash made from it. The operator must act.
    #[error("invalid_client: {0}")]
    InvalidClient(Refusal),
    /// A scope is unknown or not allowed. The operator must act.
    #[error("invalid_scope: {0}")]
    InvalidScope(Refusal),
    /// The request lacks something or contradicts the registration, such as its redirect URL. The operator must act.
    #[error("invalid_request: {0}")]
    InvalidRequest(Refusal),
    /// The server doesn't know the grant type. The operator must act.
    #[error("unsupported_grant_type: {0}")]
    UnsupportedGrantType(Refusal),
    /// 429, errorCode 4003: too much was asked. It passes.
    #[error("rate-limited: {0}")]
    RateLimited(Refusal),
    /// 503, errorCode 4001 or 4004: maintenance, or too much to do. It passes.
    #[error("unavailable: {0}")]
    Unavailable(Refusal),
    /// Any other refusal, such as that of a failing server. It may pass.
    #[error("refused: {0}")]
    Provider(Refusal),
    /// No connection, or it broke: whether the request was processed is unknown.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No answer in time: whether the request was processed is unknown.
    #[error("no answer in time")]
    Timeout,
    /// An answer that is no token and no error, or longer than one can be.
    #[error("malformed answer: {0}")]
    Malformed(&'static str),
    /// The request was not sent, because too many are under way or the app stops. It passes within seconds.
    #[error("not sent: {0}")]
    NotSent(&'static str),
}

impl OAuthError {
    /// Whether the grant is gone for good, so that the person must sign in again. Everything else may pass or be mended
    /// by the operator, and the tokens are worth keeping.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::InvalidGrant(_))
    }

    /// Whether it is the app's registration or configuration that is refused, which no person signing in can help.
    #[must_use]
    pub fn is_operators(&self) -> bool {
        matches!(
            self,
            Self::InvalidClient(_)
                | Self::InvalidScope(_)
                | Self::InvalidRequest(_)
                | Self::UnsupportedGrantType(_)
        )
    }

    /// The error that a refusal of the token endpoint means.
    ///
    /// The `errorCode` is looked at first, because `error` says less: 1072 (the hash does not match) and 1073 (the
    /// redirect URL does not match) come as `invalid_grant`, though the code or refresh token is fine and it is the app's
    /// secret or registration that is wrong. Ending sessions over a mistyped secret would sign everybody out.
    /// None of `secrets` stays in the texts, should the server have repeated one in its message.
    pub(crate) fn from_refusal(status: StatusCode, body: &[u8], secrets: &[&str]) -> Self {
        Self::of(Refusal::read(status, body, secrets))
    }

    /// The error that the body of a successful answer tells of, if it does: some servers send every answer with status 200.
    pub(crate) fn told_with_success(
        status: StatusCode,
        body: &[u8],
        secrets: &[&str],
    ) -> Option<Self> {
        let refusal = Refusal::read(status, body, secrets);
        refusal.is_told().then(|| Self::of(refusal))
    }

    /// The same, with what the server asked to wait, where that counts.
    pub(super) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        if let Self::RateLimited(refusal) | Self::Unavailable(refusal) | Self::Provider(refusal) =
            &mut self
        {
            refusal.retry_after = retry_after;
        }
        self
    }

    fn of(refusal: Refusal) -> Self {
        match (refusal.error_code, refusal.error.as_deref()) {
            (Some(4003), _) => Self::RateLimited(refusal),
            (Some(4001 | 4004), _) => Self::Unavailable(refusal),
            (Some(1004 | 1067 | 1072 | 1238), _) => Self::InvalidClient(refusal),
            (Some(1070 | 1073 | 1236 | 1237), _) => Self::InvalidRequest(refusal),
            (Some(1068), _) => Self::UnsupportedGrantType(refusal),
            (Some(1069 | 1071 | 1132), _) | (_, Some("invalid_grant")) => {
                Self::InvalidGrant(refusal)
            }
            (_, Some("invalid_client" | "unauthorized_client")) => Self::InvalidClient(refusal),
            (_, Some("invalid_scope")) => Self::InvalidScope(refusal),
            (_, Some("invalid_request")) => Self::InvalidRequest(refusal),
            (_, Some("unsupported_grant_type")) => Self::UnsupportedGrantType(refusal),
            _ if refusal.status == 429 => Self::RateLimited(refusal),
            _ if refusal.status == 503 => Self::Unavailable(refusal),
            _ => Self::Provider(refusal),
        }
    }
}

impl From<TransportError> for OAuthError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable(cause)
            | TransportError::NotConnected(cause)
            | TransportError::Dropped(cause) => Self::Unreachable(cause.to_string()),
            TransportError::Timeout => Self::Timeout,
            TransportError::TooLong(_) => Self::Malformed("it is too long"),
            TransportError::Undecodable => Self::Malformed("it can't be decoded"),
            TransportError::Busy(why) => Self::NotSent(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::refusal::MAX_TEXT;

    fn refused(status: u16, body: &str) -> OAuthError {
        OAuthError::from_refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes(), &[])
    }

    #[test]
    fn every_row_of_smartsheets_table() {
        for (status, code, error, expected) in [
            (401, 1067, "invalid_client", "invalid_client"),
            (
                400,
                1068,
                "unsupported_grant_type",
                "unsupported_grant_type",
            ),
            (400, 1069, "invalid_grant", "invalid_grant"),
            (400, 1070, "invalid_request", "invalid_request"),
            (400, 1071, "invalid_grant", "invalid_grant"),
            (400, 1072, "invalid_grant", "invalid_client"),
            (403, 1004, "", "invalid_client"),
            (400, 1073, "invalid_grant", "invalid_request"),
            (400, 1132, "invalid_grant", "invalid_grant"),
            (400, 1236, "invalid_request", "invalid_request"),
            (400, 1237, "invalid_request", "invalid_request"),
            (400, 1238, "invalid_client", "invalid_client"),
        ] {
            for body in [
                format!(
                    r#"{{"errorCode":{code},"error":"{error}","message":"why","refId":"abc"}}"#
                ),
                format!(
                    r#"{{"errorCode":"{code}","error":"{error}","error_description":"why","refId":"abc"}}"#
                ),
                format!(r#"{{"errorCode":{code},"message":"why","refId":"abc"}}"#),
            ] {
                let text = refused(status, &body).to_string();
                assert!(
                    text.starts_with(&format!("{expected}: HTTP {status}, errorCode {code}")),
                    "{body} was read as {text}"
                );
                assert!(text.ends_with(": why (refId abc)"), "{text}");
            }
        }
    }

    #[test]
    fn errors_without_a_code_go_by_their_name() {
        for name in [
            "invalid_grant",
            "invalid_client",
            "invalid_scope",
            "invalid_request",
            "unsupported_grant_type",
        ] {
            let error = refused(400, &format!(r#"{{"error":"{name}"}}"#));
            assert!(error.to_string().starts_with(&format!("{name}: ")));
            assert_eq!(error.is_final(), name == "invalid_grant");
            assert_eq!(error.is_operators(), name != "invalid_grant");
        }
    }

    #[test]
    fn whatever_else_may_pass() {
        for (status, body) in [
            (503, r#"{"errorCode":4001,"message":"maintenance"}"#),
            (429, r#"{"errorCode":4003}"#),
            (503, "<html>unavailable</html>"),
            (400, ""),
            (400, r#"{"errorCode":[1071],"error":7}"#),
            (400, r#"["invalid_grant"]"#),
            // Not as if it were {"errorCode":1071}, which ends sessions.
            (400, "[1071]"),
        ] {
            let error = refused(status, body);
            let text = error.to_string();
            let kind = match status {
                429 => "rate-limited",
                503 => "unavailable",
                _ => "refused",
            };
            assert!(
                text.starts_with(&format!("{kind}: HTTP {status}")),
                "{text}"
            );
            assert!(!error.is_final() && !error.is_operators());
        }
    }

    #[test]
    fn a_pause_is_known_by_its_code_or_its_status() {
        for (status, body, kind) in [
            (500, r#"{"errorCode":4004}"#, "unavailable"),
            (200, r#"{"errorCode":"4001"}"#, "unavailable"),
            (
                400,
                r#"{"errorCode":4003,"error":"invalid_request"}"#,
                "rate-limited",
            ),
            (429, r#"{"error":"too_many_requests"}"#, "rate-limited"),
            (500, r#"{"errorCode":4002}"#, "refused"),
        ] {
            let text = refused(status, body).to_string();
            assert!(text.starts_with(&format!("{kind}: ")), "{text}");
        }
    }

    #[test]
    fn an_error_told_with_a_success() {
        let told = |body: &str| OAuthError::told_with_success(StatusCode::OK, body.as_bytes(), &[]);
        for body in [
            r#"{"errorCode":1071,"error":"invalid_grant"}"#,
            r#"{"errorCode":"1071"}"#,
            r#"{"error":"invalid_grant","access_token":""}"#,
            "\u{feff}{\"error\":\"invalid_grant\"}",
        ] {
            assert!(told(body).is_some_and(|error| error.is_final()), "{body}");
        }
        for body in [
            "",
            "{}",
            "[1071]",
            r#"{"errorCode":0,"error":null}"#,
            r#"{"error":""}"#,
        ] {
            assert!(told(body).is_none(), "{body}");
        }
    }

    #[test]
    fn texts_are_bounded_and_keep_no_secret() {
        let body = format!(
            r#"{{"error":"a\nb","message":"code SECRET is bad {}"}}"#,
            "x".repeat(1000)
        );
        let refusal = Refusal::read(StatusCode::BAD_REQUEST, body.as_bytes(), &["SECRET"]);
        assert_eq!(refusal.error.as_deref(), Some("a b"));
        let message = refusal.message.unwrap();
        assert!(message.starts_with("code … is bad xxx"));
        assert!(message.chars().count() <= MAX_TEXT);
    }
    fn texts() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<String>().prop_map(Value::from),
            "[a-z\n\u{7}]{0,400}SECRET\\PC{0,400}".prop_map(Value::from),
            "invalid_grant|invalid_client|invalid_scope".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_one_bounded_line_without_secrets(
            status in 100_u16..1000,
            code in prop_oneof![(1000_u32..1300).prop_map(Value::from), any::<f64>().prop_map(Value::from), texts()],
            error in texts(),
            message in texts(),
            ref_id in texts(),
        ) {
            let body = json!({"errorCode": code, "error": error, "message": message, "refId": ref_id});
            let status = StatusCode::from_u16(status).unwrap();
            let refused = OAuthError::from_refusal(status, body.to_string().as_bytes(), &["SECRET"]);
            let text = refused.to_string();
            prop_assert!(!text.contains("SECRET") && !text.contains(char::is_control), "{text:?}");
            prop_assert!(text.chars().count() <= 3 * MAX_TEXT + 100);
            prop_assert!(!(refused.is_final() && refused.is_operators()));
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = OAuthError::from_refusal(StatusCode::BAD_REQUEST, &body, &["SECRET"]);
        }
    }
}
