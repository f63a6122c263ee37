//! Two people, one row: what the one typed beside what the other has written meanwhile.

use super::cells::Content;
use super::cells::Shown;
use super::fields::{Field, title, values};
use super::form::Form;
use super::sent::Sent;
use super::shown;
use super::who::Who;
use crate::session::Person;
use crate::smartsheet::{Column, Row};
use crate::web::moment::{Moment, Reader};

/// Both sides of it.
pub(super) struct Conflict {
    /// Who changed the row last.
    pub(super) who: Who,
    pub(super) when: Option<Moment>,
    pub(super) columns: Vec<Disputed>,
}

/// A column that both see differently.
pub(super) struct Disputed {
    pub(super) title: String,
    /// What was typed; nothing for an empty field.
    pub(super) mine: String,
    pub(super) theirs: Content,
    /// Whether the form was sent with what it had shown.
    pub(super) is_untouched: bool,
}

/// Which of `offered` are not as the form showed them. The version alone tells nothing of a row; what the form brings beside it
/// does. A form without that is taken to have shown another row.
pub(super) fn changed<'a>(
    sent: &Sent,
    version: Option<u64>,
    offered: &[&'a Column],
    row: &Row,
) -> Vec<&'a Column> {
    if sent.version == version {
        return Vec::new();
    }
    match &sent.shown {
        Some(shown) => shown::differing(shown, offered, row),
        None => offered.to_vec(),
    }
}

impl Conflict {
    pub(super) fn of(
        sent: &Sent,
        changed: &[&Column],
        offered: &[&Column],
        row: &Row,
        person: Option<&Person>,
    ) -> Self {
        let reader = Reader::for_person(person);
        let is_changed = |column: &Column| changed.iter().any(|other| other.id == column.id);
        let disputed = offered.iter().filter_map(|column| {
            let mine = sent.typed(column)?;
            let differs = values(column, Some(row)) != mine;
            differs.then(|| Disputed {
                title: title(column),
                mine: mine.join(", "),
                theirs: Shown::of(row.cell(column.id), column, &reader).content,
                is_untouched: is_changed(column) && is_untouched(sent, column, &mine),
            })
        });
        Self {
            who: Who::of(row.modified_by.as_ref(), person),
            when: row.modified_at.map(|at| reader.read_briefly(at)),
            columns: disputed.collect(),
        }
    }
}

fn is_untouched(sent: &Sent, column: &Column, mine: &[String]) -> bool {
    let shown = sent.shown.as_deref();
    shown.is_some_and(|shown| shown::had(shown, column, mine))
}

/// Lets `form` have what the other wrote wherever the person had left what was there.
pub(super) fn settle(form: &mut Form, sent: &Sent, offered: &[&Column], row: &Row) {
    form.submit = "Use mine";
    for (field, column) in form.fields.iter_mut().zip(offered) {
        let typed = sent.typed(column);
        if typed.is_some_and(|typed| is_untouched(sent, column, &typed)) {
            *field = Field::of(column, &values(column, Some(row)));
        }
    }
}
