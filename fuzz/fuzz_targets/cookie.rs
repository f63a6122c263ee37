//! The cookies of a request, as far as the page that says who is signed in.
//!
//! The input is a line with `http` or `https`, then a `Cookie` header a line. `§` stands for the id of a session that somebody
//! is signed in with. Whatever the lines are, the start page answers, sets no cookie but to remove one, and knows the person only if the id came
//! as the value of the app's cookie.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use smartsheet_oauth_demo::oauth::{AccessToken, Token};
use smartsheet_oauth_demo::session::{Login, Person, SessionData};
use smartsheet_oauth_demo::web;
use smartsheet_oauth_demo_fuzz::{MARK, app, first_line};
use tower::ServiceExt as _;

/// Whom the page shows when the session is found.
const NAME: &str = "Grace-of-the-fuzzer";

struct World {
    router: Router,
    name: &'static str,
    id: String,
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    static WORLDS: RefCell<Option<[World; 2]>> = const { RefCell::new(None) };
}

impl World {
    async fn new(base_url: &str, name: &'static str) -> Self {
        let (app, store) = app(base_url);
        let now = app.clock.now();
        let mut data = SessionData::new(now);
        data.login = Some(Login {
            signed_in_at: now,
            token: Token {
                access_token: AccessToken::new("a"),
                refresh_token: None,
                expires_at: Timestamp::MAX,
            },
            refreshed_at: None,
            lease: None,
            person: Some(Person {
                name: NAME.to_owned(),
                email: "grace@example.com".to_owned(),
            }),
        });
        let stored = store.create(data).await.expect("there is room");
        Self {
            router: web::router(Arc::new(app)),
            name,
            id: stored.id.to_string(),
        }
    }

    /// Asks for the start page with these `Cookie` headers.
    async fn check(&self, lines: Vec<HeaderValue>) {
        let mut request = Request::new(Body::empty());
        for line in &lines {
            request.headers_mut().append(header::COOKIE, line.clone());
        }
        let answer = self.router.clone().oneshot(request).await;
        let answer = answer.unwrap_or_else(|never| match never {});
        assert_eq!(answer.status(), StatusCode::OK);
        for set in answer.headers().get_all(header::SET_COOKIE) {
            let removal = format!("{}=;", self.name);
            let is_removal = set.as_bytes().starts_with(removal.as_bytes());
            assert!(is_removal, "{lines:?} are answered with {set:?}");
        }
        let page = to_bytes(answer.into_body(), usize::MAX).await;
        let page = String::from_utf8(page.expect("a page is in memory").into()).expect("UTF-8");
        let is_known = page.contains(NAME);

        let ours = format!("{}={}", self.name, self.id);
        if is_known {
            let brought = lines
                .iter()
                .any(|line| has_cookie(line, self.name, &self.id));
            assert!(brought, "{lines:?} are somebody's session");
        }
        if lines.len() == 1 && lines[0] == ours {
            assert!(is_known, "the session's own cookie is not enough");
        }
    }
}

/// Whether one of the cookies of `line` (RFC 6265 section 4.2.1) is `name` with the value `id`, blanks and quotes left aside.
fn has_cookie(line: &HeaderValue, name: &str, id: &str) -> bool {
    let pairs = line.as_bytes().split(|byte| *byte == b';');
    let mut pairs = pairs.filter_map(|pair| str::from_utf8(pair).ok()?.split_once('='));
    pairs.any(|(key, value)| key.trim() == name && value.trim().trim_matches('"') == id)
}

fuzz_target!(|input: &[u8]| {
    let (scheme, lines) = first_line(input);
    WORLDS.with_borrow_mut(|worlds| {
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                if worlds.is_none() {
                    *worlds = Some([
                        World::new("http://localhost:8080", "session").await,
                        World::new("https://demo.example.com", "__Host-session").await,
                    ]);
                }
                let worlds = worlds.as_ref().expect("made just now");
                let world = &worlds[usize::from(scheme == b"https")];
                let lines = lines.split(|byte| *byte == b'\n').filter_map(|line| {
                    let line = replace(line, MARK.as_bytes(), world.id.as_bytes());
                    HeaderValue::from_bytes(&line).ok()
                });
                world.check(lines.collect()).await;
            });
        });
    });
});

fn replace(text: &[u8], mark: &[u8], with: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.windows(mark.len()).position(|window| window == mark) {
        replaced.extend_from_slice(&rest[..start]);
        replaced.extend_from_slice(with);
        rest = &rest[start + mark.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}
