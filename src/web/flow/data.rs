//! The messages for programs: the same as the page shows.

use serde_json::{Value, json};

use super::curl;
use super::outcome::note;
use super::reaction::reaction;
use super::steps::explain;
use crate::flow::{Ending, Message};
use crate::web::App;

/// Message `number` as JSON.
pub(super) fn as_data(number: usize, message: &Message, app: &App) -> Value {
    let explanation = explain(message.step);
    let request = &message.request;
    let failure = match &message.ending {
        Ending::Failure(why) | Ending::Unusable { why, .. } => Some(why),
        Ending::Answer(_) | Ending::Unseen { .. } => None,
    };
    let answer = match (&message.ending, message.answer()) {
        (Ending::Unseen { location }, _) => json!({ "headers": [["location", location]] }),
        (_, Some(answer)) => {
            json!({ "status": answer.status, "headers": answer.headers, "body": answer.body })
        }
        (_, None) => Value::Null,
    };
    json!({
        "number": number,
        "step": message.step,
        "title": explanation.title,
        "from": explanation.from,
        "to": explanation.to,
        "at": message.at.to_string(),
        "duration_ms": in_millis(message.micros),
        "attempt": message.attempt,
        "status": message.status(),
        "failure": failure,
        "note": note(message),
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "body": request.body,
        },
        "answer": answer,
        "purpose": explanation.purpose,
        "without": explanation.without,
        "source": explanation.source,
        "reaction": reaction(message),
        "curl": curl::command(message, app.settings.base_url.as_str()),
    })
}

/// Microseconds in milliseconds.
pub(super) fn in_millis(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64() * 1000.0
}
