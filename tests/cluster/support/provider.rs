//! A stand-in for Smartsheet that tests hold by the hand: they see its tokens, keep its answers back and lose them.
//!
//! Strict where the real one may be: a pair is void once it was refreshed or revoked, and nothing else is.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

/// What happens to token requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// They are answered.
    No,
    /// They wait, and nothing has happened yet.
    Unprocessed,
    /// They are done, and the answer waits.
    Processed,
    /// They are done, and the answer is lost: the connection is cut.
    Lost,
}

/// A pair that was issued.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) alive: bool,
    expired: bool,
}

/// What has happened so far.
#[derive(Clone, Default, Debug)]
pub(crate) struct Book {
    pub(crate) pairs: Vec<Pair>,
    /// Requests for a new pair that arrived.
    pub(crate) refreshes: usize,
    /// Requests to exchange a code that arrived.
    pub(crate) exchanges: usize,
    /// Calls to the API that arrived.
    pub(crate) calls: usize,
    /// Requests whose client went away before the answer.
    pub(crate) abandoned: usize,
    codes: Vec<String>,
}

struct Shared {
    book: watch::Sender<Book>,
    tokens: watch::Sender<Hold>,
    calls: watch::Sender<Hold>,
    expires_in: Mutex<u64>,
}

/// A running provider. Its requests are served by the test's own runtime.
#[derive(Clone)]
pub(crate) struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            book: watch::Sender::default(),
            tokens: watch::Sender::new(Hold::No),
            calls: watch::Sender::new(Hold::No),
            expires_in: Mutex::new(604_799),
        });
        let routes = Router::new()
            .route("/b/authorize", get(authorize))
            .route("/2.0/token", post(token).delete(revoke))
            .route("/2.0/users/me", get(users_me))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happens to token requests from now on, those that wait included.
    pub(crate) fn hold_tokens(&self, hold: Hold) {
        self.shared.tokens.send_replace(hold);
    }

    /// What happens to calls of the API from now on, those that wait included.
    pub(crate) fn hold_calls(&self, hold: Hold) {
        self.shared.calls.send_replace(hold);
    }

    /// How long pairs live that are issued from now on, in seconds, as the answer tells. They go on to work.
    pub(crate) fn tell_lifetime(&self, seconds: u64) {
        *self.shared.expires_in.lock().unwrap() = seconds;
    }

    /// Every access token has expired.
    pub(crate) fn expire(&self) {
        self.shared.book.send_modify(|book| {
            for pair in &mut book.pairs {
                pair.expired = true;
            }
        });
    }

    /// Every pair is void.
    pub(crate) fn revoke_all(&self) {
        self.shared.book.send_modify(|book| {
            for pair in &mut book.pairs {
                pair.alive = false;
            }
        });
    }

    pub(crate) fn book(&self) -> Book {
        self.shared.book.borrow().clone()
    }

    /// How many pairs work.
    pub(crate) fn alive(&self) -> usize {
        let book = self.book();
        book.pairs.iter().filter(|pair| pair.alive).count()
    }

    /// Waits for what the book will tell.
    #[track_caller]
    pub(crate) fn until(&self, condition: impl Fn(&Book) -> bool) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let mut book = self.shared.book.subscribe();
        async move {
            let waited =
                tokio::time::timeout(super::PATIENCE, book.wait_for(|book| condition(book)));
            let in_time = waited.await.is_ok();
            assert!(in_time, "{caller}: it never came to that");
        }
    }
}

/// Counts a request as abandoned unless it was answered.
struct Open<'a>(Option<&'a Shared>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.book.send_modify(|book| book.abandoned += 1);
        }
    }
}

async fn authorize(
    State(shared): State<Arc<Shared>>,
    Query(params): Query<HashMap<String, String>>,
) -> Response {
    let code = random();
    shared
        .book
        .send_modify(|book| book.codes.push(code.clone()));
    let mut back: url::Url = params["redirect_uri"].parse().unwrap();
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &params["state"]);
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

async fn token(
    State(shared): State<Arc<Shared>>,
    Form(params): Form<HashMap<String, String>>,
) -> Response {
    let refresh = params["grant_type"] == "refresh_token";
    shared.book.send_modify(|book| {
        let count = if refresh {
            &mut book.refreshes
        } else {
            &mut book.exchanges
        };
        *count += 1;
    });
    let mut open = Open(Some(&shared));
    let mut hold = shared.tokens.subscribe();
    let _ = hold.wait_for(|hold| *hold != Hold::Unprocessed).await;
    let answer = shared.issue(&params);
    let _ = hold.wait_for(|hold| *hold != Hold::Processed).await;
    open.0 = None;
    let lost = *hold.borrow() == Hold::Lost;
    if lost { cut() } else { answer }
}

async fn revoke(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let Some(access) = bearer(&headers) else {
        return refused(StatusCode::UNAUTHORIZED, 1001);
    };
    let mut known = false;
    shared.book.send_modify(|book| {
        let pair = book
            .pairs
            .iter_mut()
            .find(|pair| pair.access == access && pair.alive);
        if let Some(pair) = pair {
            pair.alive = false;
            known = true;
        }
    });
    if known {
        Json(json!({"resultCode": 0, "message": "SUCCESS"})).into_response()
    } else {
        refused(StatusCode::UNAUTHORIZED, 1002)
    }
}

async fn users_me(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.book.send_modify(|book| book.calls += 1);
    let access = bearer(&headers).unwrap_or_default();
    let judge = || {
        let book = shared.book.borrow();
        let pair = book
            .pairs
            .iter()
            .find(|pair| pair.access == access && pair.alive);
        match pair {
            None => refused(StatusCode::UNAUTHORIZED, 1002),
            Some(pair) if pair.expired => refused(StatusCode::UNAUTHORIZED, 1003),
            Some(_) => Json(json!({"id": 7, "email": "ada@example.com", "firstName": "Ada"}))
                .into_response(),
        }
    };
    let mut hold = shared.calls.subscribe();
    let _ = hold.wait_for(|hold| *hold != Hold::Unprocessed).await;
    let answer = judge();
    let _ = hold.wait_for(|hold| *hold != Hold::Processed).await;
    answer
}

impl Shared {
    /// A new pair for a code or a refresh token, which with that is spent.
    fn issue(&self, params: &HashMap<String, String>) -> Response {
        let pair = Pair {
            access: random(),
            refresh: random(),
            alive: true,
            expired: false,
        };
        let answer = json!({
            "access_token": pair.access, "refresh_token": pair.refresh,
            "token_type": "bearer", "expires_in": *self.expires_in(),
        });
        let mut granted = false;
        self.book.send_modify(|book| {
            let spent = if let Some(code) = params.get("code") {
                let known = book.codes.iter().position(|known| known == code);
                known.map(|index| drop(book.codes.remove(index)))
            } else {
                let given = &params["refresh_token"];
                let old = book
                    .pairs
                    .iter_mut()
                    .find(|pair| pair.refresh == *given && pair.alive);
                old.map(|old| old.alive = false)
            };
            granted = spent.is_some();
            if granted {
                book.pairs.push(pair);
            }
        });
        if granted {
            Json(answer).into_response()
        } else {
            refused(StatusCode::BAD_REQUEST, 1071)
        }
    }

    fn expires_in(&self) -> MutexGuard<'_, u64> {
        self.expires_in.lock().unwrap()
    }
}

fn refused(status: StatusCode, code: u16) -> Response {
    let error = if status == StatusCode::BAD_REQUEST {
        "invalid_grant"
    } else {
        "unauthorized"
    };
    let body: Value =
        json!({"errorCode": code, "error": error, "message": "refused", "refId": "abc"});
    (status, Json(body)).into_response()
}

/// An answer that breaks off before its first byte.
fn cut() -> Response {
    let broken = futures_util::stream::once(async {
        Err::<axum::body::Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(broken).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}

fn random() -> String {
    hex::encode(rand::random::<[u8; 13]>())
}
