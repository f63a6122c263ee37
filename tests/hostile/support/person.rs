//! People who do nothing wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::header;
use test_support::{PATIENCE, allow, http_client_builder, parameter};
use tokio::task::JoinHandle;
use url::Url;

/// A client that follows no redirect, keeps no cookie, and waits as long as people do.
pub(crate) fn http() -> reqwest::Client {
    let builder = http_client_builder().timeout(PATIENCE);
    builder.build().unwrap()
}

/// Begins a sign-in and comes back with some code, without having been asked for consent.
pub(crate) async fn comes_back(app: SocketAddr) -> reqwest::Response {
    let http = http();
    let login = http.get(format!("http://{app}/login")).send();
    let login = login.await.unwrap();
    let authorize: Url = location(&login).parse().unwrap();
    let state = parameter(&authorize, "state").unwrap();
    let callback = http.get(format!("http://{app}/redirect?code=code&state={state}"));
    let callback = callback.header(header::COOKIE, cookie(&login));
    callback.send().await.unwrap()
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) http: reqwest::Client,
    pub(crate) app: SocketAddr,
    pub(crate) cookie: String,
}

impl Person {
    /// Signs in at the sandbox, or at an upstream that allows everything.
    pub(crate) async fn sign_in(app: SocketAddr) -> Self {
        let http = http();
        let login = http
            .get(format!("http://{app}/login"))
            .send()
            .await
            .unwrap();
        assert_eq!(login.status(), 303, "{login:?}");
        let cookie = cookie(&login);
        let authorize: Url = location(&login).parse().unwrap();
        let back = allow(&http, &authorize, Some(app.port()), "full").await;
        let back = back.unwrap();
        let callback = format!("http://{app}{}?{}", back.path(), back.query().unwrap());
        let callback = http.get(callback).header(header::COOKIE, cookie);
        let callback = callback.send().await.unwrap();
        assert_eq!(location(&callback), "/me", "{callback:?}");
        let cookie = self::cookie(&callback);
        Self { http, app, cookie }
    }

    /// Asks for the profile as a program does.
    pub(crate) async fn me(&self) -> reqwest::Result<reqwest::Response> {
        self.get("/me").await
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        self.http
            .get(format!("http://{}{path}", self.app))
            .header(header::ACCEPT, "application/json")
            .header(header::COOKIE, &self.cookie)
            .send()
            .await
    }
}

fn cookie(response: &reqwest::Response) -> String {
    let set = response.headers()[header::SET_COOKIE].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn location(response: &reqwest::Response) -> String {
    let location = response.headers().get(header::LOCATION);
    let location = location.unwrap_or_else(|| panic!("no location: {response:?}"));
    location.to_str().unwrap().to_owned()
}

/// A person who looks at the profile again and again, by a new connection each second time, and must see it each time.
pub(crate) struct Bystander {
    done: Arc<AtomicBool>,
    watching: JoinHandle<Vec<Duration>>,
}

impl Bystander {
    pub(crate) fn watch(person: &Person) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (is_done, mut person) = (Arc::clone(&done), person.clone());
        let watching = tokio::spawn(async move {
            let mut times = Vec::new();
            while !is_done.load(Ordering::SeqCst) || times.len() < 10 {
                if times.len() % 2 == 0 {
                    person.http = http();
                }
                let started = Instant::now();
                let answer = person.me().await.expect("the bystander gets an answer");
                assert_eq!(answer.status(), 200, "{answer:?}");
                answer.bytes().await.expect("the whole answer");
                times.push(started.elapsed());
            }
            times
        });
        Self { done, watching }
    }

    /// Ends it, prints how it went, and asserts that no look took longer than `longest`.
    pub(crate) async fn saw_nothing(self, longest: Duration) {
        self.done.store(true, Ordering::SeqCst);
        let mut times = self.watching.await.unwrap();
        times.sort_unstable();
        let slowest = *times.last().unwrap();
        let median = times[times.len() / 2];
        println!(
            "bystander: {} looks, median {median:?}, slowest {slowest:?}",
            times.len()
        );
        assert!(slowest < longest, "{slowest:?}");
    }
}
