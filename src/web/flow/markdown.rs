//! The messages as Markdown, for the report of a problem.

use std::fmt::Write as _;

use super::outcome::{duration, note, outcome};
use super::sides::{self, Line, Side};
use super::steps::explain;
use crate::flow::Message;

/// The shortest fence around a text.
const FENCE: usize = 3;

/// `messages`, as they are shown: masked.
pub(super) fn report(messages: &[Message], is_example: bool) -> String {
    let mut text = format!(
        "# Flow of a sign-in with Smartsheet{}\n\n{} {}. Secrets are masked: of each, four characters are shown at most.\n",
        if is_example { " (example)" } else { "" },
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
    );
    for (index, message) in messages.iter().enumerate() {
        let explanation = explain(message.step);
        let attempt = match message.attempt {
            1 => String::new(),
            attempt => format!(", try {attempt}"),
        };
        let _ = write!(
            text,
            "\n## {}. {}{attempt}: {}\n\n{} to {}, {}, {}\n",
            index + 1,
            explanation.title,
            outcome(message).text,
            explanation.from.name(),
            explanation.to.name(),
            message.at,
            duration(message.micros),
        );
        if let Some(note) = note(message) {
            let _ = write!(text, "\n> {}\n", one_line(&note));
        }
        text.push_str(&fenced(&sides::request(message)));
        text.push_str(&fenced(&sides::answer(message)));
    }
    text
}

/// A text that may repeat what somebody else sent, so that it stays in its quote.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A side within a fence that nothing in it can end.
fn fenced(side: &Side) -> String {
    let mut inside = String::new();
    let mut add = |lines: &[Line]| {
        for line in lines {
            inside.push_str(&line.text);
            inside.push('\n');
        }
    };
    add(&side.head);
    add(&side.more);
    if !side.body.is_empty() {
        add(&[Line::plain(String::new())]);
        add(&side.body);
    }
    let longest = inside.split(|letter| letter != '`').map(str::len).max();
    let fence = "`".repeat(FENCE.max(longest.unwrap_or_default() + 1));
    format!("\n{fence}http\n{inside}{fence}\n")
}
