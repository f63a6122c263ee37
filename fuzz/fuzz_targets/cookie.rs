//! The cookies of a request, as far as the page that says who is signed in.
//!
//! The input is a line with `http` or `https`, then a `Cookie` header a line. `§` stands for the id of a session that somebody
//! is signed in with. Whatever the lines are, the start page answers, sets no cookie, and knows the person only if the id came as
//! the value of a cookie whose name is the app's to the byte.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use smartsheet_oauth::{AccessToken, Token};
use smartsheet_oauth_demo::flow::FlowId;
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
        let token = Token {
            access_token: AccessToken::new("a"),
            refresh_token: None,
            expires_at: Timestamp::MAX,
        };
        let mut login = Login::new(token, now);
        login.person = Some(Person {
            name: NAME.to_owned(),
            email: "grace@example.com".to_owned(),
            locale: None,
            time_zone: None,
        });
        let data = SessionData::new(login, FlowId::random());
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
        let sets = answer.headers().get(header::SET_COOKIE);
        assert!(sets.is_none(), "{lines:?} are answered with {sets:?}");
        let page = to_bytes(answer.into_body(), usize::MAX).await;
        let page = String::from_utf8(page.expect("a page is in memory").into()).expect("UTF-8");
        let is_known = page.contains(NAME);

        // A reading of its own, byte by byte. The first of the name that opens wins, and the first of all is always looked up.
        let values = lines
            .iter()
            .flat_map(|line| values(line.as_bytes(), self.name.as_bytes()));
        let values: Vec<&[u8]> = values.collect();
        let own = self.id.as_bytes();
        if is_known {
            assert!(values.contains(&own), "{lines:?} are somebody's session");
        }
        if values.first() == Some(&own) {
            assert!(
                is_known,
                "{lines:?} have the session's own cookie, and it is not enough"
            );
        }
    }
}

/// The values of the cookies of `line` that are called `name`, to the byte.
fn values<'a>(line: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    line.split(|byte| *byte == b';').filter_map(move |pair| {
        let start = pair.iter().position(|byte| !b" \t".contains(byte))?;
        let end = pair.iter().rposition(|byte| !b" \t".contains(byte))?;
        let value = pair[start..=end].strip_prefix(name)?;
        value.strip_prefix(b"=")
    })
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
