//! A refusal, of the token endpoint and of the API.
//!
//! The input is a line with the status and perhaps a `Retry-After`, then the body. In the body, `§` stands for the secret that
//! the request carried, `‹` and `›` for its halves. Whatever it is: the texts are one bounded line without the secret, and
//! only a JSON object decides anything that the status does not.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value};
use smartsheet_oauth::OAuthError;
use smartsheet_oauth::api::ApiError;
use smartsheet_oauth::fuzzing;
use smartsheet_oauth::transport::Answer;
use smartsheet_oauth_demo_fuzz::{SECRET, first_line, has_control, planted};

/// Three texts of at most 300 characters, and what is around them.
const MAX_CHARACTERS: usize = 1000;

fuzz_target!(|input: &[u8]| {
    let (head, body) = first_line(input);
    let Ok(head) = str::from_utf8(head) else {
        return;
    };
    let (status, wait) = head.split_once(' ').unwrap_or((head, ""));
    let Ok(status) = StatusCode::from_bytes(status.as_bytes()) else {
        return;
    };
    let Some(body) = body_of(body) else { return };

    let now = Timestamp::from_second(1_795_262_400).expect("within the calendar");
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        retry_after: fuzzing::retry_after(wait, now),
        body: body.clone(),
    };
    let decides = is_object(&body);
    of_the_token_endpoint(status, &body, decides);
    of_the_api(&answer, decides);
});

/// Whether any reader could take `body` for a JSON object: it begins and ends as one.
fn is_object(body: &[u8]) -> bool {
    let body = body
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(body)
        .trim_ascii();
    serde_json::from_slice::<Map<String, Value>>(body).is_ok()
        || (body.starts_with(b"{") && body.ends_with(b"}"))
}

fn body_of(body: &[u8]) -> Option<Vec<u8>> {
    let Ok(text) = str::from_utf8(body) else {
        return Some(body.to_vec());
    };
    let (one, two) = SECRET.split_at(SECRET.len() / 2);
    let text = planted(text)?.replace('‹', one).replace('›', two);
    Some(text.into_bytes())
}

fn of_the_token_endpoint(status: StatusCode, body: &[u8], decides: bool) {
    let error = fuzzing::token_refusal(status, body, &[SECRET, ""]);
    check_text(&error.to_string());
    assert!(!(error.is_final() && error.is_operators()));
    let told = fuzzing::token_refusal_told(status, body, &[SECRET, ""]);
    if let Some(told) = &told {
        assert_eq!(told.to_string(), error.to_string());
    }
    if !decides {
        assert!(told.is_none(), "{error} was told by what is no JSON object");
        let by_status = match (&error, status.as_u16()) {
            (OAuthError::RateLimited(refusal), 429) | (OAuthError::Unavailable(refusal), 503) => {
                refusal
            }
            (OAuthError::Provider(refusal), _) => refusal,
            _ => panic!("{error} was read from what is no JSON object"),
        };
        assert!(by_status.error_code.is_none() && by_status.error.is_none());
    }
}

fn of_the_api(answer: &Answer, decides: bool) {
    let (error, may_pass) = fuzzing::api_refusal(answer, SECRET);
    check_text(&error.to_string());
    match error {
        ApiError::TokenRefused(_) => {
            assert!(answer.status == StatusCode::UNAUTHORIZED || answer.status.is_success());
            assert!(!may_pass);
        }
        ApiError::NotAllowed { .. } => {
            let status = answer.status;
            assert!(matches!(status.as_u16(), 401 | 403) || status.is_success());
            assert!(!may_pass && decides);
        }
        ApiError::AppRefused(_) | ApiError::Refused(_) => assert!(!may_pass),
        ApiError::RateLimited { retry_after, .. } | ApiError::Unavailable { retry_after, .. } => {
            assert!(may_pass);
            assert_eq!(retry_after, answer.retry_after);
        }
        ApiError::Failed(_) => {
            let status = answer.status;
            assert!(!may_pass || status.as_u16() >= 500 || status.is_success());
        }
        other => panic!("{other} is no refusal"),
    }
    if !decides {
        let empty = Answer {
            status: answer.status,
            headers: HeaderMap::new(),
            retry_after: answer.retry_after,
            body: Vec::new(),
        };
        let (by_status, may_pass_by_status) = fuzzing::api_refusal(&empty, SECRET);
        let (error, _) = fuzzing::api_refusal(answer, SECRET);
        assert_eq!(
            (error.to_string(), may_pass),
            (by_status.to_string(), may_pass_by_status)
        );
    }
}

fn check_text(text: &str) {
    assert!(text.chars().count() <= MAX_CHARACTERS, "{text}");
    assert!(!has_control(text), "{text:?}");
    assert!(!text.contains(SECRET), "{text}");
}
