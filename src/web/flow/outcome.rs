//! How a message ended, in a few words: what this app made of it, and not the status alone.

use std::fmt;

use axum::http::StatusCode;

use super::reaction::reaction;
use crate::flow::{Ending, Message};

/// How a message ended.
#[derive(Clone)]
pub(super) struct Outcome {
    /// Such as `200 OK`, or `200 OK, not used`.
    pub(super) text: String,
    pub(super) class: Class,
}

/// What kind of ending it is, which is the class of its badge, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Ok,
    Warn,
    Error,
    /// None that this app judges.
    Plain,
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Plain => "",
        })
    }
}

/// The outcome of `message`.
pub(super) fn outcome(message: &Message) -> Outcome {
    let (text, class) = match &message.ending {
        Ending::Answer(answer) => {
            let class = match answer.status {
                200..400 => Class::Ok,
                400..500 => Class::Warn,
                _ => Class::Error,
            };
            (status_line(answer.status), class)
        }
        Ending::Unusable { answer, .. } => (
            format!("{}, not used", status_line(answer.status)),
            Class::Error,
        ),
        Ending::Failure(_) => ("no answer".to_owned(), Class::Error),
        Ending::Unseen { location } if location.contains("error=") => {
            ("denied".to_owned(), Class::Warn)
        }
        Ending::Unseen { .. } => ("sent back".to_owned(), Class::Plain),
    };
    Outcome { text, class }
}

/// What was wrong with the answer, and what this app did then. `None` for the ordinary ending.
pub(super) fn note(message: &Message) -> Option<String> {
    let reaction = reaction(message)?;
    Some(match &message.ending {
        Ending::Unusable { answer, why } => {
            let why = why.trim_end_matches('.');
            format!(
                "Smartsheet answered {}, but {why}: not used. {reaction}",
                answer.status
            )
        }
        Ending::Failure(why) => format!("No answer ({why}). {reaction}"),
        Ending::Answer(_) | Ending::Unseen { .. } => reaction.to_owned(),
    })
}

/// A status with its name.
pub(super) fn status_line(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok();
    let reason = reason.and_then(|status| status.canonical_reason());
    format!("{status} {}", reason.unwrap_or_default())
        .trim_end()
        .to_owned()
}

/// A duration as people read it: three digits are enough.
pub(super) fn duration(micros: u64) -> String {
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
    use super::*;

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
