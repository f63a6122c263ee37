//! What the start page says of the settings, with their names as code.

use crate::config::{TABLE, variable};

/// A line of text, in parts.
#[derive(Debug)]
pub struct Notice(Vec<Part>);

/// A part of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    /// Whether it is the name of a setting, or its variable.
    pub(super) is_code: bool,
}

impl Notice {
    /// `text`, with the names in it found.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        let is_of_name = |character: char| character.is_alphanumeric() || "._".contains(character);
        let mut rest = text;
        while !rest.is_empty() {
            let end = |of_name: bool| {
                rest.find(|character| is_of_name(character) != of_name)
                    .unwrap_or(rest.len())
            };
            let (piece, is_code) = match rest.split_at(end(true)) {
                ("", _) => (&rest[..end(false)], false),
                (word, _) => (word, is_name(word)),
            };
            match parts.last_mut() {
                Some(last) if !last.is_code && !is_code => last.text.push_str(piece),
                _ => parts.push(Part {
                    text: piece.to_owned(),
                    is_code,
                }),
            }
            rest = &rest[piece.len()..];
        }
        Self(parts)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.0.iter()
    }
}

fn is_name(word: &str) -> bool {
    TABLE
        .iter()
        .any(|setting| setting.name == word || variable(setting.name) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With code in brackets.
    fn marked(text: &str) -> String {
        Notice::new(text)
            .iter()
            .map(|part| {
                if part.is_code {
                    format!("[{}]", part.text)
                } else {
                    part.text.clone()
                }
            })
            .collect()
    }

    #[test]
    fn names_are_code_and_nothing_else_is() {
        for (text, expected) in [
            (
                "smartsheet.client_id and smartsheet.client_secret are not set, so the sandbox",
                "[smartsheet.client_id] and [smartsheet.client_secret] are not set, so the sandbox",
            ),
            (
                "smartsheet.region is sandbox (environment SMARTSHEET_REGION)",
                "[smartsheet.region] is sandbox (environment [SMARTSHEET_REGION])",
            ),
            ("server.listen: é", "[server.listen]: é"),
            (
                "server.listening at app.example.com",
                "server.listening at app.example.com",
            ),
            ("", ""),
        ] {
            assert_eq!(marked(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost(text in "(\\PC|server.listen){0,20}") {
            let whole: String = Notice::new(&text).iter().map(|part| &*part.text).collect();
            proptest::prop_assert_eq!(whole, text);
        }
    }
}
