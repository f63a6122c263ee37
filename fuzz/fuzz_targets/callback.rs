//! The query that Smartsheet sends a browser back with.
//!
//! Whatever it is, the result is one of those documented, and what is in it is what the query says: read a second time with
//! the URL standard's form parser, which shares no code with ours.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use smartsheet_oauth::{AuthorizationError, Callback, CallbackError, MAX_VALUE_BYTES, State};
use smartsheet_oauth_demo_fuzz::has_control;
use url::form_urlencoded;

fuzz_target!(|query: &str| {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let names: BTreeSet<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    let value = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    };
    let is_long = |text: &String| text.len() > MAX_VALUE_BYTES;
    match Callback::parse(query) {
        Ok(callback) => {
            assert_eq!(names.len(), pairs.len(), "a repeated parameter was read");
            assert!(
                !pairs
                    .iter()
                    .any(|(name, value)| is_long(name) || is_long(value))
            );
            assert_eq!(callback.state.as_ref().map(State::expose), value("state"));
            match callback.outcome {
                Ok(code) => {
                    assert_eq!(Some(code.expose()), value("code"));
                    assert_eq!(value("error"), None, "an error was ignored");
                }
                Err(error) => {
                    let said = value("error").expect("an error without `error`");
                    check_error(&error, said, value("error_description"));
                }
            }
        }
        Err(CallbackError::NothingToReadFrom) => {
            assert_eq!((value("code"), value("error")), (None, None));
        }
        Err(CallbackError::Repeated) => assert!(names.len() < pairs.len()),
        // The lenient parser puts U+FFFD where there is no UTF-8.
        Err(CallbackError::NotUtf8) => assert!(
            pairs
                .iter()
                .any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}'))
        ),
        Err(CallbackError::TooLong) => {
            assert!(
                pairs
                    .iter()
                    .any(|(name, value)| is_long(name) || is_long(value))
            );
        }
        Err(error) => panic!("{error} is not known here"),
    }
});

fn check_error(error: &AuthorizationError, said: &str, description: Option<&str>) {
    match error {
        AuthorizationError::Other {
            error,
            description: kept,
        } => {
            assert_eq!(kept.is_some(), description.is_some());
            for text in [Some(error), kept.as_ref()].into_iter().flatten() {
                assert!(text.chars().count() <= 300 && !has_control(text));
            }
        }
        known => {
            assert_eq!(known.to_string(), said);
            let may_pass = ["temporarily_unavailable", "server_error"].contains(&said);
            assert_eq!(known.may_pass(), may_pass);
        }
    }
}
