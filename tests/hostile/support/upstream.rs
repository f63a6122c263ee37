//! A Smartsheet that allows everything, and whose answers are of a manner that the test chooses.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use smartsheet_oauth_demo::start::Overrides;
use tokio::sync::watch;

use super::{Program, TestApp};

/// How `users/me` is answered to those who signed in last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Well,
    /// With a gigabyte.
    Huge,
    /// With a byte a second.
    Slow,
    /// Not before the manner changes.
    Held,
    /// The access token has expired.
    Expired,
}

/// What the server shares with the test.
struct Shared {
    manner: watch::Sender<Manner>,
    tokens: watch::Sender<Manner>,
    /// The access token of whoever signed in first, who is always answered well.
    first: OnceLock<String>,
    /// Token requests that have come.
    token_requests: AtomicUsize,
    /// Calls of `users/me` that are being answered.
    calls: watch::Sender<usize>,
}

/// A running upstream. Its requests are served by the test's own runtime.
#[derive(Clone)]
pub(crate) struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            manner: watch::Sender::new(Manner::Well),
            tokens: watch::Sender::new(Manner::Well),
            first: OnceLock::new(),
            token_requests: AtomicUsize::new(0),
            calls: watch::Sender::new(0),
        });
        let routes = Router::new()
            .route("/b/authorize", get(authorize))
            .route("/2.0/token", post(token).delete(async || "{}"))
            .route("/2.0/users/me", get(users_me))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, shared }
    }

    /// An app of this process that uses it, with the limits that `adjust` leaves.
    pub(crate) async fn app(&self, adjust: impl FnOnce(&mut Overrides)) -> TestApp {
        self.app_with(&[], adjust).await
    }

    /// The same, with `more` settings.
    pub(crate) async fn app_with(
        &self,
        more: &[(&str, &str)],
        adjust: impl FnOnce(&mut Overrides),
    ) -> TestApp {
        let settings = self.settings();
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let flags: Vec<_> = settings.chain(more.iter().copied()).collect();
        TestApp::with(&flags, adjust).await
    }

    /// The program, using it, with `more` environment variables.
    pub(crate) async fn program(&self, more: &[(&str, &str)]) -> Program {
        let settings = self.settings().into_iter();
        let variables: Vec<_> = settings
            .map(|(name, value)| (name.replace('.', "_").to_uppercase(), value))
            .collect();
        let mut all: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        all.extend(more);
        Program::start(&all).await
    }

    /// The settings that make an app use it.
    fn settings(&self) -> [(&'static str, String); 4] {
        let url = format!("http://{}", self.address);
        [
            ("smartsheet.client_id", "client".to_owned()),
            ("smartsheet.client_secret", "secret".to_owned()),
            ("smartsheet.authorize_url", format!("{url}/b/authorize")),
            ("smartsheet.api_url", format!("{url}/2.0")),
        ]
    }

    /// From now on, `users/me` is answered like this to everybody but the first who signed in.
    pub(crate) fn answer(&self, manner: Manner) {
        self.shared.manner.send_replace(manner);
    }

    /// From now on, token requests are answered like this.
    pub(crate) fn answer_tokens(&self, manner: Manner) {
        self.shared.tokens.send_replace(manner);
    }

    /// How many token requests have come.
    pub(crate) fn token_requests(&self) -> usize {
        self.shared.token_requests.load(Ordering::SeqCst)
    }

    /// Waits until so many calls of `users/me` are under way.
    pub(crate) async fn calls(&self, count: usize) {
        let mut calls = self.shared.calls.subscribe();
        let waited = tokio::time::timeout(super::PATIENCE, calls.wait_for(|now| *now == count));
        let _ = waited.await.expect("the calls, in time");
    }
}

async fn authorize(Query(query): Query<HashMap<String, String>>) -> Response {
    let mut back: url::Url = query["redirect_uri"].parse().unwrap();
    back.query_pairs_mut()
        .append_pair("code", "code")
        .append_pair("state", &query["state"]);
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

async fn token(State(shared): State<Arc<Shared>>) -> Response {
    shared.token_requests.fetch_add(1, Ordering::SeqCst);
    let access = hex::encode(rand::random::<[u8; 16]>());
    // Fails for all but the first.
    let _ = shared.first.set(access.clone());
    let pair = json!({
        "access_token": access, "refresh_token": "refresh",
        "token_type": "bearer", "expires_in": 604_799,
    });
    shared.body(&shared.tokens, pair.to_string()).await
}

async fn users_me(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let profile = json!({"id": 7, "email": "ada@example.com"}).to_string();
    let bearer = headers[header::AUTHORIZATION].to_str().unwrap();
    if bearer.strip_prefix("Bearer ") == shared.first.get().map(String::as_str) {
        return ([(header::CONTENT_TYPE, "application/json")], profile).into_response();
    }
    let _call = Call::begin(&shared);
    shared.body(&shared.manner, profile).await
}

struct Call<'a>(&'a Shared);

impl<'a> Call<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.calls.send_modify(|calls| *calls += 1);
        Self(shared)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.calls.send_modify(|calls| *calls -= 1);
    }
}

impl Shared {
    async fn body(&self, manner: &watch::Sender<Manner>, good: String) -> Response {
        let mut manner = manner.subscribe();
        let waited = manner.wait_for(|manner| *manner != Manner::Held).await;
        let manner = *waited.unwrap();
        let body = match manner {
            Manner::Well | Manner::Held => Body::from(good),
            Manner::Expired => {
                let refused =
                    json!({"errorCode": 1003, "message": "Your Access Token has expired."});
                return (StatusCode::UNAUTHORIZED, refused.to_string()).into_response();
            }
            Manner::Huge => {
                let part = Bytes::from(vec![b' '; 64 * 1024]);
                let parts =
                    stream::iter(0..16 * 1024).map(move |_| Ok::<_, Infallible>(part.clone()));
                Body::from_stream(parts)
            }
            Manner::Slow => Body::from_stream(stream::iter(0..).then(|_| async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok::<_, Infallible>(Bytes::from_static(b" "))
            })),
        };
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}
