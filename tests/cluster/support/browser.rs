//! A browser with a cookie jar, whose requests can go to any instance.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use test_support::{Cookies, allow, http_client_builder};
use tokio::task::JoinHandle;

/// A person's browser. Its clones are tabs: they share the cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    /// What it says in `Host`, if not the instance's address.
    host: Option<&'static str>,
    cookies: Cookies,
}

/// Cookies that others set for a browser: sent with its own, byte for byte, and never part of its jar.
#[derive(Clone, Default, Debug)]
pub(crate) struct Planted {
    /// Sent before its own.
    pub(crate) before: Vec<Vec<u8>>,
    /// Sent after its own.
    pub(crate) after: Vec<Vec<u8>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self::at(None)
    }

    /// A browser whose requests come from `address`, which is this machine's.
    pub(crate) fn at(address: Option<IpAddr>) -> Self {
        let http = http_client_builder()
            .timeout(Duration::from_mins(1))
            .local_address(address)
            .build()
            .unwrap();
        Self {
            http,
            host: None,
            cookies: Cookies::default(),
        }
    }

    /// The same browser at the address bar's `host`.
    pub(crate) fn at_host(&self, host: &'static str) -> Self {
        Self {
            host: Some(host),
            ..self.clone()
        }
    }

    /// Sends a request and keeps the cookies of its answer. An error means that no answer came.
    pub(crate) async fn send(
        &self,
        method: Method,
        at: SocketAddr,
        path: &str,
        accept: &str,
    ) -> Result<Page, reqwest::Error> {
        let planted = Planted::default();
        self.send_beside(method, at, path, accept, &planted).await
    }

    /// The same with cookies that others have set.
    pub(crate) async fn send_beside(
        &self,
        method: Method,
        at: SocketAddr,
        path: &str,
        accept: &str,
        planted: &Planted,
    ) -> Result<Page, reqwest::Error> {
        let mut request = self
            .http
            .request(method, format!("http://{at}{path}"))
            .header(header::ACCEPT, accept);
        if let Some(host) = self.host {
            request = request.header(header::HOST, host);
        }
        if path.starts_with("/auth/api/") {
            // What a page of ours does, and another site's can't.
            request = request.header("x-csrf", "1");
        }
        let own = self.cookies.pairs().into_iter().map(String::into_bytes);
        let cookies: Vec<Vec<u8>> = (planted.before.iter().cloned())
            .chain(own)
            .chain(planted.after.iter().cloned())
            .collect();
        if !cookies.is_empty() {
            let line = HeaderValue::from_bytes(&cookies.join(&b"; "[..])).unwrap();
            request = request.header(header::COOKIE, line);
        }
        let response = request.send().await?;
        self.cookies.keep(response.headers());
        Ok(Page {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await?,
        })
    }

    /// Sends a form of one of the app's pages.
    pub(crate) async fn send_form(&self, at: SocketAddr, path: &str, body: String) -> Page {
        let request = self
            .http
            .post(format!("http://{at}{path}"))
            .header(header::ACCEPT, "text/html")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, self.cookies.pairs().join("; "))
            .body(body);
        let response = request.send().await.unwrap();
        self.cookies.keep(response.headers());
        Page {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    /// Another browser with the cookies that this one has now.
    pub(crate) fn apart(&self) -> Self {
        Self {
            cookies: self.cookies.apart(),
            ..self.clone()
        }
    }

    /// Another browser at the same place, without any cookie.
    pub(crate) fn without_cookies(&self) -> Self {
        Self {
            cookies: Cookies::default(),
            ..self.clone()
        }
    }

    /// Its cookies, by their names.
    pub(crate) fn all_cookies(&self) -> BTreeMap<String, String> {
        self.cookies.all()
    }

    /// The value of the session's cookie.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookies.get("session")
    }

    pub(crate) async fn get(&self, at: SocketAddr, path: &str) -> Page {
        self.send(Method::GET, at, path, "text/html").await.unwrap()
    }

    pub(crate) async fn post(&self, at: SocketAddr, path: &str) -> Page {
        self.send(Method::POST, at, path, "text/html")
            .await
            .unwrap()
    }

    /// Asks for a page and does not wait. Aborting the task closes the connection.
    pub(crate) fn ask(
        &self,
        at: SocketAddr,
        path: &str,
    ) -> JoinHandle<Result<Page, reqwest::Error>> {
        let (browser, path) = (self.clone(), path.to_owned());
        tokio::spawn(async move { browser.send(Method::GET, at, &path, "text/html").await })
    }

    /// `GET /me` as a program sends it.
    pub(crate) async fn me(&self, at: SocketAddr) -> Page {
        let accept = "application/json";
        self.send(Method::GET, at, "/me", accept).await.unwrap()
    }

    /// From `/login` over the consent to the path of the callback, which is not yet followed.
    pub(crate) async fn consent(&self, at: SocketAddr) -> String {
        self.try_consent(at).await.unwrap()
    }

    pub(crate) async fn try_consent(&self, at: SocketAddr) -> Result<String, String> {
        let login = self.send(Method::GET, at, "/login", "text/html").await;
        let login = login.map_err(|error| error.to_string())?;
        self.allow(&login, "full").await
    }

    /// What `user` of the sandbox does where `login` led: allows, and is sent to the path of the callback.
    pub(crate) async fn allow(&self, login: &Page, user: &str) -> Result<String, String> {
        let Some(location) = login.location() else {
            return Err(format!("/login answered {}", login.status));
        };
        let authorize = location.parse().unwrap();
        let back = allow(&self.http, &authorize, None, user).await?;
        Ok(format!("{}?{}", back.path(), back.query().unwrap()))
    }

    /// Signs in.
    pub(crate) async fn sign_in(&self, at: SocketAddr) {
        let callback = self.consent(at).await;
        let page = self.get(at, &callback).await;
        assert_eq!(page.status, 303, "{page:?}");
        assert_eq!(page.location(), Some("/me"));
    }
}

impl Page {
    pub(crate) fn location(&self) -> Option<&str> {
        self.header("location")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Asserts that this is what somebody gets at `/me` who is signed out.
    #[track_caller]
    pub(crate) fn asks_to_sign_in(&self) {
        assert_eq!(self.status, 303, "{self:?}");
        assert_eq!(self.location(), Some("/login?return_to=/me"), "{self:?}");
    }
}
