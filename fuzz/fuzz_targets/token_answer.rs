//! A successful answer of the token endpoint.
//!
//! What is accepted can be used: tokens of visible ASCII, an expiry that is not in the past, and the same token whether the
//! answer is wrapped or not. What is stored of it is read back as it was.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};
use smartsheet_oauth::fuzzing;
use smartsheet_oauth::{OAuthError, RefreshToken, Token};

/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// Deeper ones are refused, and wrapping makes them one deeper.
const DEEP: usize = 100;

fuzz_target!(|body: &[u8]| {
    let now = Timestamp::from_second(1_795_262_400).expect("within the calendar");
    let answer = fuzzing::token(body, now);
    match &answer {
        Ok(token) => check(token, now),
        Err(OAuthError::Malformed(why)) => assert!(!why.is_empty()),
        Err(error) => panic!("{error} is not about the answer's form"),
    }

    // A byte order mark changes nothing.
    let marked = [b"\xEF\xBB\xBF", body].concat();
    if !body.starts_with(b"\xEF\xBB\xBF") {
        assert_eq!(
            fuzzing::token(&marked, now).ok(),
            answer.as_ref().ok().cloned()
        );
    }

    let brackets = body
        .iter()
        .filter(|byte| matches!(byte, b'[' | b'{'))
        .count();
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body)
        && !fields.get("token").is_some_and(Value::is_object)
        && brackets < DEEP
    {
        // Whatever holds a usable access token of a type that is known is a success.
        assert_eq!(answer.is_ok(), is_good(&fields), "{fields:?}");
        let wrapped = [b"{\"token\":", body, b"}"].concat();
        let wrapped = fuzzing::token(&wrapped, now);
        assert_eq!(wrapped.ok(), answer.ok(), "a wrapper changes the answer");
    }

    // What a database gives back has not passed `parse`.
    if let Ok(stored) = serde_json::from_slice::<Token>(body) {
        let _ = stored.expires_within(std::time::Duration::from_mins(5), now);
    }
});

/// Whether the access token can be used, whatever is beside it.
fn is_good(fields: &Map<String, Value>) -> bool {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let fits = |token: &str| {
        (1..=MAX_TOKEN_BYTES).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let kind = text("token_type").unwrap_or_default().trim().to_lowercase();
    text("access_token").is_some_and(fits) && ["", "bearer"].contains(&kind.as_str())
}

fn check(token: &Token, now: Timestamp) {
    let access = token.access_token.expose();
    let refresh = token.refresh_token.as_ref().map(RefreshToken::expose);
    for text in [Some(access), refresh].into_iter().flatten() {
        assert!((1..=MAX_TOKEN_BYTES).contains(&text.len()));
        assert!(HeaderValue::from_str(&format!("Bearer {text}")).is_ok());
    }
    assert!(
        token.expires_at >= now,
        "it expired before it was asked for"
    );
    let stored = serde_json::to_vec(token).expect("a token serialises");
    let restored: Token = serde_json::from_slice(&stored).expect("what was stored is read");
    assert_eq!(&restored, token);
    let shown = format!("{token:?}");
    // A short text may be in the names of the fields, or in the time.
    if access.len() > 24 {
        assert!(!shown.contains(access));
    }
}
