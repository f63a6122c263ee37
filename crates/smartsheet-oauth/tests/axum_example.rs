//! The example in axum signs people in, against the sandbox.

use reqwest::{Client as Http, StatusCode};
use smartsheet_oauth::api::{Api, Retry};
use smartsheet_oauth::transport::{Limits, Transport};
use smartsheet_oauth::{Client, Endpoints, Registration};
use smartsheet_sandbox::{Options, RegisteredApp, Sandbox};
use tokio::net::TcpListener;

#[expect(dead_code, reason = "`main` asks for credentials and takes a port")]
#[path = "../examples/axum.rs"]
mod example;

/// The example, and the sandbox that it asks.
struct World {
    app: String,
    sandbox: String,
}

impl World {
    async fn open() -> Self {
        let [app_at, sandbox_at] = [
            TcpListener::bind("127.0.0.1:0"),
            TcpListener::bind("127.0.0.1:0"),
        ];
        let (app_at, sandbox_at) = (app_at.await.unwrap(), sandbox_at.await.unwrap());
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let (app, sandbox) = (url(&app_at), url(&sandbox_at));
        let redirect = format!("{app}/redirect");

        let stand_in = Sandbox::open(Options {
            apps: vec![RegisteredApp {
                name: "Example".into(),
                client_id: "example".into(),
                client_secret: "secret".into(),
                redirect_urls: vec![redirect.clone()],
            }],
            ..Options::default()
        });
        let serving =
            smartsheet_sandbox::serve(stand_in.await.unwrap(), sandbox_at, std::future::pending());
        tokio::spawn(serving);

        let api_url = format!("{sandbox}/2.0");
        let endpoints = Endpoints::at(&format!("{sandbox}/b/authorize"), &api_url).unwrap();
        let transport = Transport::new(&[&endpoints.token], "test/1.0", Limits::default()).unwrap();
        let registration = Registration::new("example", "secret".into(), redirect.parse().unwrap());
        let client = Client::new(registration, endpoints, transport.clone());
        let api = Api::new(api_url.parse().unwrap(), transport, Retry::default());
        tokio::spawn(async move { axum::serve(app_at, example::app(client, api)).await });
        Self { app, sandbox }
    }

    fn browser() -> Http {
        let builder = Http::builder().cookie_store(true).no_proxy();
        builder
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
    }

    /// Where `browser` is sent by `url`.
    async fn sent_by(&self, browser: &Http, url: &str) -> String {
        let answer = browser.get(url).send().await.unwrap();
        assert!(answer.status().is_redirection(), "{url}: {answer:?}");
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// The callback of a sign-in that `browser` begins and somebody allows.
    async fn callback(&self, browser: &Http) -> String {
        let consent = self.sent_by(browser, &format!("{}/login", self.app)).await;
        let consent = format!("{consent}&sandbox_decision=allow&sandbox_user=full");
        self.sent_by(browser, &consent).await
    }

    async fn me(&self, browser: &Http) -> (StatusCode, String) {
        let answer = browser
            .get(format!("{}/me", self.app))
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn it_signs_in_and_refreshes() {
    let world = World::open().await;
    let browser = World::browser();
    let index = browser
        .get(&world.app)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(index.contains("/login"), "{index}");
    assert_eq!(world.me(&browser).await.0, StatusCode::SEE_OTHER);

    let callback = world.callback(&browser).await;
    assert_eq!(world.sent_by(&browser, &callback).await, "/me");
    let signed_in = (StatusCode::OK, "Signed in as Grace Hopper".to_owned());
    assert_eq!(world.me(&browser).await, signed_in);

    // A code and a state work once.
    let again = browser.get(&callback).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(world.me(&browser).await, signed_in);
}

/// Somebody else's callback signs nobody in: the state was not given to this browser.
#[tokio::test]
async fn it_refuses_the_callback_of_another_browser() {
    let world = World::open().await;
    let callback = world.callback(&World::browser()).await;
    let browser = World::browser();
    world.callback(&browser).await;
    let answer = browser.get(&callback).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(world.me(&browser).await.0, StatusCode::SEE_OTHER);
    let requests = browser.get(format!("{}/control/requests", world.sandbox));
    assert_eq!(requests.send().await.unwrap().text().await.unwrap(), "[]");
}
