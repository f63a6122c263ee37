//! The rows in blocks: a sign-in each, with what was done with its tokens. Visits that repeat what was done before are one row.

use super::diagram::{Row, SentAt, Shown};
use super::explanation::Party;
use super::outcome::{Class, Outcome};
use crate::flow::Step;

/// One sign-in and what followed, or what is left of one whose beginning is gone.
pub(super) struct Block {
    pub(super) title: &'static str,
    /// When its first message was sent.
    pub(super) at: SentAt,
    pub(super) outcome: Option<Outcome>,
    /// The number of its first message.
    pub(super) first: usize,
    pub(super) entries: Vec<Entry>,
}

/// What stands in a block.
pub(super) enum Entry {
    Row(Row),
    /// Visits to one page that all went as they should, one after the other.
    Visits {
        title: &'static str,
        line: String,
        count: usize,
        rows: Vec<Row>,
    },
}

/// `rows` in blocks.
pub(super) fn blocks(rows: Vec<Row>) -> Vec<Block> {
    let mut blocks: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        let begins = matches!(&row, Row::Message(shown) if shown.step == Step::SignIn);
        match blocks.last_mut() {
            Some(block) if !begins => block.push(row),
            _ => blocks.push(vec![row]),
        }
    }
    blocks.into_iter().filter_map(block).collect()
}

fn block(rows: Vec<Row>) -> Option<Block> {
    let first = messages(&rows).next()?;
    let is_sign_in = first.step == Step::SignIn;
    Some(Block {
        title: if is_sign_in { "Sign-in" } else { "Messages" },
        at: first.at.clone(),
        outcome: is_sign_in.then(|| result(&rows)),
        first: first.number,
        entries: entries(rows),
    })
}

/// How the sign-in ended.
fn result(rows: &[Row]) -> Outcome {
    let is_denied =
        |shown: &Shown| shown.step == Step::Consent && shown.outcome.class == Class::Warn;
    let callback = messages(rows).find(|shown| shown.step == Step::Callback);
    let (text, class) = match callback {
        None => ("under way", Class::Plain),
        Some(callback) if callback.outcome.class == Class::Ok => ("signed in", Class::Ok),
        Some(_) if messages(rows).any(is_denied) => ("denied", Class::Warn),
        Some(_) => ("failed", Class::Error),
    };
    Outcome {
        text: text.to_owned(),
        class,
    }
}

fn messages(rows: &[Row]) -> impl Iterator<Item = &Shown> {
    rows.iter().filter_map(|row| match row {
        Row::Message(shown) => Some(&**shown),
        Row::Answer(_) => None,
    })
}

/// `rows`, with visits in place of those that repeat.
fn entries(rows: Vec<Row>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(rows.len());
    let mut alike: Vec<Vec<Row>> = Vec::new();
    for visit in visits(rows) {
        let is_like_them = alike
            .last()
            .is_none_or(|last| is_ordinary(last) && what(last) == what(&visit));
        if !is_like_them || !is_ordinary(&visit) {
            settle(&mut entries, &mut alike);
        }
        alike.push(visit);
    }
    settle(&mut entries, &mut alike);
    entries
}

/// `rows`, cut before each message of a browser's to this app.
fn visits(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut visits: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        let begins =
            matches!(&row, Row::Message(shown) if shown.explanation.from == Party::Browser);
        match visits.last_mut() {
            Some(visit) if !begins => visit.push(row),
            _ => visits.push(vec![row]),
        }
    }
    visits
}

fn is_ordinary(visit: &[Row]) -> bool {
    let is_page = |shown: &Shown| matches!(shown.step, Step::Profile | Step::OpenSheets);
    messages(visit).next().is_some_and(is_page) && messages(visit).all(|shown| shown.note.is_none())
}

fn what(visit: &[Row]) -> Option<&str> {
    messages(visit).next().map(|shown| shown.line.as_str())
}

/// Moves the visits that are `alike` to the entries: several as one.
fn settle(entries: &mut Vec<Entry>, alike: &mut Vec<Vec<Row>>) {
    let count = alike.len();
    let rows: Vec<Row> = alike.drain(..).flatten().collect();
    let first = messages(&rows).next();
    match first.map(|first| (first.explanation.title, first.line.clone())) {
        Some((title, line)) if count > 1 => entries.push(Entry::Visits {
            title,
            line,
            count,
            rows,
        }),
        _ => entries.extend(rows.into_iter().map(Entry::Row)),
    }
}
