//! A pair of tokens, as the token endpoint issues it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AccessToken, OAuthError, RefreshToken};
use crate::clock::{after, before};

/// What a token lives when the server doesn't say: Smartsheet's 7 days.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(604_799);

/// The longest token that is taken, in bytes: it has to fit into a request's header.
const MAX_TOKEN_BYTES: usize = 4096;

/// An access token with what renews it (RFC 6749 section 5.1).
///
/// It serialises, for whoever stores it; the values are then in clear, so what is stored must be sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What calls to the API carry.
    pub access_token: AccessToken,
    /// What the next pair is asked for with. Smartsheet always issues one; other servers may not.
    pub refresh_token: Option<RefreshToken>,
    /// When the access token stops working, by the clock of this machine. Counted from before the request was sent, so
    /// that it errs on the safe side.
    pub expires_at: Timestamp,
}

impl Token {
    /// Whether the access token has `margin` or less to live at `now`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use smartsheet_oauth_demo::oauth::{AccessToken, Token};
    ///
    /// let token = Token {
    ///     access_token: AccessToken::new("ll352u9jujauoqz4gstvsae05"),
    ///     refresh_token: None,
    ///     expires_at: "2026-11-21T12:00:00Z".parse()?,
    /// };
    /// let now = "2026-11-21T11:56:00Z".parse()?;
    /// assert!(!token.expires_within(Duration::ZERO, now));
    /// assert!(token.expires_within(Duration::from_secs(5 * 60), now));
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[must_use]
    pub fn expires_within(&self, margin: Duration, now: Timestamp) -> bool {
        before(self.expires_at, margin) <= now
    }

    /// Reads a successful answer: flat, or wrapped in `token` as the samples of Smartsheet's documentation are.
    pub(crate) fn parse(body: &[u8], requested_at: Timestamp) -> Result<Self, OAuthError> {
        let answer: Value = serde_json::from_slice(body)
            .map_err(|_| OAuthError::Malformed("it is not JSON, or cut off"))?;
        let answer = match answer.get("token") {
            Some(wrapped @ Value::Object(_)) => wrapped,
            _ => &answer,
        };
        let text = |name: &str| answer.get(name).and_then(Value::as_str);

        let access_token = text("access_token")
            .filter(|token| is_token(token))
            .ok_or(OAuthError::Malformed("it has no usable access_token"))?;
        let refresh_token = match answer.get("refresh_token") {
            None | Some(Value::Null) => None,
            Some(Value::String(token)) if is_token(token) => Some(RefreshToken::new(token)),
            Some(_) => return Err(OAuthError::Malformed("its refresh_token is not usable")),
        };
        if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(OAuthError::Malformed("its token_type is not bearer"));
        }
        Ok(Self {
            access_token: AccessToken::new(access_token),
            refresh_token,
            expires_at: after(requested_at, lifetime(answer.get("expires_in"))?),
        })
    }
}

/// `expires_in`, in seconds: a number, or a string of digits as some servers send it.
fn lifetime(expires_in: Option<&Value>) -> Result<Duration, OAuthError> {
    const MALFORMED: OAuthError = OAuthError::Malformed("its expires_in is no number of seconds");
    let seconds = match expires_in {
        None | Some(Value::Null) => return Ok(DEFAULT_LIFETIME),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(digits)) => digits.trim().parse().ok(),
        Some(_) => None,
    };
    // Below zero means "expired already", as if it were zero.
    Duration::try_from_secs_f64(seconds.ok_or(MALFORMED)?.max(0.0)).or(Ok(Duration::MAX))
}

/// RFC 6750 section 2.1 lets a bearer token have visible ASCII only; anything else could not be sent in a header.
fn is_token(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn parse(body: &str) -> Result<Token, OAuthError> {
        Token::parse(body.as_bytes(), now())
    }

    fn in_seconds(seconds: u64) -> Timestamp {
        after(now(), Duration::from_secs(seconds))
    }

    #[test]
    fn flat_and_wrapped_answers_are_the_same_token() {
        // The sample of Smartsheet's documentation.
        let flat = r#"{"access_token": "ll352u9jujauoqz4gstvsae05", "token_type": "bearer",
            "refresh_token": "e9x352a9mp4151le2505", "expires_in": 604799, "new_field": {"token": 1}}"#;
        let wrapped = format!(r#"{{"token": {flat}}}"#);
        let token = parse(flat).unwrap();
        assert_eq!(token, parse(&wrapped).unwrap());
        assert_eq!(token.access_token.expose(), "ll352u9jujauoqz4gstvsae05");
        assert_eq!(
            token.refresh_token.unwrap().expose(),
            "e9x352a9mp4151le2505"
        );
        assert_eq!(token.expires_at, in_seconds(604_799));
    }

    #[test]
    fn lifetimes_of_every_form() {
        for (expires_in, seconds) in [
            ("3600", 3600),
            ("\"3600\"", 3600),
            ("3600.0", 3600),
            ("0", 0),
            ("-30", 0),
            ("null", 604_799),
        ] {
            let token = parse(&format!(
                r#"{{"access_token":"a","expires_in":{expires_in}}}"#
            ));
            assert_eq!(
                token.unwrap().expires_at,
                in_seconds(seconds),
                "{expires_in}"
            );
        }
        let forever = parse(r#"{"access_token":"a","expires_in":1e300}"#).unwrap();
        assert_eq!(forever.expires_at, Timestamp::MAX);
    }

    #[test]
    fn answers_that_are_no_token() {
        for body in [
            "",
            "null",
            "[]",
            "<html></html>",
            r#"{"access_token":"ll352u9juj"#,
            r#"{"token":"ll352u9juj"}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a\r\nX-Evil: 1"}"#,
            r#"{"access_token":"ä"}"#,
            r#"{"access_token":"a","refresh_token":7}"#,
            r#"{"access_token":"a","token_type":"mac"}"#,
            r#"{"access_token":"a","expires_in":"soon"}"#,
            r#"{"access_token":"a","expires_in":[]}"#,
        ] {
            assert!(
                matches!(parse(body), Err(OAuthError::Malformed(_))),
                "{body}"
            );
        }
        let long = format!(
            r#"{{"access_token":"{}"}}"#,
            "a".repeat(MAX_TOKEN_BYTES + 1)
        );
        assert!(parse(&long).is_err());
    }

    #[test]
    fn a_stored_token_is_restored() {
        let token = parse(r#"{"access_token":"a","refresh_token":"r","expires_in":60}"#).unwrap();
        let stored = serde_json::to_string(&token).unwrap();
        assert_eq!(serde_json::from_str::<Token>(&stored).unwrap(), token);
    }

    #[test]
    fn expiry_is_reached_at_the_margin() {
        let token = parse(r#"{"access_token":"a","expires_in":300}"#).unwrap();
        let margin = Duration::from_secs(299);
        assert!(!token.expires_within(margin, now()));
        assert!(token.expires_within(margin, in_seconds(1)));
        assert!(!token.expires_within(Duration::ZERO, in_seconds(299)));
        assert!(token.expires_within(Duration::ZERO, in_seconds(300)));
        assert!(token.expires_within(Duration::MAX, now()));
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~]{0,30}|[0-9]{1,20}|bearer|Bearer|\\PC{0,5}".prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn what_is_accepted_can_be_used(
            access in values(),
            refresh in proptest::option::of(values()),
            kind in proptest::option::of(values()),
            expires_in in proptest::option::of(values()),
        ) {
            let fields = [("refresh_token", refresh), ("token_type", kind), ("expires_in", expires_in)];
            let mut body = serde_json::json!({ "access_token": access });
            for (name, value) in fields {
                if let Some(value) = value {
                    body[name] = value;
                }
            }
            let token = parse(&body.to_string());
            let wrapped = parse(&serde_json::json!({ "token": body }).to_string());
            prop_assert_eq!(token.as_ref().ok(), wrapped.as_ref().ok());
            if let Ok(token) = token {
                let refresh = token.refresh_token.as_ref().map(RefreshToken::expose);
                for text in [Some(token.access_token.expose()), refresh].into_iter().flatten() {
                    prop_assert!(is_token(text));
                }
                prop_assert!(token.expires_at >= now());
            }
        }

        #[test]
        fn no_answer_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Token::parse(&body, now());
        }

        #[test]
        fn no_lifetime_panics(expires_in in any::<f64>()) {
            let _ = parse(&format!(r#"{{"access_token":"a","expires_in":{expires_in}}}"#));
        }
    }
}
