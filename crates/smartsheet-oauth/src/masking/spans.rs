//! Parts of a text that are not shown, and what is shown for them.

use std::borrow::Cow;

/// The parts, in any order; they may overlap.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<(usize, usize, String)>);

impl Spans {
    /// The part from `start` to `end` is shown as `shown`.
    pub(super) fn add(&mut self, (start, end): (usize, usize), shown: String) {
        if start < end {
            self.0.push((start, end, shown));
        }
    }

    /// `text` without them. Where some overlap, nothing is shown of any.
    pub(super) fn replace(mut self, text: &str) -> Cow<'_, str> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        self.0
            .sort_unstable_by_key(|(start, end, _)| (*start, *end));
        self.0.dedup_by(|later, earlier| {
            let overlap = later.0 < earlier.1;
            if overlap && later != earlier {
                earlier.1 = earlier.1.max(later.1);
                "…".clone_into(&mut earlier.2);
            }
            overlap
        });
        let mut shown = String::with_capacity(text.len());
        let mut from = 0;
        for (start, end, instead) in &self.0 {
            // A byte of a character that is not encoded stands within it: then all of it goes.
            let (start, end) = (floor(text, *start), ceil(text, *end));
            shown.push_str(text.get(from..start).unwrap_or_default());
            shown.push_str(instead);
            from = end.max(from);
        }
        shown.push_str(&text[from..]);
        Cow::Owned(shown)
    }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn ceil(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_replaced_and_overlapping_ones_together() {
        let replace = |text, parts: &[(usize, usize)]| {
            let mut spans = Spans::default();
            for part in parts {
                spans.add(*part, "x…".to_owned());
            }
            spans.replace(text).into_owned()
        };
        assert_eq!(replace("0123456789", &[]), "0123456789");
        assert_eq!(
            replace("0123456789", &[(7, 9), (2, 4), (2, 4), (5, 5)]),
            "01x…456x…9"
        );
        assert_eq!(replace("0123456789", &[(1, 4), (2, 6), (6, 7)]), "0…x…789");
        assert_eq!(replace("0ääb", &[(2, 4)]), "0x…b");
        let mut spans = Spans::default();
        spans.add((1, 3), "a…".to_owned());
        spans.add((1, 3), "…".to_owned());
        assert_eq!(spans.replace("0123"), "0…3");
    }
}
