//! A browser that goes to several hosts: the app's own, and sites whose proxy (this) asks the app. Follows no redirect by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use reqwest::{Client, Method};
use url::Url;

use super::app::BASE_URL;
use super::{Page, TestApp};
use test_support::http_client;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// What a proxy in front of a site says in addition.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// Clones are tabs: they share the cookies. Each origin has its own.
#[derive(Clone)]
pub(crate) struct Visitor {
    http: Client,
    app: SocketAddr,
    /// Whether the site is told by `Host`, because the app trusts no proxy.
    by_host: bool,
    cookies: Arc<Mutex<BTreeMap<String, BTreeMap<String, String>>>>,
}

impl Visitor {
    pub(crate) fn new(app: &TestApp) -> Self {
        Self {
            http: http_client(),
            app: app.address,
            by_host: false,
            cookies: Arc::default(),
        }
    }

    /// One whose sites are told by `Host` alone.
    pub(crate) fn by_host(app: SocketAddr) -> Self {
        Self {
            http: http_client(),
            app,
            by_host: true,
            cookies: Arc::default(),
        }
    }

    /// A copy of it at another instance, with its cookies as they are now.
    pub(crate) fn copy_to(&self, app: &TestApp) -> Self {
        let copy = Self::new(app);
        *copy.cookies.lock().unwrap() = self.cookies.lock().unwrap().clone();
        copy
    }

    /// The cookies that it has for `origin`.
    pub(crate) fn cookies(&self, origin: &str) -> BTreeMap<String, String> {
        let cookies = self.cookies.lock().unwrap();
        cookies.get(origin).cloned().unwrap_or_default()
    }

    pub(crate) fn set_cookie(&self, origin: &str, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        let cookies = cookies.entry(origin.to_owned()).or_default();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Goes to `url`, which is the app's or a site's, as a person does.
    pub(crate) async fn go(&self, url: &str) -> Page {
        let headers = [("accept", HTML), ("sec-fetch-mode", "navigate")];
        self.send(Method::GET, url, &headers).await
    }

    /// Goes where `page`, an answer of `url`, leads.
    pub(crate) async fn follow(&self, url: &str, page: &Page) -> (String, Page) {
        assert_eq!(page.status, 303, "{page:?}");
        let next = Url::parse(url).unwrap().join(page.location()).unwrap();
        let page = self.go(next.as_str()).await;
        (next.into(), page)
    }

    /// Goes to `url` and on, as long as it is led on within the app and what sites mount of it. The last address, and what is
    /// there: an answer that leads to Smartsheet or to a site's own page, or one that leads nowhere.
    pub(crate) async fn walk(&self, url: &str) -> (String, Page) {
        let (mut url, mut page) = (url.to_owned(), self.go(url).await);
        for _ in 0..10 {
            if page.status != 303 {
                return (url, page);
            }
            let next = Url::parse(&url).unwrap().join(page.location()).unwrap();
            let is_ours = next.path().starts_with("/auth/") || next.as_str().starts_with(BASE_URL);
            if !is_ours {
                return (url, page);
            }
            (url, page) = self.follow(&url, &page).await;
        }
        panic!("no end: {url}");
    }

    /// Sends a request with the cookies of its origin. To a site it goes as the site's proxy hands it on.
    pub(crate) async fn send(&self, method: Method, url: &str, headers: Headers<'_>) -> Page {
        let url = Url::parse(url).unwrap();
        let origin = url.origin().ascii_serialization();
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut request = self
            .http
            .request(method, format!("http://{}{target}", self.app));
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        if origin == BASE_URL || self.by_host {
            request = request.header("host", host);
        } else if !headers.iter().any(|(name, _)| *name == "x-forwarded-host") {
            request = request.header("x-forwarded-host", host);
            request = request.header("x-forwarded-proto", url.scheme());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookies(&origin);
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<String> = pairs.collect();
        if !pairs.is_empty() {
            request = request.header("cookie", pairs.join("; "));
        }
        let page = Page::read(request.send().await.unwrap()).await;
        self.keep_cookies(&origin, &page);
        page
    }

    fn keep_cookies(&self, origin: &str, page: &Page) {
        for set in page.set_cookies() {
            assert!(!set.to_ascii_lowercase().contains("domain"), "{set}");
            let (pair, attributes) = set.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.set_cookie(origin, name, value);
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                let mut cookies = self.cookies.lock().unwrap();
                cookies.get_mut(origin).unwrap().remove(name);
            }
        }
    }

    /// Chooses at the sandbox's consent page that `page` leads to, and says where the browser is sent back to.
    pub(crate) async fn consent(&self, page: &Page, decision: &str, user: &str) -> String {
        let mut url = Url::parse(page.location()).unwrap();
        url.query_pairs_mut()
            .append_pair("sandbox_decision", decision)
            .append_pair("sandbox_user", user);
        let page = Page::read(self.http.get(url).send().await.unwrap()).await;
        assert_eq!(page.status, 302, "{page:?}");
        page.location().to_owned()
    }

    /// Goes to a page of a site (behind the route `/auth/forward`), signs in as `user`, and says where that ends.
    pub(crate) async fn sign_in_at(&self, site: &str, target: &str, user: &str) -> (String, Page) {
        let page = self.forward(site, target).await;
        let sign_in = format!("{site}{}", page.location());
        let (_, page) = self.walk(&sign_in).await;
        let callback = self.consent(&page, "allow", user).await;
        self.walk(&callback).await
    }

    /// What the app answers when the proxy of `site` asks for a navigation to `target`.
    pub(crate) async fn forward(&self, site: &str, target: &str) -> Page {
        let headers = [
            ("accept", HTML),
            ("sec-fetch-mode", "navigate"),
            ("x-forwarded-uri", target),
            ("x-forwarded-method", "GET"),
        ];
        let url = format!("{site}/auth/forward");
        self.send(Method::GET, &url, &headers).await
    }

    /// What a check answers for `site`.
    pub(crate) async fn check(&self, site: &str) -> Page {
        let url = format!("{site}/auth/check");
        self.send(Method::GET, &url, &[]).await
    }
}
