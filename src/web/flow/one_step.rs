//! `GET /flow?step=N`: one message of a sign-in at a time.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::code::SourceFile;
use super::diagram::{Shown, show};
use crate::flow::{Message, Step};
use crate::oauth;
use crate::oauth::secrecy::SecretString;
use crate::web::failure::{Action, Failure};
use crate::web::frame::Viewer;
use crate::web::{App, Frame, Here, page, query};

/// The values of Smartsheet's documentation, to begin with.
const SAMPLE_CODE: &str = "sample6p9qisx6a";
const SAMPLE_SECRET: &str = "9samp7le3for71you";

/// The longest text that a hash is made of, in bytes.
const MAX_HASHED: usize = 256;

#[derive(Template)]
#[template(path = "flow/step.html")]
struct StepPage {
    frame: Frame,
    is_example: bool,
    message: Shown,
    /// Which message of its sign-in it is, and how many that has.
    place: (usize, usize),
    previous: Option<usize>,
    next: Option<usize>,
    code: SourceFile,
    hash: Option<HashForm>,
}

/// What `hash` is made of, to be tried out in the sandbox.
struct HashForm {
    code: String,
    secret: String,
    hash: String,
}

/// The page of the message whose number was `asked` for, in its sign-in. `None` when there is no such message.
pub(super) fn step_page(
    app: &App,
    messages: &[Message],
    is_example: bool,
    viewer: Viewer,
    asked: &str,
    query: &str,
) -> Option<Response> {
    let number: usize = asked.parse().ok()?;
    let message = messages.get(number.checked_sub(1)?)?;
    let (first, last) = sign_in_around(messages, number);
    let shown = show(number, message, app.settings.base_url.as_str(), false);
    Some(page(&StepPage {
        frame: Frame::of(app, Here::Flow).for_viewer(viewer),
        is_example,
        place: (number - first + 1, last - first + 1),
        previous: (number > first).then(|| number - 1),
        next: (number < last).then(|| number + 1),
        code: SourceFile::of(message.step),
        hash: (app.settings.sandbox && message.step == Step::CodeExchange)
            .then(|| HashForm::of(query)),
        message: shown,
    }))
}

/// The numbers of the first and last message of the sign-in that message `number` belongs to.
fn sign_in_around(messages: &[Message], number: usize) -> (usize, usize) {
    let begins = |message: &Message| message.step == Step::SignIn;
    let (before, after) = messages.split_at(number);
    let first = before.iter().rposition(begins).unwrap_or(0) + 1;
    let following = after.iter().position(begins);
    (first, number + following.unwrap_or(after.len()))
}

impl HashForm {
    fn of(query: &str) -> Self {
        let value = |name: &str, sample: &str| {
            let given = query::first(query, name).filter(|value| value.len() <= MAX_HASHED);
            given.map_or_else(|| sample.to_owned(), Cow::into_owned)
        };
        let code = value("code", SAMPLE_CODE);
        let secret = value("secret", SAMPLE_SECRET);
        Self {
            hash: oauth::hash(&SecretString::from(secret.as_str()), &code),
            code,
            secret,
        }
    }
}

/// 404: `/flow?step=N` with a number that no message has.
pub(super) fn no_such_message() -> Failure {
    Failure {
        why: "The number is that of a message in the flow. Messages go when you sign out, and the oldest go first.",
        advice: "Look at the flow as it is now.",
        action: Action::to("Open the flow", "/flow".to_owned()),
        ..Failure::plain(
            StatusCode::NOT_FOUND,
            "no-such-message",
            "Message not found",
            "The flow of this browser has no message of this number.".to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_documentation_until_something_else_is_typed() {
        let form = HashForm::of("step=4");
        assert!(form.hash.starts_with("9145806b14cf7f16"), "{}", form.hash);
        let other = HashForm::of("step=4&code=b&secret=a%7C");
        assert_eq!((other.code.as_str(), other.secret.as_str()), ("b", "a|"));
        assert_ne!(form.hash, other.hash);
    }
}
