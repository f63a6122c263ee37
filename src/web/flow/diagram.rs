//! The messages as a sequence diagram: one row a message, in the order in which they were sent, and a row of its own for an
//! answer that comes after other messages.

use axum::http::StatusCode;
use jiff::Timestamp;

use super::curl;
use super::explanation::{Explanation, Party};
use super::steps::{explain, reaction};
use crate::flow::{Ending, Message};

/// A row of the diagram.
pub(super) enum Row {
    /// A message, with its answer if that came right after it.
    Message(Box<Shown>),
    /// The answer to an earlier message.
    Answer(Answered),
}

/// A message as the page shows it.
pub(super) struct Shown {
    pub(super) number: usize,
    pub(super) explanation: &'static Explanation,
    pub(super) at: Moment,
    pub(super) duration: String,
    pub(super) attempt: u32,
    /// Method and path.
    pub(super) line: String,
    pub(super) outcome: Outcome,
    /// Whether its answer has a row of its own.
    pub(super) is_answered_later: bool,
    pub(super) request: String,
    pub(super) answer: String,
    pub(super) reaction: Option<&'static str>,
    pub(super) curl: String,
}

/// An answer that has a row of its own.
pub(super) struct Answered {
    pub(super) number: usize,
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) outcome: Outcome,
    pub(super) duration: String,
}

/// How a message ended, in a word or two.
#[derive(Clone)]
pub(super) struct Outcome {
    pub(super) text: String,
    /// The badge's class: `ok`, `warn`, `error` or none.
    pub(super) class: &'static str,
}

/// An instant in words and exactly.
pub(super) struct Moment {
    pub(super) words: String,
    pub(super) exact: String,
}

/// The rows of `messages`, which are ordered by their time. `base` is how browsers reach this app.
pub(super) fn rows(messages: &[Message], base: &str) -> Vec<Row> {
    let mut rows = Vec::with_capacity(messages.len() * 2);
    // Messages of a browser that wait for their answer while this app talks to Smartsheet.
    let mut open: Vec<(usize, &Message)> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        answer_until(&mut rows, &mut open, message.at);
        let date = |message: &Message| message.at.strftime("%Y-%m-%d").to_string();
        let is_same_day = index > 0 && date(&messages[index - 1]) == date(message);
        let mut shown = show(index + 1, message, base, is_same_day);
        if shown.explanation.to == Party::App {
            let next = messages.get(index + 1);
            shown.is_answered_later = next.is_some_and(|next| is_within(next, message));
            if shown.is_answered_later {
                open.push((index + 1, message));
            }
        }
        rows.push(Row::Message(Box::new(shown)));
    }
    answer_until(&mut rows, &mut open, Timestamp::MAX);
    rows
}

/// Whether `inner` is a call of this app that was made while it answered `outer`.
fn is_within(inner: &Message, outer: &Message) -> bool {
    explain(inner.step).from == Party::App && inner.at < outer.ended_at()
}

/// Adds the answers that were sent before `time`.
fn answer_until(rows: &mut Vec<Row>, open: &mut Vec<(usize, &Message)>, time: Timestamp) {
    open.sort_by_key(|(_, message)| std::cmp::Reverse(message.ended_at()));
    while let Some((number, message)) = open.pop_if(|(_, message)| message.ended_at() <= time) {
        let Explanation { from, to, .. } = *explain(message.step);
        rows.push(Row::Answer(Answered {
            number,
            from: to,
            to: from,
            outcome: outcome(message),
            duration: duration(message.micros),
        }));
    }
}

fn show(number: usize, message: &Message, base: &str, is_same_day: bool) -> Shown {
    let request = &message.request;
    let words = if is_same_day {
        "%H:%M:%S UTC"
    } else {
        "%-d %b %Y, %H:%M:%S UTC"
    };
    let path = path_of(without_host(&request.url));
    Shown {
        number,
        explanation: explain(message.step),
        at: Moment {
            words: message.at.strftime(words).to_string(),
            exact: message.at.to_string(),
        },
        duration: duration(message.micros),
        attempt: message.attempt,
        line: format!("{} {path}", request.method),
        outcome: outcome(message),
        is_answered_later: false,
        request: raw_request(message),
        answer: raw_answer(message),
        reaction: reaction(message),
        curl: curl::command(message, base),
    }
}

/// The path and query of a URL that is masked, and so is no URL for a parser.
fn without_host(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return url;
    };
    rest.find('/').map_or("/", |start| &rest[start..])
}

fn path_of(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or(target)
}

/// The request as it went over the wire.
fn raw_request(message: &Message) -> String {
    let request = &message.request;
    let has_host = request.headers.iter().any(|(name, _)| name == "host");
    // The host is in its header.
    let target = if has_host {
        without_host(&request.url)
    } else {
        &request.url
    };
    let mut raw = format!("{} {target} HTTP/1.1\n", request.method);
    raw.push_str(&header_lines(&request.headers));
    if let Some(body) = &request.body {
        raw.push('\n');
        raw.push_str(body);
        raw.push('\n');
    }
    raw
}

/// The answer as it came over the wire.
fn raw_answer(message: &Message) -> String {
    match &message.ending {
        Ending::Answer(answer) => {
            let mut raw = format!("HTTP/1.1 {}\n", status_line(answer.status));
            raw.push_str(&header_lines(&answer.headers));
            if let Some(body) = &answer.body {
                raw.push('\n');
                raw.push_str(body);
                raw.push('\n');
            }
            raw
        }
        Ending::Failure(why) => format!("(no answer: {why})\n"),
        Ending::Unseen { location } => {
            format!("(seen by the browser alone)\nlocation: {location}\n")
        }
    }
}

fn header_lines(headers: &[(String, String)]) -> String {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    lines.collect()
}

fn status_line(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok();
    let reason = reason.and_then(|status| status.canonical_reason());
    format!("{status} {}", reason.unwrap_or_default())
        .trim_end()
        .to_owned()
}

fn outcome(message: &Message) -> Outcome {
    let (text, class) = match &message.ending {
        Ending::Answer(answer) => {
            let class = match answer.status {
                200..400 => "ok",
                400..500 => "warn",
                _ => "error",
            };
            (status_line(answer.status), class)
        }
        Ending::Failure(_) => ("no answer".to_owned(), "error"),
        Ending::Unseen { location } if location.contains("error=") => ("denied".to_owned(), "warn"),
        Ending::Unseen { .. } => ("sent back".to_owned(), ""),
    };
    Outcome { text, class }
}

/// A duration as people read it: three digits are enough.
fn duration(micros: u64) -> String {
    let whole = |value: u64, unit: u64| (value + unit / 2) / unit;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", whole(micros, 1_000)),
        1_000_000..60_000_000 => {
            format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000)
        }
        _ => format!("{} min", whole(micros, 60_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::after;
    use crate::flow::{Answer, Request, Step};

    fn message(step: Step, at: u64, took: u64) -> Message {
        Message {
            step,
            at: after(Timestamp::UNIX_EPOCH, Duration::from_millis(at)),
            micros: took * 1000,
            attempt: 1,
            request: Request {
                method: "GET".to_owned(),
                url: "/x?y".to_owned(),
                headers: Vec::new(),
                body: None,
            },
            ending: Ending::Answer(Answer {
                status: 200,
                headers: Vec::new(),
                body: None,
            }),
        }
    }

    #[test]
    fn answers_come_after_what_was_said_in_between() {
        let messages = [
            message(Step::SignIn, 0, 2),
            message(Step::Callback, 10, 20),
            message(Step::CodeExchange, 12, 15),
            message(Step::Profile, 40, 30),
            message(Step::CurrentUser, 41, 5),
            message(Step::CurrentUser, 50, 5),
            message(Step::Profile, 100, 1),
        ];
        let order: Vec<String> = rows(&messages, "http://localhost:8080/")
            .iter()
            .map(|row| match row {
                Row::Message(shown) if shown.is_answered_later => format!("{}…", shown.number),
                Row::Message(shown) => shown.number.to_string(),
                Row::Answer(answered) => format!("…{}", answered.number),
            })
            .collect();
        assert_eq!(order, ["1", "2…", "3", "…2", "4…", "5", "6", "…4", "7"]);
    }

    #[test]
    fn durations_in_words() {
        for (micros, words) in [
            (7, "7 µs"),
            (1_234, "1.2 ms"),
            (12_600, "13 ms"),
            (1_250_000, "1.2 s"),
            (600_000_000, "10 min"),
        ] {
            assert_eq!(duration(micros), words);
        }
    }
}
