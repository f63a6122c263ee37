//! A Chromium with a new profile: no cookie, no cache, no history.

use std::sync::Mutex;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tokio::time::timeout;
use url::Url;

use super::command::Raw;
use super::console::{self, Failed};
use super::{DOMAIN, PATIENCE, TestApp, chromedriver, until};

/// No sandbox, because containers lack what it needs and only pages of these tests are opened. The others keep Chromium
/// from calling home.
const ARGUMENTS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
    "--window-size=1280,900",
];

/// A browser, looking at one of its tabs. When it is dropped its console must be as expected, and Chromium ends, also after a
/// panic.
pub(crate) struct Browser {
    client: Client,
    base: String,
    sandbox: String,
    expected: Mutex<Vec<Failed>>,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn open(app: &TestApp) -> Self {
        Self::with(app, json!({})).await
    }

    /// One whose owner has turned scripts off.
    pub(crate) async fn without_scripts(app: &TestApp) -> Self {
        let block = 2;
        let name = "profile.managed_default_content_settings.javascript";
        Self::with(app, json!({name: block})).await
    }

    async fn with(app: &TestApp, preferences: Value) -> Self {
        let profile = TempDir::new().unwrap();
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        // Where the app is behind TLS: its domain is this machine, and nobody vouches for the certificate.
        arguments.push(format!("--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1"));
        arguments.push("--ignore-certificate-errors".to_owned());
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments, "prefs": preferences},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is written as one");
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(Capabilities::from(capabilities))
            .connect(chromedriver::url())
            .await
            .unwrap();
        let bounds =
            TimeoutConfiguration::new(Some(PATIENCE), Some(PATIENCE), Some(Duration::ZERO));
        client.update_timeouts(bounds).await.unwrap();
        Self {
            client,
            base: app.base.clone(),
            sandbox: app.sandbox.clone(),
            expected: Mutex::default(),
            _profile: profile,
        }
    }

    /// A browser that is signed in, at the profile.
    pub(crate) async fn signed_in(app: &TestApp) -> Self {
        let browser = Self::open(app).await;
        browser.visit("/login").await;
        browser.is_asked_for_consent().await;
        browser.press_button("Allow").await;
        browser.arrives_at("/me").await;
        browser
    }

    /// For what has no word here.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// This page's answer will have this status. Every failure that is not announced fails the test, and so does one that
    /// does not come.
    pub(crate) fn expect_failure(&self, path: &str, status: u16) {
        let path = path.to_owned();
        self.expected.lock().unwrap().push(Failed { path, status });
    }

    /// Enters the address of a page of the app.
    pub(crate) async fn visit(&self, path: &str) {
        self.go_to(&format!("{}{path}", self.base)).await;
    }

    pub(crate) async fn go_to(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn url(&self) -> Url {
        self.client.current_url().await.unwrap()
    }

    /// Waits until the tab is at this page of the app, whatever the query.
    pub(crate) async fn arrives_at(&self, path: &str) {
        self.arrives_at_url(&format!("{}{path}", self.base)).await;
    }

    /// The same, at this place of the page.
    pub(crate) async fn arrives_at_with(&self, path: &str, fragment: Option<&str>) {
        self.arrives_at_url(&match fragment {
            Some(fragment) => format!("{}{path}#{fragment}", self.base),
            None => format!("{}{path}", self.base),
        })
        .await;
    }

    /// Waits until the sandbox asks whom to sign in.
    pub(crate) async fn is_asked_for_consent(&self) {
        let url = format!("{}/b/authorize", self.sandbox);
        self.arrives_at_url(&url).await;
        self.button("Deny").await;
    }

    async fn arrives_at_url(&self, wanted: &str) {
        let what = format!("the address {wanted}");
        until(&what, async || {
            let mut url = self.url().await;
            url.set_query(None);
            (url.as_str() == wanted).then_some(())
        })
        .await;
    }

    /// Waits until the page shows `text`.
    pub(crate) async fn shows(&self, text: &str) {
        until(text, async || {
            // Between two pages there may be no body.
            let body = self.client.find(Locator::Css("body")).await.ok()?;
            body.text().await.ok()?.contains(text).then_some(())
        })
        .await;
    }

    /// Whether nobody is signed in, as the start page shows it: it offers to.
    pub(crate) async fn shows_sign_in(&self) {
        self.link_to("/login").await;
    }

    pub(crate) async fn source(&self) -> String {
        self.client.source().await.unwrap()
    }

    /// Follows the first link whose address ends like this.
    pub(crate) async fn follow(&self, end: &str) {
        self.link_to(end).await.click().await.unwrap();
    }

    /// Presses the button that says so.
    pub(crate) async fn press_button(&self, text: &str) {
        self.button(text).await.click().await.unwrap();
    }

    /// Chooses somebody on the consent page.
    pub(crate) async fn choose(&self, email: &str) {
        let label = self.find(&format!("//label[contains(., '{email}')]")).await;
        label.click().await.unwrap();
    }

    async fn link_to(&self, end: &str) -> Element {
        let ends = format!(
            "substring(@href, string-length(@href) - {} + 1) = '{end}'",
            end.len()
        );
        self.find(&format!("//a[{ends}]")).await
    }

    async fn button(&self, text: &str) -> Element {
        // The header's menu has one, too. Pages of other sites have no header.
        let button = format!("//button[normalize-space() = '{text}']");
        self.find(&format!("//main{button} | //body[not(.//main)]{button}"))
            .await
    }

    /// Waits for the first such element that can be seen.
    pub(crate) async fn find(&self, xpath: &str) -> Element {
        until(xpath, async || {
            let found = self.client.find_all(Locator::XPath(xpath)).await.ok()?;
            for element in found {
                if element.is_displayed().await.unwrap_or(false) {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// The cookies that the page at hand is sent, as the browser keeps them.
    pub(crate) async fn cookies(&self) -> Vec<Value> {
        let command = Raw {
            method: Method::GET,
            path: "cookie",
            body: None,
        };
        let cookies = self.client.issue_cmd(command).await.unwrap();
        cookies.as_array().unwrap().clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let end = async {
            let url = self.client.current_url().await;
            let entries = console::entries(&self.client).await;
            let closed = self.client.clone().close().await;
            (url.map(String::from), entries, closed)
        };
        let ended = block_in_place(|| Handle::current().block_on(timeout(PATIENCE, end)));
        if std::thread::panicking() {
            // The test's output is shown when it fails.
            println!("the browser's address and console: {ended:?}");
            return;
        }
        let (_, entries, closed) = ended.expect("the browser ends");
        closed.unwrap();
        let expected = std::mem::take(&mut *self.expected.lock().unwrap());
        let surprises = console::surprises(&entries.unwrap(), expected);
        assert!(
            surprises.is_empty(),
            "the browser's console: {surprises:#?}"
        );
    }
}
