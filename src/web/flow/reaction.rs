//! What this app made of an ending that is not the ordinary one.

use serde_json::Value;

use crate::flow::{Answer, Ending, Message, Step};

/// What this app did then. `None` for the ordinary ending.
pub(super) fn reaction(message: &Message) -> Option<&'static str> {
    match &message.ending {
        Ending::Answer(answer) if answer.status >= 400 => Some(to_refusal(message.step, answer)),
        Ending::Unseen { location } if location.contains("error=") => {
            Some("Smartsheet sent the browser back with an error instead of a code.")
        }
        Ending::Answer(_) | Ending::Unseen { .. } => None,
        Ending::Failure(_) | Ending::Unusable { .. } => Some(to_nothing(message.step)),
    }
}

/// Without an answer that could be used.
fn to_nothing(step: Step) -> &'static str {
    match step {
        Step::CodeExchange => {
            "So nobody was signed in. The request was not repeated: a code works once."
        }
        Step::Refresh => "The session kept its tokens, and the next visit tries again.",
        Step::SaveRow => {
            "So nobody knows whether it was saved. It was not sent again: that could save it twice."
        }
        Step::Revocation => "The session ended all the same. The revocation is tried again later.",
        Step::PassOn => "Whoever called was told so.",
        _ => "The session was kept.",
    }
}

fn is_read(step: Step) -> bool {
    matches!(
        step,
        Step::CurrentUser | Step::ListSheets | Step::ReadSheet | Step::CellHistory
    )
}

fn to_refusal(step: Step, answer: &Answer) -> &'static str {
    let code = error_code(answer);
    let is_call = is_read(step) || step == Step::SaveRow;
    match (step, answer.status) {
        (_, 401)
            if (is_call || step == Step::PassOn) && matches!(code, None | Some(1002 | 1003)) =>
        {
            "Smartsheet refused the token: this app refreshes it and asks again, once."
        }
        (_, 401 | 403) if is_call && code.is_some() => {
            "Smartsheet does not allow this to this person. Asking again would not help."
        }
        (Step::PassOn, _) => {
            "Whoever called gets this answer, unless asking again is known to do no harm: then this app asks again a few times."
        }
        (step, status) if is_read(step) => to_refused_read(status, code),
        (Step::SaveRow, status) => to_refused_change(status, code),
        (Step::CodeExchange, _) => {
            "Smartsheet refused the exchange, so nobody was signed in. It was not repeated: a code works once."
        }
        (Step::Refresh, _) if says_invalid_grant(answer) => {
            "The grant is gone: the tokens were dropped, and the person was asked to sign in again."
        }
        (Step::Revocation, 401) => {
            "The access token is void already. This app refreshes it once more, to be sure that the grant is gone."
        }
        (Step::Refresh | Step::Revocation, _) => to_nothing(step),
        _ => "This app answered with a page that says what happened and what to do next.",
    }
}

/// As the API's table of errors says: what may pass is asked again, and nothing else.
fn to_refused_read(status: u16, code: Option<u64>) -> &'static str {
    match (status, code) {
        (429, _) | (_, Some(4003)) => {
            "Smartsheet asked for a pause: this app asks again a few times, or passes the wait on when it is long."
        }
        (503, _) | (_, Some(4001 | 4002 | 4004)) => {
            "Smartsheet’s documentation says that this may pass, so this app asks again a few times."
        }
        (_, Some(4000)) => {
            "Smartsheet’s documentation says not to repeat a call that ends with error code 4000, so this app did not."
        }
        (400..500, _) => "The call was refused. Asking again would not help.",
        _ => "Smartsheet failed, and nothing says that it may pass. This app did not ask again.",
    }
}

/// A change is sent again only where it is proven that nothing was done.
fn to_refused_change(status: u16, code: Option<u64>) -> &'static str {
    match (status, code) {
        (429, _) | (_, Some(4001 | 4003 | 4004)) => {
            "Nothing was saved, so this app sends it again in a moment, a few times."
        }
        (400..500, _) => {
            "Smartsheet refused it, and nothing was saved. What was typed stays in the form."
        }
        _ => "Nobody knows whether it was saved. It was not sent again: that could save it twice.",
    }
}

/// Smartsheet's `errorCode`: a number, or a string of digits.
fn error_code(answer: &Answer) -> Option<u64> {
    let body: Value = serde_json::from_str(answer.body.as_deref()?).ok()?;
    match body.get("errorCode")? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

/// Whether `answer` says that the grant is gone (RFC 6749 section 5.2).
pub(super) fn says_invalid_grant(answer: &Answer) -> bool {
    let body = answer.body.as_deref().unwrap_or_default();
    body.contains("invalid_grant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_table_of_errors_says() {
        for (step, status, body, words) in [
            (
                Step::CurrentUser,
                500,
                r#"{"errorCode":4000}"#,
                "not to repeat",
            ),
            (
                Step::CurrentUser,
                500,
                r#"{"errorCode":4002}"#,
                "asks again a few times",
            ),
            (Step::CurrentUser, 503, "<html>", "asks again a few times"),
            (Step::ListSheets, 502, "<html>", "did not ask again"),
            (
                Step::CurrentUser,
                401,
                r#"{"errorCode":"1003"}"#,
                "refreshes it",
            ),
            (
                Step::SaveRow,
                500,
                r#"{"errorCode":4004}"#,
                "sends it again",
            ),
            (
                Step::SaveRow,
                500,
                r#"{"errorCode":4000}"#,
                "not sent again",
            ),
        ] {
            let answer = Answer {
                status,
                headers: Vec::new(),
                body: Some(body.to_owned()),
            };
            let said = to_refusal(step, &answer);
            assert!(said.contains(words), "{step:?} {status} {body}: {said}");
        }
    }
}
