//! The messages as an HTTP Archive 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), which developer tools of browsers open.

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::data::in_millis;
use super::outcome::{note, status_line};
use super::sides::whole_url;
use super::steps::explain;
use crate::flow::{Ending, Message, Request};

/// `messages`, as they are shown: masked. `base` is how browsers reach this app.
pub(super) fn archive(messages: &[Message], base: &Url) -> String {
    let entries: Vec<Value> = messages
        .iter()
        .map(|message| entry(message, base))
        .collect();
    let archive = json!({
        "log": {
            "version": "1.2",
            "creator": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
            "entries": entries,
            "comment": "Secrets are masked: of each, four characters are shown at most.",
        },
    });
    format!("{archive:#}")
}

fn entry(message: &Message, base: &Url) -> Value {
    let explanation = explain(message.step);
    let millis = in_millis(message.micros);
    let mut entry = json!({
        "startedDateTime": message.at.to_string(),
        "time": millis,
        "request": request(&message.request, base),
        "response": response(message),
        "cache": {},
        "timings": { "send": 0, "wait": millis, "receive": 0 },
        "comment": match note(message) {
            Some(note) => format!("{}. {note}", explanation.title),
            None => explanation.title.to_owned(),
        },
    });
    if let Ending::Failure(why) = &message.ending {
        entry["response"]["_error"] = why.as_str().into();
    }
    entry
}

fn request(request: &Request, base: &Url) -> Value {
    let url = whole_url(request, base.as_str());
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut value = json!({
        "method": request.method,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&request.headers),
        "queryString": pairs(form_urlencoded::parse(query.as_bytes())),
        "headersSize": -1,
        "bodySize": request.body.as_ref().map_or(0, String::len),
    });
    value["url"] = url.into();
    if let Some(body) = &request.body {
        value["postData"] = json!({ "mimeType": kind(&request.headers), "text": body });
    }
    value
}

/// An answer that this app did not see, or that never came, has the status 0, as in browsers.
fn response(message: &Message) -> Value {
    let (status, sent, body) = match (&message.ending, message.answer()) {
        (Ending::Unseen { location }, _) => {
            let location = ("location".to_owned(), location.clone());
            (0, vec![location], "")
        }
        (_, Some(answer)) => (
            answer.status,
            answer.headers.clone(),
            answer.body.as_deref().unwrap_or_default(),
        ),
        (_, None) => (0, Vec::new(), ""),
    };
    let reason = status_line(status);
    let reason = reason.split_once(' ').map_or("", |(_, reason)| reason);
    let location = sent.iter().find(|(name, _)| name == "location");
    json!({
        "status": status,
        "statusText": reason,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&sent),
        "content": { "size": body.len(), "mimeType": kind(&sent), "text": body },
        "redirectURL": location.map_or("", |(_, location)| location),
        "headersSize": -1,
        "bodySize": body.len(),
    })
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    pairs(headers.iter().map(|(name, value)| (name, value)))
}

fn pairs(pairs: impl Iterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> Vec<Value> {
    pairs
        .map(|(name, value)| json!({ "name": name.as_ref(), "value": value.as_ref() }))
        .collect()
}

fn kind(headers: &[(String, String)]) -> &str {
    let found = headers.iter().find(|(name, _)| name == "content-type");
    found.map_or("", |(_, kind)| kind)
}
