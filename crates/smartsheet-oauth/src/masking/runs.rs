//! Whatever looks like a token, in a text whose form is unknown.

use std::borrow::Cow;

use super::decoded::views;
use super::masked::masked;
use super::spans::Spans;

/// In a text of unknown form, a run of this many characters that a token may consist of is taken for one: of fewer when
/// there is a digit among them, which words don't have.
const TOKEN_RUN: usize = 16;
const TOKEN_RUN_WITH_DIGITS: usize = 12;

/// A text of unknown form from a place where tokens are: whatever looks like one is masked.
#[must_use]
pub fn hide_runs(text: &str) -> Cow<'_, str> {
    let mut spans = Spans::default();
    for view in views(text) {
        let mut start = 0;
        for run in view.bytes.split(|byte| !is_token(*byte)) {
            let end = start + run.len();
            let has_digit = run.iter().any(u8::is_ascii_digit);
            if run.len() >= TOKEN_RUN || (has_digit && run.len() >= TOKEN_RUN_WITH_DIGITS) {
                let shown = masked(&String::from_utf8_lossy(run));
                spans.add(view.span(start, end), shown);
            }
            start = end + 1;
        }
    }
    spans.replace(text)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_token() {
        assert_eq!(
            hide_runs(
                "access_token=ll352u9jujauoqz4gstvsae05&token_type=bearer <p>unavailable</p>"
            ),
            "access_token=ll35…&token_type=bearer <p>unavailable</p>"
        );
        assert_eq!(hide_runs("'onlyLettersInThisOne'"), "'only…'");
        assert_eq!(hide_runs(r"'ll352\/u9juj\/auoqz\/4gstv'"), "'ll35…'");
        assert_eq!(hide_runs(r"ll352%5Cu002fu9jujauoqz"), "…");
    }
}
