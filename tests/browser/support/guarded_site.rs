//! A site that knows nothing of OAuth, behind a proxy that asks the app before each request.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;

use test_support::http_client;

/// A site and its proxy, in one server, until the test ends.
pub(crate) struct GuardedSite {
    /// Without a slash at its end.
    pub(crate) origin: String,
    /// Where the proxy asks, once that is known.
    pub(crate) app: Arc<OnceLock<String>>,
}

#[derive(Clone)]
struct Proxy {
    http: reqwest::Client,
    host: String,
    app: Arc<OnceLock<String>>,
}

/// What a browser sends that the app needs to know.
const PASSED: [&str; 6] = [
    "cookie",
    "accept",
    "origin",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-dest",
];

impl GuardedSite {
    /// One at `name.localhost`.
    pub(crate) async fn at(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("{name}.localhost:{}", listener.local_addr().unwrap().port());
        let app = Arc::<OnceLock<String>>::default();
        let proxy = Proxy {
            http: http_client(),
            host: host.clone(),
            app: Arc::clone(&app),
        };
        let routes = Router::new().fallback(answer).with_state(proxy);
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self {
            origin: format!("http://{host}"),
            app,
        }
    }
}

async fn answer(State(proxy): State<Proxy>, request: Request) -> Response {
    let target = request.uri().path_and_query().unwrap().as_str().to_owned();
    if target.starts_with("/auth/") {
        let (method, headers) = (request.method().clone(), request.headers());
        return proxy.ask(method, &target, headers, &[]).await;
    }
    let original = [
        ("x-forwarded-uri", target.as_str()),
        ("x-forwarded-method", request.method().as_str()),
    ];
    let checked = proxy
        .ask(Method::GET, "/auth/forward", request.headers(), &original)
        .await;
    if checked.status() != StatusCode::OK {
        return checked;
    }
    let name = checked.headers()["remote-name"].to_str().unwrap();
    let name = percent_decode_str(name).decode_utf8().unwrap();
    Html(page(&name, request.method(), &target)).into_response()
}

fn page(name: &str, method: &Method, target: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><link rel=icon href='data:,'><title>A site</title></head><body>\
         <p>{method} {} for {name}</p>\
         <form method=post action=/send><textarea name=text aria-label=Text></textarea><button>Send</button></form>\
         <form method=post action=/auth/sign-out><button>Sign out</button></form>",
        target.replace('&', "&amp;")
    )
}

impl Proxy {
    async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &HeaderMap,
        more: &[(&str, &str)],
    ) -> Response {
        let url = format!("{}{target}", self.app.get().unwrap());
        let mut asked = self.http.request(method, url);
        for name in PASSED {
            for value in headers.get_all(name) {
                asked = asked.header(name, value);
            }
        }
        asked = asked
            .header("x-forwarded-host", &self.host)
            .header("x-forwarded-proto", "http");
        for (name, value) in more {
            asked = asked.header(*name, *value);
        }
        let said = asked.send().await.unwrap();
        let (status, headers) = (said.status(), said.headers().clone());
        let mut answer = Response::new(Body::from(said.bytes().await.unwrap()));
        *answer.status_mut() = status;
        for (name, value) in &headers {
            let is_of_this_hop: [HeaderName; 2] =
                [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
            if !is_of_this_hop.contains(name) {
                answer.headers_mut().append(name, value.clone());
            }
        }
        answer
    }
}
