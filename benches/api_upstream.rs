//! What `scripts/bench` measures the API for pages with: a stand-in for Smartsheet that does as little as possible, and knows as many
//! people as sign in, and a bare reverse proxy with one token.
//!
//! ```text
//! bench_api_upstream upstream ADDRESS          # such as 127.0.0.1:8091
//! bench_api_upstream proxy ADDRESS UPSTREAM    # such as 127.0.0.1:8092 http://127.0.0.1:8091
//! ```

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The app's: what is compared is what the app does, not who gives out its memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much of a long answer is sent at once, in bytes.
const PART: usize = 64 * 1024;

/// Who signed in, how often tokens were refreshed, and how many of the pairs have had their end.
#[derive(Default)]
struct Upstream {
    people: AtomicU64,
    refreshes: AtomicU64,
    /// Tokens of this generation are good.
    generation: AtomicU64,
}

type Shared = State<Arc<Upstream>>;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["upstream", address] => upstream(address).await,
        ["proxy", address, upstream] => proxy(address, upstream).await,
        _ => panic!("expected: upstream ADDRESS, or proxy ADDRESS UPSTREAM"),
    }
}

async fn upstream(address: &str) {
    let routes = Router::new()
        .route("/", get(StatusCode::OK))
        .route("/b/authorize", get(authorize))
        .route("/2.0/token", post(token))
        .route("/2.0/users/me", get(users_me))
        .route("/2.0/sheets/{mebibytes}", get(sheet))
        .route("/control", get(control).post(expire))
        .with_state(Arc::<Upstream>::default());
    let listener = TcpListener::bind(address).await.unwrap();
    axum::serve(listener, routes).await.unwrap();
}

/// Whoever comes is somebody else, and allows.
async fn authorize(
    State(upstream): Shared,
    Query(asked): Query<std::collections::HashMap<String, String>>,
) -> Response {
    let person = upstream.people.fetch_add(1, Ordering::Relaxed) + 1;
    let back = format!(
        "{}?code={person}&expires_in=600000&state={}",
        asked["redirect_uri"], asked["state"]
    );
    (StatusCode::FOUND, [(header::LOCATION, back)]).into_response()
}

/// Tokens are the person and the generation.
async fn token(State(upstream): Shared, form: String) -> Json<Value> {
    let field = |name: &str| {
        let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
    };
    let person = match field("refresh_token") {
        Some(refresh_token) => {
            upstream.refreshes.fetch_add(1, Ordering::Relaxed);
            refresh_token.split('.').next().unwrap()
        }
        None => field("code").unwrap(),
    };
    let generation = upstream.generation.load(Ordering::Relaxed);
    let made = |kind: &str| format!("{person}.{generation}.{kind}");
    Json(json!({
        "access_token": made("access"), "refresh_token": made("refresh"), "token_type": "bearer", "expires_in": 604_799,
    }))
}

/// The person of the token, unless that is of an earlier generation.
fn person(upstream: &Upstream, headers: &HeaderMap) -> Result<String, (StatusCode, Json<Value>)> {
    let token = headers[header::AUTHORIZATION].to_str().unwrap();
    let mut parts = token.trim_start_matches("Bearer ").split('.');
    let person = parts.next().unwrap().to_owned();
    let generation = upstream.generation.load(Ordering::Relaxed).to_string();
    if parts.next() == Some(&generation) {
        return Ok(person);
    }
    let expired = json!({"errorCode": 1003, "message": "expired", "refId": "bench"});
    Err((StatusCode::UNAUTHORIZED, Json(expired)))
}

async fn users_me(State(upstream): Shared, headers: HeaderMap) -> Response {
    match person(&upstream, &headers) {
        Ok(person) => {
            let id: u64 = person.parse().unwrap();
            let profile =
                json!({"id": id, "email": format!("p{person}@example.com"), "firstName": "P"});
            Json(profile).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

/// So many mebibytes, or a small answer for none.
async fn sheet(
    State(upstream): Shared,
    Path(mebibytes): Path<usize>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = person(&upstream, &headers) {
        return refused.into_response();
    }
    if mebibytes == 0 {
        return Json(json!({"id": 0, "name": "Team board", "version": 7, "rows": []}))
            .into_response();
    }
    let part = Bytes::from(vec![b'x'; PART]);
    let parts = mebibytes * 1024 * 1024 / PART;
    let parts = stream::iter((0..parts).map(move |_| Ok::<_, Infallible>(part.clone())));
    Body::from_stream(parts).into_response()
}

async fn control(State(upstream): Shared) -> Json<Value> {
    Json(json!({"refreshes": upstream.refreshes.load(Ordering::Relaxed)}))
}

/// All access tokens have their end now.
async fn expire(State(upstream): Shared) -> StatusCode {
    upstream.generation.fetch_add(1, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}

/// Passes everything on with one token, and nothing but that.
async fn proxy(address: &str, upstream: &str) {
    // There is one provider in this program, and nobody has chosen it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (client, upstream) = (client.clone(), upstream.to_owned());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let (client, upstream) = (client.clone(), upstream.clone());
                async move { Ok::<_, Infallible>(pass_on(&client, &upstream, request).await) }
            });
            // A client that goes away is none of its business.
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn pass_on(
    client: &reqwest::Client,
    upstream: &str,
    request: Request<hyper::body::Incoming>,
) -> hyper::Response<reqwest::Body> {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let path = path.strip_prefix("/auth/api").unwrap_or(path);
    let sent = client
        .request(parts.method, format!("{upstream}{path}"))
        .bearer_auth("1.0.access")
        .send();
    sent.await.unwrap().into()
}
