//! What this instance showed in the forms of rows, for those that come back with the version alone: from programs that fill them
//! in by themselves. What a browser sends says so itself ([`super::shown`]).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How many forms are remembered, and how long what they showed may be, in bytes: some megabytes in all.
const MAX_FORMS: usize = 2_000;
const MAX_BYTES: usize = 4_000;

/// A row of a sheet, as a version of it has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) sheet: u64,
    pub(super) row: u64,
    pub(super) version: u64,
}

/// The forms that were shown last.
#[derive(Debug, Default)]
pub struct ShownForms(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    shown: HashMap<Form, String>,
    /// The oldest first.
    order: VecDeque<Form>,
}

impl ShownForms {
    /// Remembers that `form` showed this. Of too many the oldest go.
    pub(super) fn remember(&self, form: Form, shown: &str) {
        if shown.len() > MAX_BYTES {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.shown.insert(form, shown.to_owned()).is_some() {
            return;
        }
        known.order.push_back(form);
        if known.order.len() > MAX_FORMS
            && let Some(oldest) = known.order.pop_front()
        {
            known.shown.remove(&oldest);
        }
    }

    /// What `form` showed, if that is known.
    pub(super) fn of(&self, form: Form) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.shown.get(&form).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let forms = ShownForms::default();
        let form = |row| Form {
            sheet: 1,
            row,
            version: 7,
        };
        for row in 0..MAX_FORMS as u64 + 10 {
            forms.remember(form(row), "1:00000000");
            forms.remember(form(row), "1:00000000");
        }
        assert_eq!(forms.of(form(9)), None);
        assert!(forms.of(form(10)).is_some());
        forms.remember(form(5), &"x".repeat(MAX_BYTES + 1));
        assert_eq!(forms.of(form(5)), None);
        let known = forms.0.lock().unwrap();
        assert_eq!(
            (known.order.len(), known.shown.len()),
            (MAX_FORMS, MAX_FORMS)
        );
    }
}
