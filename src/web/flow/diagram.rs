//! The messages as a sequence diagram: one row a message, in the order in which they were sent, and a row of its own for an
//! answer that comes after other messages.

use jiff::Timestamp;

use super::curl::{self, Variable};
use super::explanation::{Explanation, Party};
use super::outcome::{Outcome, duration, note, outcome};
use super::sides::{self, Side, without_host};
use super::steps::explain;
use crate::flow::{Message, Step};

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
    pub(super) step: Step,
    pub(super) explanation: &'static Explanation,
    pub(super) at: SentAt,
    pub(super) duration: String,
    pub(super) attempt: u32,
    /// Method and path.
    pub(super) line: String,
    pub(super) outcome: Outcome,
    /// Whether its answer has a row of its own.
    pub(super) is_answered_later: bool,
    pub(super) request: Side,
    pub(super) answer: Side,
    /// What was wrong, and what this app did then.
    pub(super) note: Option<String>,
    pub(super) curl: String,
    /// What stands in the command for what is not shown.
    pub(super) variables: Vec<&'static Variable>,
    /// Whether it is shown with all its content from the start.
    pub(super) is_open: bool,
    /// Whether it is what a link to the failure leads to.
    pub(super) is_failed: bool,
}

impl Shown {
    /// The note that its row has, open or closed.
    pub(super) fn note_on_row(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| !self.is_visit())
    }

    /// The note that is seen when it is opened. What this app answered to the browser follows from its calls, so no closed row says it.
    pub(super) fn note_inside(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| self.is_visit())
    }

    fn is_visit(&self) -> bool {
        self.explanation.to == Party::App
    }
}

/// An answer that has a row of its own.
pub(super) struct Answered {
    pub(super) number: usize,
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) outcome: Outcome,
    pub(super) duration: String,
}

/// When a message was sent, in words and exactly.
#[derive(Clone)]
pub(super) struct SentAt {
    pub(super) words: String,
    /// To the millisecond: nobody reads more.
    pub(super) millis: String,
    pub(super) exact: String,
}

/// The rows of `messages`, which are ordered by their time. `base` is how browsers reach this app.
pub(super) fn rows(messages: &[Message], base: &str) -> Vec<Row> {
    let mut rows = Vec::with_capacity(messages.len() * 2);
    // Messages of a browser that wait for their answer while this app talks to Smartsheet.
    let mut open: Vec<(usize, &Message)> = Vec::new();
    let mut explained = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        answer_until(&mut rows, &mut open, message.at);
        let date = |message: &Message| message.at.strftime("%Y-%m-%d").to_string();
        let is_same_day = index > 0 && date(&messages[index - 1]) == date(message);
        let mut shown = show(index + 1, message, base, is_same_day);
        // Each variable is explained where it first occurs.
        shown
            .variables
            .retain(|variable| !explained.contains(&variable.name));
        explained.extend(shown.variables.iter().map(|variable| variable.name));
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

/// `message` as the page shows it, with its date unless the one before it had the same.
pub(super) fn show(number: usize, message: &Message, base: &str, is_same_day: bool) -> Shown {
    let request = &message.request;
    let words = if is_same_day {
        "%H:%M:%S UTC"
    } else {
        "%-d %b %Y, %H:%M:%S UTC"
    };
    let path = path_of(without_host(&request.url));
    let curl = curl::command(message, base);
    Shown {
        number,
        step: message.step,
        explanation: explain(message.step),
        at: SentAt {
            words: message.at.strftime(words).to_string(),
            millis: message.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            exact: message.at.to_string(),
        },
        duration: duration(message.micros),
        attempt: message.attempt,
        line: format!("{} {path}", request.method),
        outcome: outcome(message),
        is_answered_later: false,
        request: sides::request(message),
        answer: sides::answer(message),
        note: note(message),
        variables: curl::variables(&curl),
        curl,
        is_open: false,
        is_failed: false,
    }
}

fn path_of(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::after;
    use crate::flow::{Answer, Ending, Request};

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
}
