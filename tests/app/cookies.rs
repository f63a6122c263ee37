//! Cookies of every form: the page answers, and knows nobody whose session's id it was not given.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use jiff::Timestamp;
use proptest::prelude::*;
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::flow::{FlowId, FlowLog, MemoryFlow};
use smartsheet_oauth_demo::oauth::{AccessToken, Token};
use smartsheet_oauth_demo::session::{
    Lifetimes, Login, MemoryRows, Person, Sealer, SessionData, Store,
};
use smartsheet_oauth_demo::start::{Overrides, assemble};
use smartsheet_oauth_demo::web;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const NAME: &str = "Somebody-who-is-signed-in";

/// The app's routes, and the id of a session that somebody is signed in with.
async fn app() -> (axum::Router, String) {
    let settings = Settings::load(None, &|_| None, &[]).unwrap();
    let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
    let lifetimes = Lifetimes {
        idle: Duration::from_hours(1),
        total: Duration::from_hours(1),
    };
    let rows = Arc::new(MemoryRows::default());
    let store = Store::new(rows, sealer.clone(), lifetimes, Clock::system());
    let flow = FlowLog::new(Arc::new(MemoryFlow::default()), sealer, Clock::system());
    let now = Timestamp::now();
    let token = Token {
        access_token: AccessToken::new("a"),
        refresh_token: None,
        expires_at: Timestamp::MAX,
    };
    let mut login = Login::new(token, now);
    login.person = Some(Person {
        name: NAME.to_owned(),
        email: "somebody@example.com".to_owned(),
        ..Person::default()
    });
    let data = SessionData::new(login, FlowId::random());
    let stored = store.create(data).await.unwrap();
    let app = assemble(&settings, Overrides::default(), store, flow).unwrap();
    (web::router(Arc::new(app)), stored.id.to_string())
}

/// Whether the start page knows who it is, with these `Cookie` headers.
async fn is_known(routes: &axum::Router, lines: &[String]) -> bool {
    let mut request = Request::new(Body::empty());
    for line in lines {
        let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
        request.headers_mut().append(header::COOKIE, value);
    }
    let answer = routes.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    for set in answer.headers().get_all(header::SET_COOKIE) {
        // What is no id is taken back.
        assert!(set.as_bytes().starts_with(b"session=;"), "{set:?}");
    }
    let page = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(page.into()).unwrap().contains(NAME)
}

/// A part of a `Cookie` header; `ID` stands for the session's id.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "session=ID",
        // An id of nobody's, in the form that ids have; and what has hardly that form.
        "session=[A-Za-z0-9_-]{21}[AQgw]",
        "session=[A-Za-z0-9_-]{0,24}",
        "[a-z$_]{0,8}=?ID",
        "[ -~é]{0,30}",
    ]
}

#[test]
fn nobody_is_known_without_their_id() {
    let runtime = Runtime::new().unwrap();
    let (routes, id) = runtime.block_on(app());
    assert!(runtime.block_on(is_known(&routes, &[format!("session={id}")])));

    let lines = proptest::collection::vec(proptest::collection::vec(part(), 0..5), 0..3);
    proptest!(|(lines in lines)| {
        let lines: Vec<String> = lines.iter().map(|parts| parts.join("; ").replace("ID", &id)).collect();
        let brought = lines.iter().flat_map(|line| line.split(';')).any(|cookie| {
            cookie.trim() == format!("session={id}")
        });
        let known = runtime.block_on(is_known(&routes, &lines));
        prop_assert!(brought || !known, "{lines:?}");
    });
}
