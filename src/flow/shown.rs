//! What is shown of the headers and bodies that a message had: no secret, and not too much.

use std::borrow::Cow;

use reqwest::header::HeaderMap;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::mask::{mask_header, mask_json, mask_pairs, secret_values};
use crate::json;
use crate::masking::{Known, hide_known, hide_named, hide_runs};
use crate::transport::{Answer, Call, Purpose};

/// How much of a body is kept, in bytes.
const MAX_BODY_BYTES: usize = 4096;

/// What stands between the beginning of a long text and how many bytes it has, and behind that.
const CUT: &str = "… (cut; ";
const IN_ALL: &str = " bytes in all)";

/// How much of a header's name and value is kept, in bytes, and how many headers.
const MAX_NAME_BYTES: usize = 100;
pub(super) const MAX_HEADER_BYTES: usize = 400;
const MAX_HEADERS: usize = 32;

/// How much of a URL is kept, in bytes.
pub(super) const MAX_URL_BYTES: usize = 2000;

/// How much longer a byte gets at most by being encoded: `\\u0041` within a string within a string.
const ENCODED: usize = 12;

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

/// The body of a call: a form, or JSON.
fn sent(request: &reqwest::Request) -> Option<&str> {
    let bytes = request.body()?.as_bytes()?;
    std::str::from_utf8(bytes)
        .ok()
        .filter(|body| !body.is_empty())
}

fn is_json(request: &reqwest::Request) -> bool {
    let kind = request.headers().get("content-type");
    kind.is_some_and(|kind| {
        let kind = kind.as_bytes().split(|byte| *byte == b';').next();
        kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json"))
    })
}

/// The form body of a call.
fn form(request: &reqwest::Request) -> Option<&str> {
    sent(request).filter(|_| !is_json(request))
}

/// The body of a call without secrets, when it had one.
pub(super) fn sent_body(request: &reqwest::Request) -> Option<String> {
    let body = sent(request)?;
    let masked = if is_json(request) {
        hide_named(&mask_json(body)).into_owned()
    } else {
        mask_pairs(body)
    };
    Some(cut(&masked, MAX_BODY_BYTES))
}

/// The secrets that a call carries. An answer may repeat them.
pub(super) fn known_secrets(request: &reqwest::Request) -> Vec<Known> {
    let mut known: Vec<Known> = form(request).into_iter().flat_map(secret_values).collect();
    known.extend(request.url().query().into_iter().flat_map(secret_values));
    let bearer = request.headers().get("authorization");
    let bearer = bearer.and_then(|value| value.to_str().ok()?.split_once(' '));
    known.extend(bearer.map(|(_, token)| Known::named("access_token", token)));
    known
}

/// Headers without secrets: those of their own, and those of `known`.
pub(super) fn headers(
    all: &HeaderMap,
    known: &[Known],
    is_plain: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let shown = all.iter().take(MAX_HEADERS).map(|(name, value)| {
        let text = match (value.to_str(), name.as_str()) {
            (Ok(text), name) if is_plain(name) => Cow::Borrowed(text),
            // Any app of this host may set a cookie to anything. Of their values nothing is shown that could be spoilt.
            (Err(_), "cookie" | "set-cookie") => String::from_utf8_lossy(value.as_bytes()),
            _ => return (name.as_str().to_owned(), "(not shown)".to_owned()),
        };
        let text = mask_header(name.as_str(), &hide_known(&text, known));
        (
            cut(name.as_str(), MAX_NAME_BYTES),
            if text.len() <= MAX_HEADER_BYTES {
                text
            } else {
                cut(&text, MAX_HEADER_BYTES)
            },
        )
    });
    shown.collect()
}

/// The tokens that an answer issues, flat or wrapped. It may repeat them under other names.
fn issued(answer: &Value) -> Vec<Known> {
    let names = ["access_token", "refresh_token"];
    [answer, &answer["token"]]
        .iter()
        .flat_map(|fields| names.map(|name| Some(Known::named(name, fields[name].as_str()?))))
        .flatten()
        .collect()
}

/// The body of an answer without secrets, when there is one.
pub(super) fn body(call: &Call<'_>, answer: &Answer, known: &[Known]) -> Option<String> {
    let bytes = &answer.body;
    if bytes.is_empty() {
        return None;
    }
    let length = call.whole_length.unwrap_or(bytes.len() as u64);
    let Ok(text) = str::from_utf8(bytes) else {
        return Some(format!("(not shown; {length} bytes that are no text)"));
    };
    let may_have_tokens = matches!(call.purpose, Purpose::CodeExchange | Purpose::Refresh);
    let read = may_have_tokens
        .then(|| serde_json::from_str::<Value>(&json::readable(bytes)).ok())
        .flatten();
    let known = [known, &read.as_ref().map(issued).unwrap_or_default()].concat();
    // A secret that is cut in two is not found, so what follows is looked at as far as one may reach.
    let longest = known.iter().map(Known::length).max().unwrap_or(0);
    let looked_at = floor(text, MAX_BODY_BYTES + longest * ENCODED);
    let hidden = hide_known(&text[..looked_at], &known);
    // A refusal in JSON has no tokens; a pair of tokens has them where their names are.
    let names_them = || !answer.status.is_success() || hidden.contains("\"access_token\"");
    let is_plain = !may_have_tokens || (read.is_some() && names_them());
    let masked = mask_json(&hidden[..floor(&hidden, MAX_BODY_BYTES)]);
    let masked = hide_named(&masked);
    let masked = if is_plain {
        masked
    } else {
        hide_runs(&masked).into_owned().into()
    };
    let is_cut = looked_at < text.len() || hidden.len() > MAX_BODY_BYTES;
    Some(if is_cut {
        format!("{masked}{CUT}{length}{IN_ALL}")
    } else {
        masked.into_owned()
    })
}

/// What is wrong with the JSON of a body that could not be used, if that is what is wrong with it.
pub(super) fn broken_json(body: &[u8]) -> Option<&'static str> {
    let error = serde_json::from_str::<IgnoredAny>(&json::readable(body)).err()?;
    Some(if body.is_empty() {
        "its body is empty"
    } else if error.is_eof() {
        "its JSON is cut off in the middle"
    } else {
        "its body is not JSON"
    })
}

/// The last place up to `limit` where `text` may be cut.
fn floor(text: &str, limit: usize) -> usize {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// `text`, or its beginning with a word about how much there was.
pub(super) fn cut(text: &str, limit: usize) -> String {
    let end = floor(text, limit);
    if end == text.len() {
        return text.to_owned();
    }
    format!("{}{CUT}{}{IN_ALL}", &text[..end], text.len())
}

/// The same of what may be cut already: how much there was stays true.
pub(super) fn cut_again(text: &str, limit: usize) -> String {
    let shorter = cut(text, limit);
    let before = text
        .rsplit_once(CUT)
        .filter(|(_, word)| word.ends_with(IN_ALL));
    match before {
        Some((_, word)) if shorter != text => {
            format!("{}{CUT}{word}", &text[..floor(text, limit)])
        }
        _ => shorter,
    }
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
        let cut_twice = cut_again(&cut(&text, 4095), 100);
        assert!(cut_twice.starts_with(&"ä".repeat(50)) && !cut_twice.contains(&"ä".repeat(51)));
        assert!(cut_twice.ends_with("… (cut; 6000 bytes in all)"));
        assert!(cut_again(&text, 100).ends_with("… (cut; 6000 bytes in all)"));
        assert_eq!(
            cut_again("short… (cut; 6000 bytes in all)", 100),
            "short… (cut; 6000 bytes in all)"
        );
    }
}
