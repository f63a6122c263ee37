//! The masking of messages (`src/flow/mask.rs`), through the messages that the log of a flow is made of.
//!
//! The input is a line that says what follows: `form`, `url`, `json`, `headers`, `call` or `encoded`. `§` stands for a secret.
//! When it is where a secret's name says so, or is one that the call carried or was answered with, no more of it is shown than a
//! mask may, in whatever encoding; and nothing where it is the app's own.

#![no_main]

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use smartsheet_oauth::fuzzing;
use smartsheet_oauth::transport::{self, Call, Outcome, Purpose};
use smartsheet_oauth::{RefreshToken, Token};
use smartsheet_oauth_demo::flow::{Answer, Ending, Message, Request};
use smartsheet_oauth_demo_fuzz::{GIVEN_AWAY, MARK, SECRET, gives_away, planted};
use url::{Url, form_urlencoded};

/// Names of secrets, as Smartsheet and OAuth have them.
const NAMES: [&str; 7] = [
    "code",
    "state",
    "hash",
    "access_token",
    "refresh_token",
    "client_secret",
    "token",
];

/// Those of which nothing is shown.
const APP_NAMES: [&str; 2] = ["hash", "client_secret"];

/// What a request to the token endpoint carries beside the code.
const HASH: &str = "0123456789abcdef0123456789abcdef";

fuzz_target!(|input: &str| {
    let Some((kind, text)) = input.split_once('\n') else {
        return;
    };
    let Some(text) = planted(text) else { return };
    match kind {
        "form" => form(&text),
        "url" => url(&text),
        "json" => json(&text),
        "headers" => headers(&text),
        kind => {
            if let Some(how) = kind.strip_prefix("call ") {
                call(how, &text);
            } else if let Some(ways) = kind.strip_prefix("encoded ") {
                encoded(ways, input);
            }
        }
    }
});

/// `shown` is what a message shows of `text`, which has the secret where it must be masked.
fn check(shown: &impl std::fmt::Debug, text: &str) {
    let shown = format!("{shown:?}");
    assert!(!gives_away(&shown), "{text:?} is shown as {shown}");
}

fn count(text: &str) -> usize {
    text.matches(SECRET).count()
}

/// How often the secret is in the values of secret names among `pairs`.
fn in_pairs(pairs: &str) -> usize {
    form_urlencoded::parse(pairs.as_bytes())
        .filter(|(name, _)| NAMES.contains(&name.as_ref()))
        .map(|(_, value)| count(&value))
        .sum()
}

fn form(text: &str) {
    if in_pairs(text) == count(text) {
        let shown = Request::sample("POST", "/", &HeaderMap::new(), Some(text));
        check(&shown, text);
        let is_apps = |(name, value): (Cow<str>, Cow<str>)| {
            count(&value) == 0 || APP_NAMES.contains(&name.as_ref())
        };
        if form_urlencoded::parse(text.as_bytes()).all(is_apps) && !has_elsewhere(text, "ll35") {
            let shown = format!("{shown:?}");
            assert!(!shown.contains("ll35"), "{text:?} is shown as {shown}");
        }
    }
}

/// Whether `text` has `part` elsewhere than in the secret.
fn has_elsewhere(text: &str, part: &str) -> bool {
    text.replace(SECRET, "").contains(part)
}

/// An answer that repeats the secret in one or two encodings, one within the other, each of them a letter of `ways`.
fn encoded(ways: &str, input: &str) {
    let Some((_, template)) = input.split_once('\n') else {
        return;
    };
    let encode = |text: &str| ways.chars().take(2).fold(text.to_owned(), encode);
    // What begins an escape before the secret makes something else of it.
    let lower = template.to_ascii_lowercase();
    let is_ambiguous = ["\\", "5c", "92;", "&", "%"]
        .iter()
        .any(|part| lower.contains(part));
    let beginning = encode(GIVEN_AWAY);
    if is_ambiguous || template.contains(&beginning) || template.contains(GIVEN_AWAY) {
        return;
    }
    let text = template.replace(MARK, &encode(SECRET));
    let answer = transport::Answer {
        status: StatusCode::BAD_REQUEST,
        headers: HeaderMap::new(),
        retry_after: None,
        body: text.as_bytes().to_vec(),
    };
    let shown = message(Purpose::CodeExchange, &answer, &carrying());
    let Ending::Answer(shown) = &shown.ending else {
        return;
    };
    let shown = shown.body.as_deref().unwrap_or_default();
    assert!(
        !shown.contains(&beginning),
        "{text:?} is shown as {shown:?}"
    );
}

fn encode(text: String, way: char) -> String {
    let each =
        |encode: &dyn Fn(u32) -> String| text.chars().map(|c| encode(u32::from(c))).collect();
    match way {
        'p' => each(&|code| format!("%{code:02x}")),
        'P' => each(&|code| format!("%{code:02X}")),
        'j' => each(&|code| format!("\\u{code:04x}")),
        'J' => each(&|code| format!("\\u{code:04X}")),
        'h' => each(&|code| format!("&#{code};")),
        _ => text,
    }
}

/// An address as browsers send it, or as a call of ours has it.
fn url(text: &str) {
    let none = HeaderMap::new();
    let base = Url::parse("http://localhost/").expect("a URL");
    let Ok(url) = base.join(text) else { return };
    let places = url.query().map_or(0, in_pairs)
        + url.fragment().map_or(0, in_pairs)
        + count(url.username())
        + url.password().map_or(0, count);
    // Schemes and hosts are lowered, which may make the beginning of the secret elsewhere.
    if places != url.as_str().matches(GIVEN_AWAY).count() {
        return;
    }
    check(&Request::sample("GET", url.as_str(), &none, None), text);
    let path = &url[url::Position::BeforePath..];
    check(&Request::of_browser("GET", path, &none), text);
    let now = Timestamp::UNIX_EPOCH;
    check(&Message::of_consent(&url, url.as_str(), now, now), text);
}

/// JSON, and the same JSON cut off anywhere.
fn json(text: &str) {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return;
    };
    if in_json(&value, false) != count(text) {
        return;
    }
    let none = HeaderMap::new();
    check(&Answer::sample(200, &none, text), text);
    for (index, _) in text.match_indices(GIVEN_AWAY) {
        for end in index..(index + SECRET.len() + 2).min(text.len()) {
            if let Some(cut) = text.get(..end) {
                check(&Answer::sample(200, &none, cut), cut);
            }
        }
    }
}

/// How often the secret is in the texts of secret names.
fn in_json(value: &Value, is_secret: bool) -> usize {
    match value {
        Value::String(text) if is_secret => count(text),
        Value::Array(items) => items.iter().map(|item| in_json(item, is_secret)).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                // Smartsheet's samples wrap the answer in `token`: there the names inside decide.
                let is_wrapper = name == "token" && value.is_object();
                let is_named = NAMES.contains(&name.as_str()) && !is_wrapper;
                in_json(value, is_secret || is_named)
            })
            .sum(),
        _ => 0,
    }
}

/// Headers, one a line.
fn headers(text: &str) {
    let mut all = HeaderMap::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        let value = HeaderValue::from_bytes(value.trim().as_bytes());
        if let (Ok(name), Ok(value)) = (name, value)
            && value
                .to_str()
                .is_ok_and(|text| is_for_header(name.as_str(), text))
        {
            all.append(name, value);
        }
    }
    check(&Request::of_browser("GET", "/", &all), text);
    check(&Request::sample("GET", "/", &all, None), text);
    check(&Answer::to_browser(200, &all), text);
}

/// Whether the secret, if it is in this header, is where it must be masked.
fn is_for_header(name: &str, value: &str) -> bool {
    let cookie = |cookie: &str| cookie.split_once('=').map_or(0, |(_, value)| count(value));
    let masked = match name {
        "authorization" | "proxy-authorization" | "x-access-token" => count(value),
        "cookie" => value.split(';').map(cookie).sum(),
        "set-cookie" => value.split(';').next().map_or(0, cookie),
        "location" | "referer" => {
            let query = value.split_once('?').map_or("", |(_, query)| query);
            in_pairs(query.split('#').next().unwrap_or_default())
        }
        _ => 0,
    };
    masked == count(value) && !gives_away(name)
}

/// A call that carried the secret, or was answered with it. `how` is what it was for and the status; the text is headers of the
/// answer, an empty line, and its body.
fn call(how: &str, text: &str) {
    let (purpose, status) = how.split_once(' ').unwrap_or((how, "200"));
    let purpose = match purpose {
        "exchange" => Purpose::CodeExchange,
        "refresh" => Purpose::Refresh,
        "revoke" => Purpose::Revocation,
        _ => Purpose::CurrentUser,
    };
    let Ok(status) = StatusCode::from_bytes(status.as_bytes()) else {
        return;
    };
    let (head, body) = text.split_once("\n\n").unwrap_or(("", text));
    let mut headers = HeaderMap::new();
    for line in head.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let header = (
            HeaderName::from_bytes(name.trim().as_bytes()),
            HeaderValue::from_bytes(value.trim().as_bytes()),
        );
        // A name can't repeat what was sent.
        if let (Ok(name), Ok(value)) = header
            && !gives_away(name.as_str())
        {
            headers.append(name, value);
        }
    }
    let answer = transport::Answer {
        status,
        headers,
        retry_after: None,
        body: body.as_bytes().to_vec(),
    };
    check(&message(purpose, &answer, &carrying()), text);

    // Tokens are known by the answer alone. Headers have none.
    let is_for_tokens = matches!(purpose, Purpose::CodeExchange | Purpose::Refresh);
    if is_for_tokens && status.is_success() && count(head) == 0 && issues(body.as_bytes()) {
        check(
            &message(purpose, &answer, &request("code=another-code-of-16")),
            text,
        );
    }
}

/// Whether `body` issues the secret.
fn issues(body: &[u8]) -> bool {
    let token = fuzzing::token(body, Timestamp::UNIX_EPOCH);
    token.is_ok_and(|token: Token| {
        let refresh = token.refresh_token.as_ref().map(RefreshToken::expose);
        token.access_token.expose() == SECRET || refresh == Some(SECRET)
    })
}

fn request(form: &str) -> reqwest::Request {
    let url = Url::parse("https://api.smartsheet.com/2.0/token").expect("a URL");
    let mut request = reqwest::Request::new(Method::POST, url);
    *request.body_mut() = Some(format!("{form}&hash={HASH}").into());
    request
}

/// A request that carries the secret.
fn carrying() -> reqwest::Request {
    let mut request = request(&format!("code={SECRET}"));
    let bearer = HeaderValue::try_from(format!("Bearer {SECRET}")).expect("visible ASCII");
    request.headers_mut().insert("authorization", bearer);
    request
}

fn message(purpose: Purpose, answer: &transport::Answer, request: &reqwest::Request) -> Message {
    let call = Call {
        purpose,
        attempt: 1,
        request,
        outcome: Outcome::Answered(answer),
        whole_length: None,
        duration: Duration::from_millis(1),
    };
    Message::of_call(&call, Timestamp::UNIX_EPOCH)
}
