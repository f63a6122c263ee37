//! A browser: keeps cookies, follows no redirect by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;
use test_support::{Cookies, consent_url, http_client, parameter};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::TestApp;
use super::app::{BASE_URL, CLIENT_SECRET};

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const JSON: &str = "application/json";

/// Clones are tabs: they share the cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Client,
    app: SocketAddr,
    cookies: Cookies,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(app: &TestApp) -> Self {
        Self::at(app.address)
    }

    pub(crate) fn at(app: SocketAddr) -> Self {
        Self {
            http: http_client(),
            app,
            cookies: Cookies::default(),
        }
    }

    /// Another browser with the same cookies: a thief's, or this one after a restart of the app.
    pub(crate) fn copy_to(&self, app: &TestApp) -> Self {
        Self {
            cookies: self.cookies.apart(),
            ..Self::new(app)
        }
    }

    /// Where the app is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.app
    }

    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.all()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.set(name, value);
    }

    /// The value of the session's cookie, under http.
    pub(crate) fn session(&self) -> Option<String> {
        self.cookies.get("session")
    }

    /// Opens a page of the app.
    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[("accept", HTML)]).await
    }

    /// Asks the app for JSON.
    pub(crate) async fn json(&self, path: &str) -> Page {
        self.send(Method::GET, path, &[("accept", JSON)]).await
    }

    /// Opens a page, with a request id to find it in the log.
    pub(crate) async fn get_as(&self, id: &str, path: &str) -> Page {
        let headers = [("accept", HTML), ("x-request-id", id)];
        self.send(Method::GET, path, &headers).await
    }

    /// Presses the sign-out button: what a browser sends with the form of our pages.
    pub(crate) async fn sign_out(&self) -> Page {
        let headers = [
            ("accept", HTML),
            ("origin", "null"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::POST, "/logout", &headers).await
    }

    /// Sends a request to the app with the cookies that it set.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Page {
        self.send_body(method, path, headers, String::new()).await
    }

    /// The same with a body, unless that is empty.
    pub(crate) async fn send_body(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Page {
        let mut request = self
            .http
            .request(method, format!("http://{}{path}", self.app));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookies.pairs();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        let page = Page::read(request.send().await.unwrap()).await;
        self.cookies.keep(&page.headers);
        page
    }

    /// Comes with the session for the first time. One that no browser has come with ends soon.
    pub(crate) async fn arrive(&self) {
        self.get("/flow").await;
    }

    /// Starts a sign-in and says where the browser is sent.
    pub(crate) async fn begin(&self, login: &str) -> Url {
        let page = self.get(login).await;
        assert_eq!(page.status, 303, "{page:?}");
        Url::parse(page.location()).unwrap()
    }

    /// Starts a sign-in and says which state it has.
    pub(crate) async fn begin_with_state(&self) -> String {
        parameter(&self.begin("/login").await, "state").unwrap()
    }

    /// Chooses at the sandbox's consent page, and says which path of the app the browser is sent back to.
    pub(crate) async fn consent(&self, authorize: &Url, decision: &str, user: &str) -> String {
        let url = consent_url(authorize, Some(self.app.port()), decision, user);
        let page = Page::read(self.http.get(url).send().await.unwrap()).await;
        assert_eq!(page.status, 302, "{page:?}");
        page.location().strip_prefix(BASE_URL).unwrap().to_owned()
    }

    /// Signs in at the sandbox. The page is the app's answer to the callback.
    pub(crate) async fn sign_in(&self, user: &str) -> Page {
        let authorize = self.begin("/login").await;
        let callback = self.consent(&authorize, "allow", user).await;
        self.get(&callback).await
    }

    /// Signs in at a scripted provider, which knows no consent page: the browser comes back with `code`.
    pub(crate) async fn sign_in_with_code(&self, code: &str) -> Page {
        let state = self.begin_with_state().await;
        self.get(&format!("/redirect?code={code}&state={state}"))
            .await
    }
}

/// The status of a GET of `target`, sent as it is: a client of HTTP would resolve `..` before.
pub(crate) async fn raw_get(app: SocketAddr, target: &str) -> u16 {
    let mut stream = TcpStream::connect(app).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap();
    status.parse().unwrap()
}

impl Page {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        // Wherever it is: neither the app's secret nor a token of a scripted provider leaves the server.
        for secret in [CLIENT_SECRET, "access-secret-", "refresh-secret-"] {
            assert!(!body.contains(secret), "{secret} in {body}");
            assert!(
                !format!("{headers:?}").contains(secret),
                "{secret} in {headers:?}"
            );
        }
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    pub(crate) fn set_cookies(&self) -> Vec<String> {
        let all = self.headers.get_all("set-cookie").iter();
        all.map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[track_caller]
    pub(crate) fn redirects_to(&self, location: &str) {
        assert_eq!((self.status, self.location()), (303, location), "{self:?}");
    }

    /// Asserts a page of this status that shows each of `texts`.
    #[track_caller]
    pub(crate) fn shows(&self, status: u16, texts: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        let kind = self.header("content-type");
        assert!(kind.starts_with("text/html"), "{self:?}");
        for text in texts {
            assert!(self.body.contains(text), "no {text:?} in {}", self.body);
        }
    }

    /// Asserts an error page for people: what happened, what to do, and a reference that is in the log.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, texts: &[&str]) {
        self.shows(status, texts);
        let id = self.header("x-request-id");
        self.shows(
            status,
            &["class=\"button\"", &format!("Reference <code>{id}</code>")],
        );
        assert!(
            !super::log::lines_with(&[id]).is_empty(),
            "{id} is not in the log"
        );
    }

    /// Asserts RFC 9457 problem details of this status and kind.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        let kind = format!("urn:smartsheet-oauth-demo:problem:{kind}");
        assert_eq!(problem["type"], kind, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(
            problem["reference"],
            self.header("x-request-id"),
            "{problem}"
        );
        for member in ["title", "detail"] {
            assert!(!problem[member].as_str().unwrap().is_empty(), "{problem}");
        }
        problem
    }

    /// Asserts that nobody is signed in, as `/me` shows it.
    #[track_caller]
    pub(crate) fn is_signed_out(&self) {
        self.redirects_to("/login?return_to=/me");
    }
}
