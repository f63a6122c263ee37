//! What is shown of the headers and bodies that a message had: no secret, and not too much.

use std::borrow::Cow;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::mask::{mask_header, mask_json, mask_known, mask_pairs, mask_runs, secret_values};
use crate::json;
use crate::transport::{Answer, Purpose};

/// How much of a body is kept, in bytes.
const MAX_BODY_BYTES: usize = 4096;

/// How much of a header's value is kept, in characters, and how many headers.
pub(super) const MAX_HEADER_CHARACTERS: usize = 400;
const MAX_HEADERS: usize = 32;

/// How much of a URL is kept, in characters.
pub(super) const MAX_URL_CHARACTERS: usize = 2000;

/// Headers of a browser's request whose values say nothing about anybody. Those of others may hold what a proxy or another
/// app means to be secret, so only their names are kept.
pub(super) const PLAIN_HEADERS: [&str; 14] = [
    "accept",
    "accept-language",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "user-agent",
    "x-request-id",
];

/// The form body of a call, the only kind that this app sends.
fn form(request: &reqwest::Request) -> Option<&str> {
    let bytes = request.body()?.as_bytes()?;
    std::str::from_utf8(bytes)
        .ok()
        .filter(|body| !body.is_empty())
}

/// The form body of a call without secrets, when it had one.
pub(super) fn form_body(request: &reqwest::Request) -> Option<String> {
    form(request).map(|form| cut(&mask_pairs(form), MAX_BODY_BYTES))
}

/// The secrets that a call carries. An answer may repeat them.
pub(super) fn known_secrets(request: &reqwest::Request) -> Vec<String> {
    let mut known: Vec<String> = form(request).into_iter().flat_map(secret_values).collect();
    known.extend(request.url().query().into_iter().flat_map(secret_values));
    let bearer = request.headers().get("authorization");
    let bearer = bearer.and_then(|value| value.to_str().ok()?.split_once(' '));
    known.extend(bearer.map(|(_, token)| token.to_owned()));
    known
}

/// Headers without secrets: those of their own, and those of `known`.
pub(super) fn headers(
    all: &HeaderMap,
    known: &[String],
    is_plain: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let shown = all.iter().take(MAX_HEADERS).map(|(name, value)| {
        let text = match value.to_str() {
            Ok(text) if is_plain(name.as_str()) => {
                let masked = mask_header(name.as_str(), text);
                cut(&mask_known(&masked, known), MAX_HEADER_CHARACTERS)
            }
            _ => "(not shown)".to_owned(),
        };
        (name.as_str().to_owned(), text)
    });
    shown.collect()
}

/// The tokens that an answer issues, flat or wrapped. It may repeat them under other names.
fn issued(answer: &Value) -> Vec<String> {
    let names = ["access_token", "refresh_token"];
    [answer, &answer["token"]]
        .iter()
        .flat_map(|fields| names.map(|name| fields[name].as_str()))
        .flatten()
        .map(str::to_owned)
        .collect()
}

/// The body of an answer without secrets, when there is one.
pub(super) fn body(answer: &Answer, purpose: Purpose, known: &[String]) -> Option<String> {
    let bytes = &answer.body;
    if bytes.is_empty() {
        return None;
    }
    let may_have_tokens = matches!(purpose, Purpose::CodeExchange | Purpose::Refresh);
    let read = may_have_tokens
        .then(|| serde_json::from_str::<Value>(&json::readable(bytes)).ok())
        .flatten();
    let issued = read.as_ref().map(issued).unwrap_or_default();
    // The lossy reading of what is UTF-8 anyway takes ten times as long.
    let text = str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    let text = mask_known(&text, known);
    let text = mask_known(&text, &issued);
    // A refusal in JSON has no tokens; a pair of tokens has them where their names are.
    let names_them = || !answer.status.is_success() || text.contains("\"access_token\"");
    let shortened = cut(&text, MAX_BODY_BYTES);
    let masked = mask_json(&shortened);
    Some(if may_have_tokens && !(read.is_some() && names_them()) {
        mask_runs(&masked)
    } else {
        masked
    })
}

/// `text`, or its beginning with a word about how much there was.
pub(super) fn cut(text: &str, limit: usize) -> String {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == text.len() {
        return text.to_owned();
    }
    format!("{}… (cut; {} bytes in all)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "ä".repeat(3000);
        assert!(cut(&text, 4095).starts_with(&"ä".repeat(2047)));
        assert!(cut(&text, 4095).ends_with("… (cut; 6000 bytes in all)"));
        assert_eq!(cut("short", 10), "short");
    }
}
