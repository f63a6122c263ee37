//! A sandbox with a clock that tests move, and the steps that most tests share.

pub(crate) mod desk;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use smartsheet_sandbox::{Options, RegisteredApp, Sandbox};
use tower::ServiceExt;
use url::Url;

pub(crate) const ID: &str = "app-one";
pub(crate) const SECRET: &str = "9samp7le3for71you";
pub(crate) const REDIRECT: &str = "http://localhost:8080/redirect";
pub(crate) const OTHER_REDIRECT: &str = "https://app.example/cb?tenant=7";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A sandbox and the hands of its clock.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    router: Router,
    now: Arc<AtomicI64>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) fn apps() -> Vec<RegisteredApp> {
    vec![
        RegisteredApp {
            name: "One <&> \"App\"".into(),
            client_id: ID.into(),
            client_secret: SECRET.into(),
            redirect_urls: vec![REDIRECT.into(), OTHER_REDIRECT.into()],
        },
        RegisteredApp {
            name: "Two".into(),
            client_id: "app-two".into(),
            client_secret: "second".into(),
            redirect_urls: vec!["myapp://callback".into()],
        },
    ]
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn on_file(path: PathBuf) -> Self {
        Self::with(|options| options.grants_file = Some(path)).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Options)) -> Self {
        let now = Arc::new(AtomicI64::new(1_767_225_600_000));
        let hands = Arc::clone(&now);
        let mut options = Options {
            apps: apps(),
            clock: Arc::new(move || {
                Timestamp::from_millisecond(hands.load(Ordering::SeqCst)).unwrap()
            }),
            ..Options::default()
        };
        adjust(&mut options);
        let sandbox = Sandbox::open(options).await.unwrap();
        Self {
            router: sandbox.router(),
            sandbox,
            now,
        }
    }

    pub(crate) fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.now.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(self.router.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path).header("content-type", kind);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn control(&self, path: &str, json: &str) -> Answer {
        self.post(path, "application/json", json.to_owned()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn with_token(&self, method: &str, path: &str, token: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post_json(&self, path: &str, token: &str, body: String) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn me(&self, token: &str) -> Answer {
        self.with_token("GET", "/2.0/users/me", token).await
    }

    /// A token request with its parameters in the body.
    pub(crate) async fn token(&self, params: &[(&str, &str)]) -> Answer {
        self.post("/2.0/token", FORM, encode(params)).await
    }

    /// The code that Allow gives.
    pub(crate) async fn code(&self, user: &str, scope: &str) -> String {
        let path = authorize_path(&[
            ("scope", scope),
            ("sandbox_user", user),
            ("sandbox_decision", "allow"),
        ]);
        self.get(&path).await.returned()["code"].clone()
    }

    pub(crate) async fn exchange(&self, code: &str) -> Answer {
        self.token(&exchange_params(code, &hash(code))).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&refresh_params(token, &hash(token))).await
    }

    /// The answer to a complete sign-in: `access_token`, `refresh_token`, `expires_in`.
    pub(crate) async fn sign_in(&self, user: &str, scope: &str) -> Pair {
        let code = self.code(user, scope).await;
        self.exchange(&code).await.pair()
    }
}

/// A pair of tokens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn pair(&self) -> Pair {
        assert_eq!(self.status, 200, "{self:?}");
        let text = |name: &str| self.json()[name].as_str().unwrap().to_owned();
        Pair {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    /// The parameters with which the browser is sent back to the app.
    pub(crate) fn returned(&self) -> HashMap<String, String> {
        assert_eq!(self.status, 302, "{self:?}");
        Url::parse(self.header("location"))
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect()
    }

    /// Asserts Smartsheet's error form.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let json = self.json();
        assert_eq!(json["errorCode"], code, "{self:?}");
        assert_eq!(json["refId"].as_str().unwrap().len(), 13, "{self:?}");
        assert!(!json["message"].as_str().unwrap().is_empty(), "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        json
    }
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub(crate) fn encode(params: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish()
}

/// An authorization request of the first app, with more parameters.
pub(crate) fn authorize_path(more: &[(&str, &str)]) -> String {
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", ID),
        ("state", "s1"),
    ];
    params.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    params.extend(more);
    format!("/b/authorize?{}", encode(&params))
}

pub(crate) fn hash(credential: &str) -> String {
    hex::encode(Sha256::digest(format!("{SECRET}|{credential}")))
}

pub(crate) fn exchange_params<'a>(code: &'a str, hash: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", ID),
        ("code", code),
        ("hash", hash),
    ]
}

pub(crate) fn refresh_params<'a>(token: &'a str, hash: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", ID),
        ("refresh_token", token),
        ("hash", hash),
    ]
}
