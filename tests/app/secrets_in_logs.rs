//! The whole output of the program at its most talkative, after everything that can happen: it tells what was done, and none
//! of the secrets that occurred.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use smartsheet_oauth_demo::session::Sealer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::app::CLIENT_SECRET;
use crate::support::binary::{hangs_up, run};
use crate::support::panel::{follow, panel, press};
use crate::support::program::{Log, Program};
use crate::support::sandbox;
use crate::support::secrets::Secrets;
use crate::support::tap::Tap;
use crate::support::{Browser, Page};
use test_support::TestClock;

async fn post_as(browser: &Browser, id: &str, path: &str) -> Page {
    let headers = [
        ("accept", "text/html"),
        ("x-request-id", id),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send(Method::POST, path, &headers).await
}

/// Everything that can happen to one person.
async fn scenario(program: &Program) {
    let (browser, sandbox) = (program.browser(), program.sandbox());
    let login = browser.get_as("denied-login", "/login").await;
    let callback = browser
        .consent(&login.location().parse().unwrap(), "deny", "full")
        .await;
    assert_eq!(browser.get_as("denied", &callback).await.status, 403);
    let authorize = browser.begin("/login?return_to=/flow").await;
    let callback = browser.consent(&authorize, "allow", "full").await;
    let page = browser.get_as("signed-in", &callback).await;
    page.redirects_to("/flow");
    assert_eq!(page.header("x-request-id"), "signed-in");
    browser
        .get_as("profile", "/me")
        .await
        .shows(200, &["Grace Hopper"]);
    browser
        .get_as("flow", "/flow")
        .await
        .shows(200, &["users/me"]);
    // Again, and forged.
    browser.get(&callback).await.redirects_to("/flow");
    let forged = "/redirect?code=ForgedCode9876&state=ForgedState9876";
    assert_eq!(browser.get_as("forged", forged).await.status, 400);
    let twice = "/redirect?code=FirstOfTwo9876&code=SecondOfTwo9876&state=x";
    assert_eq!(browser.get_as("twice", twice).await.status, 400);

    sandbox.expire("access_tokens").await;
    browser
        .get_as("refreshed", "/me")
        .await
        .shows(200, &["Grace Hopper"]);
    sandbox
        .fault("/2.0/users/me", "rate_limit", 2, json!({}))
        .await;
    browser
        .get_as("retried", "/me")
        .await
        .shows(200, &["Grace Hopper"]);
    post_as(&browser, "refreshed-now", "/refresh")
        .await
        .redirects_to("/me");
    for (fault, status) in [
        ("malformed", 502),
        ("unavailable_html", 503),
        ("reset", 502),
        ("server_error", 502),
    ] {
        sandbox.fault("/2.0/token", fault, 1, json!({})).await;
        assert_eq!(post_as(&browser, fault, "/refresh").await.status, status);
    }
    sandbox.revoke().await;
    assert_eq!(browser.get_as("gone", "/me").await.status, 401);
    browser.sign_in("unicode").await.redirects_to("/me");
    post_as(&browser, "signed-out", "/logout")
        .await
        .redirects_to("/signed-out");
    odd_requests(program).await;

    for failure in panel(&browser).await {
        // Those would take ten seconds each.
        if !failure.name.starts_with("hanging") {
            follow(&browser, press(&browser, &failure.name).await).await;
        }
    }
    browser.sign_in("full").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

/// What is no proper request, or none of this app's browsers.
async fn odd_requests(program: &Program) {
    let odd = program.browser();
    odd.get_as("none", "/nothing/code=InAPath9876543").await;
    for cookie in ["NotTheIdOfASession98765", "Zm9vYmFyYmF6cXV4cXV1eA"] {
        odd.set_cookie("session", cookie);
        odd.get("/me").await;
        odd.get("/flow").await;
    }
    let headers = [
        ("authorization", "Bearer OfSomebodyElse98765"),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(
        odd.send(Method::POST, "/logout?code=AtAnOddPlace98765", &headers)
            .await
            .status,
        403
    );
    let address = program.tap.base.strip_prefix("http://").unwrap();
    for garbage in [
        "GET /redirect?code=InAnOldRequest98765 HTTP/9.9\r\n\r\n",
        "GET /redirect?code=<InBadRequest98765> HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /me HTTP/1.1\r\nhost: x\r\ncookie: session=InABadHeader98765\u{1}\r\n\r\n",
        "POST /refresh HTTP/1.1\r\nhost: x\r\ncontent-length: nonsense\r\ncookie: session=InABadLength98765\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(garbage.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400");
    }
}

/// Asserts that `lines` show none of `secrets`.
#[track_caller]
fn hides(lines: &[String], secrets: &Secrets) {
    let found = secrets.in_text(&lines.join("\n"));
    let places = found.iter().take(5).map(|form| {
        let line = lines.iter().find(|line| line.contains(form)).unwrap();
        format!("{form} in {}", line.chars().take(2000).collect::<String>())
    });
    assert_eq!(places.collect::<Vec<_>>(), [""; 0]);
}

async fn tells_events_and_no_secret(format: &'static str, more: &[(&str, &str)]) {
    let program = Program::start(format, more).await;
    scenario(&program).await;
    let mut secrets = Secrets::default();
    secrets.add(CLIENT_SECRET);
    program.stored(&mut secrets);
    let heard = secrets.add_from(&program.tap.heard());
    assert!(heard > 100, "{heard}");
    let (lines, _folder) = program.stop();

    // It was talkative indeed.
    assert!(lines.iter().any(|line| line.contains("TRACE")));
    hides(&lines, &secrets);
    let log = Log { lines, format };
    for (id, method, route, status) in [
        ("denied-login", "GET", "/login", 303),
        ("denied", "GET", "/redirect", 403),
        ("signed-in", "GET", "/redirect", 303),
        ("profile", "GET", "/me", 200),
        ("flow", "GET", "/flow", 200),
        ("refreshed-now", "POST", "/refresh", 303),
        ("reset", "POST", "/refresh", 502),
        ("gone", "GET", "/me", 401),
        ("signed-out", "POST", "/logout", 303),
        ("none", "GET", "(none)", 404),
    ] {
        log.has_request(id, method, route, status);
    }
    for (id, event) in [
        ("denied-login", "sign-in started"),
        ("denied", "sign-in failed"),
        ("signed-in", "sign-in succeeded"),
        ("forged", "sign-in failed"),
        ("twice", "sign-in failed"),
        ("refreshed", "token refreshed"),
        ("refreshed-now", "token refreshed"),
        ("signed-out", "signed out"),
    ] {
        log.has_event(id, event);
    }
    for (id, reason) in [
        ("denied", "access_denied"),
        ("forged", "unknown state"),
        ("twice", "a parameter is there twice"),
    ] {
        let reasons = log
            .lines
            .iter()
            .filter(|line| line.contains(id) && line.contains("sign-in failed"));
        assert!(
            reasons
                .clone()
                .all(|line| line.contains("reason") && line.contains(reason)),
            "{:?}",
            reasons.collect::<Vec<_>>()
        );
    }
    if format == "json" {
        for line in &log.lines {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_text() {
    tells_events_and_no_secret("text", &[]).await;
}

/// With the app's secret in requests instead of its hash; and as talkative as somebody can make it who tries.
#[tokio::test(flavor = "multi_thread")]
async fn as_json() {
    let everything = "trace,hyper=trace,hyper::proto=trace,sqlx=trace,sqlx::query=trace,sqlx::postgres::notice=trace,\
                      tower_sessions_core=trace,tower_sessions_core::session=trace,reqwest=trace,axum=trace,rustls=trace";
    let more = [
        ("SMARTSHEET_CLIENT_AUTHENTICATION", "secret"),
        ("RUST_LOG", everything),
    ];
    tells_events_and_no_secret("json", &more).await;
}

/// The app's secret is not the one that Smartsheet knows.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_secret() {
    let sandbox = sandbox::start(&TestClock::new()).await;
    let address = sandbox.base.strip_prefix("http://").unwrap();
    let wire = Tap::to(address.parse().unwrap()).await;
    let key = Sealer::new_key();
    for authentication in ["hash", "secret"] {
        let wrong = "WrongSecretOfTheTests";
        let authorize = format!("{}/b/authorize", sandbox.base);
        let api = format!("{}/2.0", wire.base);
        let more = [
            ("SMARTSHEET_REGION", "us"),
            ("SMARTSHEET_AUTHORIZE_URL", authorize.as_str()),
            ("SMARTSHEET_API_URL", &api),
            ("SMARTSHEET_CLIENT_SECRET", wrong),
            ("SMARTSHEET_CLIENT_AUTHENTICATION", authentication),
            ("SESSION_KEY", &key),
        ];
        let program = Program::start("text", &more).await;
        let browser = program.browser();
        let page = browser.sign_in("full").await;
        page.shows(502, &["This app is misconfigured"]);
        let mut secrets = Secrets::default();
        secrets.add(wrong);
        secrets.add(&key);
        secrets.add(STANDARD.decode(&key).unwrap());
        assert!(secrets.add_from(&program.tap.heard()) >= 3);
        assert!(secrets.add_from(&wire.heard()) >= 1);
        let (lines, _folder) = program.stop();
        hides(&lines, &secrets);
        assert!(lines.iter().any(
            |line| line.contains("sign-in failed") && line.contains("123") || line.contains("1072")
        ));
    }
}

/// A database that does not let us in, or is not there.
#[test]
fn with_the_password_of_a_database() {
    let folder = TempDir::new().unwrap();
    let mut secrets = Secrets::default();
    secrets.add("PasswordOfADatabase98765");
    let key = Sealer::new_key();
    secrets.add(&key);
    secrets.add(STANDARD.decode(&key).unwrap());
    let urls = [
        format!(
            "postgres://user:PasswordOfADatabase98765@{}/app",
            hangs_up()
        ),
        "postgres://user:PasswordOfADatabase98765@localhost:port/app".to_owned(),
        "postgres://user:PasswordOfADatabase98765@localhost/app?sslmode=odd".to_owned(),
    ];
    for url in urls {
        for args in [&["serve"][..], &["check"]] {
            let environment = [
                ("RUST_LOG", "trace"),
                ("SERVER_LISTEN", "127.0.0.1:0"),
                ("SESSION_STORE", url.as_str()),
                ("SESSION_KEY", &key),
            ];
            let ended = run(folder.path(), args, &environment);
            assert_ne!(ended.code, Some(0), "{ended:?}");
            let output = [ended.stdout, ended.stderr].concat();
            assert!(output.contains("session.store"), "{output}");
            hides(
                &output.lines().map(str::to_owned).collect::<Vec<_>>(),
                &secrets,
            );
        }
    }
}
