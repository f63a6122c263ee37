//! A pair of tokens, as the token endpoint issues it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AccessToken, OAuthError, RefreshToken};
use crate::json;

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
    /// use smartsheet_oauth::{AccessToken, Token};
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
        let due = self.expires_at.checked_sub(margin);
        due.unwrap_or(Timestamp::MIN) <= now
    }

    /// Reads a successful answer: flat, or wrapped in `token` as the samples of Smartsheet's documentation are.
    ///
    /// Whatever holds a usable access token is a success. With a refresh token that was issued once, and that is void for the
    /// asking, refusing a good pair for something beside it would lose the login.
    pub(crate) fn parse(body: &[u8], requested_at: Timestamp) -> Result<Self, OAuthError> {
        let answer: Value = serde_json::from_str(&json::readable(body))
            .map_err(|_| OAuthError::Malformed("it is not JSON, or cut off"))?;
        let has_token = |fields: &&Value| fields.get("access_token").is_some();
        let answer = answer.get("token").filter(has_token).unwrap_or(&answer);
        let text = |name: &str| answer.get(name).and_then(Value::as_str);

        let access_token = text("access_token")
            .filter(|token| is_token(token))
            .ok_or(OAuthError::Malformed("it has no usable access_token"))?;
        // RFC 6749 section 7.1: a token of a type that is not understood must not be used.
        let kind = text("token_type").map_or("", str::trim);
        if !kind.is_empty() && !kind.eq_ignore_ascii_case("bearer") {
            return Err(OAuthError::Malformed("its token_type is not bearer"));
        }
        Ok(Self {
            access_token: AccessToken::new(access_token),
            refresh_token: refresh_token(answer.get("refresh_token")),
            expires_at: after(requested_at, lifetime(answer.get("expires_in"))),
        })
    }
}

/// What is empty counts as absent, and what can't be used, too.
fn refresh_token(sent: Option<&Value>) -> Option<RefreshToken> {
    match sent? {
        Value::Null => None,
        Value::String(token) if token.trim().is_empty() => None,
        Value::String(token) if is_token(token) => Some(RefreshToken::new(token)),
        _ => {
            tracing::warn!("a token came with a refresh_token that can't be used; it is left out");
            None
        }
    }
}

/// `expires_in`, in seconds: a number, or a string of digits as some servers send it. What can't be read counts as Smartsheet's
/// 7 days: that a token has expired shows itself by errorCode 1003.
fn lifetime(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        None | Some(Value::Null) => return DEFAULT_LIFETIME,
        Some(Value::String(digits)) if digits.trim().is_empty() => return DEFAULT_LIFETIME,
        Some(Value::String(digits)) => digits.trim().parse().ok(),
        Some(value) => value.as_f64(),
    };
    let Some(seconds) = seconds.filter(|seconds: &f64| seconds.is_finite()) else {
        tracing::warn!(
            "a token came with an expires_in that is no number of seconds; it counts as 7 days"
        );
        return DEFAULT_LIFETIME;
    };
    // Below zero means "expired already", as if it were zero.
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// RFC 6750 section 2.1 lets a bearer token have visible ASCII only; anything else could not be sent in a header.
fn is_token(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `from` plus `span`; at the end of the calendar, the last instant there is.
fn after(from: Timestamp, span: Duration) -> Timestamp {
    from.checked_add(span).unwrap_or(Timestamp::MAX)
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
            ("\"\"", 604_799),
            ("\" \"", 604_799),
            ("\"soon\"", 604_799),
            ("\"NaN\"", 604_799),
            ("\"inf\"", 604_799),
            ("true", 604_799),
            ("[]", 604_799),
            ("{}", 604_799),
            ("1e400", 604_799),
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
    fn what_is_beside_a_good_token_spoils_nothing() {
        for beside in [
            r#""refresh_token":"""#,
            r#""refresh_token":" ""#,
            r#""refresh_token":7"#,
            r#""refresh_token":["r"]"#,
            r#""refresh_token":"has a space""#,
            r#""token_type":"Bearer ""#,
            r#""token_type":"""#,
            r#""token_type":7"#,
            r#""note":"Caf\ud83c""#,
            r#""\udc00":-1e999"#,
            r#""token":{}"#,
            r#""token":{"note":1}"#,
        ] {
            let token = parse(&format!(r#"{{"access_token":"a",{beside}}}"#)).unwrap();
            assert_eq!(token.access_token.expose(), "a", "{beside}");
            assert_eq!(token.refresh_token, None, "{beside}");
        }
        let marked = parse("\u{feff}{\"access_token\":\"a\",\"refresh_token\":\"r\"}").unwrap();
        assert_eq!(marked.refresh_token, Some(RefreshToken::new("r")));
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
            r#"{"access_token":"a","token_type":"mac"}"#,
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
