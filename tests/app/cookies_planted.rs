//! Cookies that somebody else set: a neighbouring subdomain, another port of the host, another app. Sent as raw bytes.

use reqwest::Method;
use reqwest::header::HeaderValue;

use crate::support::{Browser, Page, Provider, Reply, TestApp};
use test_support::http_client;

const SESSION: &str = "__Host-session";

/// Names that the cookie layers of others read as ours: they decode, trim, or take the letters' case lightly.
const SPELLINGS: [&[u8]; 12] = [
    b"%5F%5FHost-session",
    b"__Host%2Dsession",
    b"%5f%5fHost%2dsession",
    b"__Host-sessio%6E",
    b"\xc2\xa0__Host-session",
    b"__Host-session\xc2\xa0",
    b"\xe3\x80\x80__Host-session",
    b"\xe2\x80\x83__Host-session\xe2\x80\x83",
    b"__host-session",
    b"__Host-session ",
    b"\"__Host-session\"",
    b"+__Host-session",
];

/// Sends exactly these `Cookie` headers.
async fn send(app: &TestApp, method: Method, path: &str, lines: &[Vec<u8>]) -> Page {
    let mut request = http_client().request(method, format!("http://{}{path}", app.address));
    request = request.header("accept", "text/html");
    for line in lines {
        request = request.header("cookie", HeaderValue::from_bytes(line).unwrap());
    }
    Page::read(request.send().await.unwrap()).await
}

async fn get(app: &TestApp, path: &str, lines: &[Vec<u8>]) -> Page {
    send(app, Method::GET, path, lines).await
}

fn pair(name: &[u8], value: &str) -> Vec<u8> {
    [name, b"=", value.as_bytes()].concat()
}

fn joined(pairs: &[Vec<u8>]) -> Vec<u8> {
    pairs.join(&b"; "[..])
}

/// A provider whose n-th person is called `Person-n`, and the app under https.
async fn people() -> (Provider, TestApp) {
    let provider = Provider::start(|request, _| {
        let bearer = request.head.split("access-secret-").nth(1)?;
        let number = bearer.split("\r\n").next()?;
        let profile = format!(
            r#"{{"id": 1, "email": "{number}@x.example", "firstName": "Person-{number}"}}"#
        );
        (request.line == "GET /2.0/users/me").then(|| Reply::json(200, &profile))
    })
    .await;
    let setup = provider.setup();
    let app = setup
        .set("server.base_url", "https://demo.example.com")
        .start()
        .await;
    (provider, app)
}

/// Somebody who is signed in, and the value of their cookie.
async fn signed_in(app: &TestApp, code: &str) -> String {
    let browser = Browser::new(app);
    browser.sign_in_with_code(code).await.redirects_to("/me");
    browser.cookies()[SESSION].clone()
}

#[tokio::test]
async fn a_planted_cookie_is_nobody_s_session() {
    let (_provider, app) = people().await;
    let (ann, bob) = (signed_in(&app, "a").await, signed_in(&app, "b").await);
    let own = pair(SESSION.as_bytes(), &ann);
    for name in SPELLINGS {
        let planted = pair(name, &bob);
        for lines in [
            vec![joined(&[own.clone(), planted.clone()])],
            vec![joined(&[planted.clone(), own.clone()])],
            vec![own.clone(), planted.clone()],
            vec![planted.clone(), own.clone()],
        ] {
            let page = get(&app, "/me", &lines).await;
            page.shows(200, &["Person-1"]);
            assert!(!page.body.contains("Person-2"), "{name:?}");
        }
        get(&app, "/me", &[planted])
            .await
            .redirects_to("/login?return_to=/me");
    }
}

/// The planted session would make the attacker's `state` this browser's own.
#[tokio::test]
async fn a_planted_cookie_makes_no_forged_callback_succeed() {
    let (provider, app) = people().await;
    let attacker = Browser::new(&app);
    let state = attacker.begin_with_state().await;
    let callback = format!("/redirect?code=of-the-attacker&state={state}");
    let (name, value) = attacker.cookies().into_iter().next().unwrap();
    let suffix = name.strip_prefix("__Host-").unwrap();
    for planted in [
        format!("%5F%5FHost-{suffix}={value}"),
        format!("\u{a0}{name}={value}"),
        format!("{suffix}={value}"),
        format!("__host-{suffix}={value}"),
    ] {
        let page = get(&app, &callback, &[planted.clone().into_bytes()]).await;
        page.shows(400, &["This sign-in is no longer valid"]);
        assert_eq!(page.set_cookies(), [""; 0], "{planted}");
    }
    assert_eq!(provider.lines(), [""; 0]);
    // And it is the attacker's own all the same.
    attacker.get(&callback).await.redirects_to("/me");
}

#[tokio::test]
async fn a_dead_id_that_is_planted_disturbs_no_callback_and_no_sign_out() {
    let (provider, app) = people().await;
    let dead = pair(b"%5F%5FHost-session", "AAAAAAAAAAAAAAAAAAAAAA");
    let browser = Browser::new(&app);
    let state = browser.begin_with_state().await;
    let (name, value) = browser.cookies().into_iter().next().unwrap();
    let line = joined(&[dead.clone(), pair(name.as_bytes(), &value)]);
    let callback = format!("/redirect?code=c&state={state}");
    let page = get(&app, &callback, &[line]).await;
    page.redirects_to("/me");
    let set = page.set_cookies();
    let session = set.iter().find_map(|cookie| {
        let value = cookie.strip_prefix("__Host-session=")?;
        value.split(';').next()
    });
    let own = pair(SESSION.as_bytes(), session.unwrap());
    let lines = [joined(&[own.clone(), dead])];
    get(&app, "/me", &lines).await.shows(200, &["Person-1"]);
    send(&app, Method::POST, "/logout", &lines)
        .await
        .redirects_to("/signed-out");
    get(&app, "/me", &[own])
        .await
        .redirects_to("/login?return_to=/me");
    assert_eq!(provider.count("DELETE /2.0/token"), 1);
}

/// Under http several cookies can have our very name: of other ports, paths and domains.
#[tokio::test]
async fn of_several_cookies_of_the_name_the_first_that_opens_wins() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let own = pair(b"session", &browser.session().unwrap());
    let dead = |n: u8| {
        let value = format!("{}AAAAAAAAAAAAAAAAAAAAA", char::from(b'B' + n));
        pair(b"session", &value)
    };
    let odd = [&b"session=not-an-id"[..], b"session=", b"session"].map(<[u8]>::to_vec);
    let three = [dead(0), dead(1), dead(2)];
    for before in [
        vec![],
        odd.to_vec(),
        three.to_vec(),
        [&odd[..], &three].concat(),
    ] {
        let line = joined(&[before.clone(), vec![own.clone()], vec![dead(7)]].concat());
        get(&app, "/me", &[line]).await.shows(200, &["Ann"]);
        let lines = [before, vec![own.clone()]].concat();
        get(&app, "/me", &lines).await.shows(200, &["Ann"]);
        let page = get(&app, "/", &lines).await;
        page.shows(200, &["Ann"]);
    }
    // No more than four are looked up.
    let line = joined(&[dead(0), dead(1), dead(2), dead(3), own.clone()]);
    get(&app, "/me", &[line])
        .await
        .redirects_to("/login?return_to=/me");

    // A sign-out ends every one that opens.
    let other = Browser::new(&app);
    other.sign_in_with_code("d").await.redirects_to("/me");
    let others = pair(b"session", &other.session().unwrap());
    let line = joined(&[dead(0), own.clone(), others.clone()]);
    let page = send(&app, Method::POST, "/logout", &[line]).await;
    page.redirects_to("/signed-out");
    for ended in [own, others] {
        get(&app, "/me", &[ended])
            .await
            .redirects_to("/login?return_to=/me");
    }
    assert_eq!(provider.count("DELETE /2.0/token"), 2);
}

/// One odd cookie of somebody else's used to hide ours, for ever.
#[tokio::test]
async fn a_cookie_that_is_no_text_hides_nothing() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    let state = browser.begin_with_state().await;
    let (name, value) = browser.cookies().into_iter().next().unwrap();
    let with = |own: Vec<u8>| joined(&[b"name=Jos\xe9".to_vec(), own, b"\xff\xfe=\x80".to_vec()]);
    let line = with(pair(name.as_bytes(), &value));
    let page = get(&app, &format!("/redirect?code=c&state={state}"), &[line]).await;
    page.redirects_to("/me");
    let session = page.set_cookies()[0].clone();
    let line = with(session.split(';').next().unwrap().as_bytes().to_vec());
    for path in ["/me", "/", "/flow"] {
        let page = get(&app, path, std::slice::from_ref(&line)).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert!(page.body.contains("Ann"), "{path}");
    }
    let page = send(&app, Method::POST, "/refresh", std::slice::from_ref(&line)).await;
    page.redirects_to("/me");
    let page = send(&app, Method::POST, "/logout", std::slice::from_ref(&line)).await;
    page.redirects_to("/signed-out");
    get(&app, "/me", &[line])
        .await
        .redirects_to("/login?return_to=/me");
}
