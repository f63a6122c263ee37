//! Masking JSON, whole, cut off or broken.

use std::borrow::Cow;

use crate::json::string_literal;
use crate::masking::{is_masked_as, is_secret, masked_as};

/// JSON, as it is but for the values of fields with secret names. Cut-off and invalid JSON is masked as far as it goes.
pub(in crate::flow) fn mask_json(text: &str) -> String {
    let mut masking = Masking {
        output: String::with_capacity(text.len()),
        plain: text,
        rest: text,
        depth: 0,
        secret_at: None,
    };
    while let Some(start) = masking.rest.chars().next() {
        match start {
            '"' => masking.string(),
            '{' | '[' => {
                masking.depth += 1;
                masking.skip(start);
            }
            '}' | ']' => {
                masking.depth = masking.depth.saturating_sub(1);
                masking.end_value();
                masking.skip(start);
            }
            ',' => {
                masking.end_value();
                masking.skip(start);
            }
            _ if start.is_whitespace() || start == ':' => masking.skip(start),
            _ => masking.bare_word(),
        }
    }
    masking.put("", "");
    masking.output
}

/// JSON that is masked up to `rest`.
struct Masking<'a> {
    output: String,
    /// The beginning of what is to be copied as it is: up to `rest`, that is nearly all.
    plain: &'a str,
    rest: &'a str,
    depth: usize,
    /// At which depth the name of the value stood that comes next, while that is a secret; and the name.
    secret_at: Option<(usize, Cow<'a, str>)>,
}

impl Masking<'_> {
    /// A name, or a value.
    fn string(&mut self) {
        let (literal, after) = string_literal(self.rest);
        let behind = after.trim_start();
        let is_name = behind.starts_with(':');
        let is_outside = |(at, _): &(usize, _)| self.depth <= *at;
        if is_name && self.secret_at.as_ref().is_none_or(is_outside) {
            // Smartsheet's samples wrap the answer in `token`: there the names inside decide.
            let value = || behind.trim_start_matches(':').trim_start();
            let name = unquoted(literal);
            let is_wrapper = name == "token" && value().starts_with('{');
            self.secret_at = (!is_wrapper && is_secret(&name)).then_some((self.depth, name));
        } else if let Some((_, name)) = &self.secret_at
            && !is_name
        {
            let content = literal.trim_matches('"');
            if !is_masked_as(name, content) {
                let shown = masked_as(name, &unquoted(literal));
                self.put(self.rest, &format!("\"{shown}\""));
                self.plain = after;
            }
        }
        self.rest = after;
    }

    /// A number, a word of JSON, or what is none.
    fn bare_word(&mut self) {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || "\"{}[],:".contains(c))
            .unwrap_or(self.rest.len());
        let (bare, after) = self.rest.split_at(end);
        // Numbers can be secrets, too; `null`, `true` and `false` can't.
        if let Some((_, name)) = &self.secret_at
            && !matches!(bare, "null" | "true" | "false")
            && !is_masked_as(name, bare)
        {
            let shown = masked_as(name, bare);
            self.put(self.rest, &shown);
            self.plain = after;
        }
        self.rest = after;
    }

    fn skip(&mut self, character: char) {
        self.rest = &self.rest[character.len_utf8()..];
    }

    /// The value of a secret name ends where its own brackets end, or those around it.
    fn end_value(&mut self) {
        let depth = self.depth;
        self.secret_at = self.secret_at.take().filter(|(at, _)| depth > *at);
    }

    /// Copies what is plain up to `until`, and adds `masked`.
    fn put(&mut self, until: &str, masked: &str) {
        let plain = &self.plain[..self.plain.len() - until.len()];
        self.output.push_str(plain);
        self.output.push_str(masked);
    }
}

/// The name that a string literal of JSON is.
fn unquoted(literal: &str) -> Cow<'_, str> {
    let plain = literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match plain {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        _ => {
            let name = serde_json::from_str::<String>(literal);
            name.unwrap_or_else(|_| literal.replace('"', "")).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn token_answers_of_every_form() {
        for (body, expected) in [
            (
                r#"{"access_token":"ll352u9jujauoqz4gstvsae05","token_type":"bearer","refresh_token": "e9x352a9mp4151le2505","expires_in":604799}"#,
                r#"{"access_token":"ll35…","token_type":"bearer","refresh_token": "e9x3…","expires_in":604799}"#,
            ),
            (
                r#"{"token": {"access_token": "ll352u9jujauoqz4gstvsae05", "expires_in": 604799}, "ok": "yes indeed it is"}"#,
                r#"{"token": {"access_token": "ll35…", "expires_in": 604799}, "ok": "yes indeed it is"}"#,
            ),
            (
                r#"{"access_token":"ll352u9jujauoqz4g"#,
                r#"{"access_token":"ll35…""#,
            ),
            (
                r#"{"access\u005ftoken":["ll352u9jujauoqz4","e9x352a9mp4151le"],"a":"bbbbbbbbbbbbbbbb"}"#,
                r#"{"access\u005ftoken":["ll35…","e9x3…"],"a":"bbbbbbbbbbbbbbbb"}"#,
            ),
            (
                r#"{"access_token":1234567890123456,"b":null}"#,
                r#"{"access_token":1234…,"b":null}"#,
            ),
            (
                r#"{"errorCode":1071,"message":"code"}"#,
                r#"{"errorCode":1071,"message":"code"}"#,
            ),
        ] {
            assert_eq!(mask_json(body), expected);
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~äöü\"\\\\]{0,30}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[a-z]{1,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_shows_no_secret_wherever_it_is_cut(
            secret in "[A-Za-z0-9]{16,40}",
            name in "access_token|refresh_token|code|client_secret",
            before in values(),
            after in values(),
            cut in any::<proptest::sample::Index>(),
        ) {
            let body = json!({"a": before, name: secret, "z": {"inner": after}}).to_string();
            let mut end = cut.index(body.len() + 1);
            while !body.is_char_boundary(end) {
                end -= 1;
            }
            let shown = mask_json(&body[..end]);
            prop_assert!(!shown.contains(&secret[..5]), "{shown}");
        }

        #[test]
        fn json_without_secrets_stays_as_it_is(value in values()) {
            let body = json!({"firstName": value}).to_string();
            // Unless a random name happens to be that of a secret.
            prop_assume!(!["code", "state", "hash", "token", "nonce", "secret"].iter().any(|name| body.contains(name)));
            prop_assert_eq!(mask_json(&body), body);
        }
    }
}
