//! What `users/me` answers, as far as the page that shows it.
//!
//! Whatever is in a profile, its page has the tags of the template and no others, and is not many times as long. Nothing else
//! shows that a `<` was not escaped, so the same profile with another character in its place must give the same tags.

#![no_main]

use std::cell::LazyCell;

use axum::body::to_bytes;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use reqwest::StatusCode;
use serde_json::Value;
use smartsheet_oauth::api::Profile;
use smartsheet_oauth::{AccessToken, Token};
use smartsheet_oauth_demo::session::Login;
use smartsheet_oauth_demo::web::{App, bare};
use smartsheet_oauth_demo_fuzz::app;

/// Every element of the page.
const ELEMENTS: [&str; 35] = [
    "!DOCTYPE", "a", "aside", "bdi", "body", "button", "code", "dd", "details", "div", "dl", "dt",
    "footer", "form", "h1", "h2", "head", "header", "html", "img", "li", "link", "main", "meta",
    "nav", "p", "pre", "script", "section", "span", "strong", "summary", "time", "title", "ul",
];

/// Every attribute of the page.
const ATTRIBUTES: [&str; 29] = [
    "action",
    "alt",
    "aria-current",
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "charset",
    "class",
    "content",
    "data-copy",
    "data-countdown",
    "datetime",
    "defer",
    "form",
    "height",
    "href",
    "html",
    "id",
    "integrity",
    "lang",
    "method",
    "name",
    "rel",
    "role",
    "src",
    "tabindex",
    "title",
    "type",
    "width",
];

/// What a page may be longer than the profile: the page around it, and for each byte of the profile the tags around a value.
const FRAME_BYTES: usize = 32 * 1024;
const BYTES_A_BYTE: usize = 100;

struct World {
    app: App,
    login: Login,
    runtime: tokio::runtime::Runtime,
}

thread_local! {
    static WORLD: LazyCell<World> = LazyCell::new(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let entered = runtime.enter();
        let (app, _) = app("http://localhost:8080");
        drop(entered);
        let now = app.clock.now();
        let token = Token {
            access_token: AccessToken::new("a"),
            refresh_token: None,
            expires_at: Timestamp::MAX,
        };
        let login = Login::new(token, now);
        World { app, login, runtime }
    });
}

fuzz_target!(|raw: &[u8]| {
    let Ok(profile) = Profile::parse(raw.to_vec()) else {
        return;
    };
    // As it was sent, but for what JSON may not have: a byte order mark, and bytes that are not UTF-8.
    let sent = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    assert_eq!(profile.raw(), String::from_utf8_lossy(sent));
    // What any reader takes says the same to one that takes what was sent.
    let read: Value = serde_json::from_str(profile.readable()).expect("any reader takes it");
    if let Ok(as_sent) = serde_json::from_slice::<Value>(raw) {
        assert_eq!(read, as_sent);
    }
    WORLD.with(|world| {
        let page = world.page(&profile);
        assert!(page.len() <= FRAME_BYTES + BYTES_A_BYTE * raw.len());
        let tags = tags(&page);
        if let Some(harmless) = without_less_than(raw)
            && let Ok(profile) = Profile::parse(harmless)
        {
            assert_eq!(
                self::tags(&world.page(&profile)),
                tags,
                "a `<` was not escaped"
            );
        }
    });
});

impl World {
    fn page(&self, profile: &Profile) -> String {
        let response = bare::profile_page(&self.app, profile, &self.login);
        assert_eq!(response.status(), StatusCode::OK);
        let body = to_bytes(response.into_body(), usize::MAX);
        let body = self.runtime.block_on(body).expect("a page is in memory");
        String::from_utf8(body.into()).expect("a page is UTF-8")
    }
}

/// The same JSON with an idle character for every `<`. `None` when there is no `<`, or no character to take.
fn without_less_than(raw: &[u8]) -> Option<Vec<u8>> {
    let idle = b"~^|;!*"
        .iter()
        .find(|character| !raw.contains(character))?;
    raw.contains(&b'<').then(|| {
        raw.iter()
            .map(|byte| if *byte == b'<' { *idle } else { *byte })
            .collect()
    })
}

/// The tags of `page`, sorted: fields come in the order of their names. Fails on what the template does not have.
fn tags(page: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let end = end_of_tag(rest);
        let (tag, after) = rest.split_at(end);
        let name = tag.trim_start_matches('/').split_whitespace().next();
        let name = name.unwrap_or_default();
        assert!(ELEMENTS.contains(&name), "<{tag}> is not the template's");
        for attribute in attributes(&tag[tag.find(name).unwrap_or(0) + name.len()..]) {
            assert!(ATTRIBUTES.contains(&attribute), "<{tag}> has {attribute}");
        }
        tags.push(name);
        rest = after;
    }
    tags.sort_unstable();
    tags
}

/// Where a tag ends: at the first `>` that is not in quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    let end = text.find(|character| {
        quoted ^= character == '"';
        character == '>' && !quoted
    });
    end.expect("a tag ends")
}

/// The names of attributes, whose values are in double quotes.
fn attributes(tag: &str) -> impl Iterator<Item = &str> {
    // What is outside of quotes.
    tag.split('"')
        .step_by(2)
        .flat_map(str::split_whitespace)
        .map(|name| name.trim_end_matches('='))
}
