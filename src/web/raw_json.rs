//! JSON made readable without reading it: every number and string stays as it was sent.
//!
//! A JSON reader would round what is larger than it keeps, such as ids above 2^53 or 2^64.

use crate::json::string_literal;

/// How deep lines are indented at most, so that deep nesting does not multiply the size.
const MAX_INDENT: usize = 20;

/// The members and elements of `json` on lines of their own. `json` must be valid; of anything else no character that is
/// not blank is lost.
pub(super) fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.trim_ascii_start();
    while let Some(first) = rest.bytes().next() {
        let (token, after) = token(rest);
        rest = after.trim_ascii_start();
        match first {
            b'{' | b'[' => {
                out.push_str(token);
                // What is empty stays on its line.
                if rest.starts_with(['}', ']']) {
                    let (end, after) = rest.split_at(1);
                    out.push_str(end);
                    rest = after.trim_ascii_start();
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push_str(token);
            }
            b',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            b':' => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
    out
}

/// What `text` begins with, and what follows: a string with its quotes, a bracket, or all up to the next of these or a blank.
fn token(text: &str) -> (&str, &str) {
    if text.starts_with('"') {
        return string_literal(text);
    }
    let ends = |byte: u8| b"\"{[}],:".contains(&byte) || byte.is_ascii_whitespace();
    let length = text.bytes().position(ends).unwrap_or(text.len());
    // One that ends what is before it stands alone.
    text.split_at(length.max(1))
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth.min(MAX_INDENT) {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn numbers_and_strings_stay_as_they_are() {
        let sent = " {\"id\":9223372036854775807123 ,\"n\":[1.10e+2,-0, [ ],{ }],\r\n\"s\":\"a\\\"b\\\\ {,:\\u0062\" }\n";
        let expected = "{\n  \"id\": 9223372036854775807123,\n  \"n\": [\n    1.10e+2,\n    -0,\n    [],\n    {}\n  ],\n  \
                        \"s\": \"a\\\"b\\\\ {,:\\u0062\"\n}";
        assert_eq!(indent(sent), expected);
        assert_eq!(indent(&indent(sent)), expected);
    }

    #[test]
    fn deep_nesting_stays_small() {
        let sent = format!("{}{}", "[1,".repeat(100), "1".to_owned() + &"]".repeat(100));
        assert!(indent(&sent).len() < sent.len() * 30);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_says_the_same_and_looks_as_usual(value in json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(indent(&value.to_string()), pretty.clone());
            prop_assert_eq!(indent(&pretty), pretty);
        }

        #[test]
        fn nothing_is_lost_of_what_is_no_json(text in any::<String>()) {
            let without_blanks = |text: &str| text.replace(|c: char| c.is_ascii_whitespace(), "");
            prop_assert_eq!(without_blanks(&indent(&text)), without_blanks(&text));
        }
    }
}
