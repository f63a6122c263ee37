//! `/flow` shows no secret, but for four characters of each at most.

use reqwest::Method;
use serde_json::json;

use crate::support::app::CLIENT_SECRET;
use crate::support::said::{overheard, said};
use crate::support::secrets::Secrets;
use crate::support::{Browser, Provider, Reply, Setup};

const HASH: &str = "hash";

/// Everything that a flow can hold, and every secret that occurred on the way.
async fn scenario(authentication: &str) -> (Browser, Secrets) {
    let with = |setup: Setup| setup.set("smartsheet.client_authentication", authentication);
    let (world, tap) = overheard(with).await;
    let browser = world.browser();
    let mut secrets = Secrets::default();
    secrets.add(CLIENT_SECRET);
    let headers = [
        ("accept", "text/html"),
        ("authorization", "Bearer OfAProxy9876543210"),
        ("x-forwarded-access-token", "TokenOfAProxy9876543210"),
        ("x-anything", "WordOfAProxy9876543210"),
        (
            "referer",
            "http://localhost:8080/redirect?code=CodeInReferer98765&state=StateInReferer98765",
        ),
    ];
    secrets.add("OfAProxy9876543210");
    secrets.add("TokenOfAProxy9876543210");
    secrets.add("WordOfAProxy9876543210");
    secrets.add_from(headers[4].1);
    browser.set_cookie("other", "CookieOfAnotherApp98765");
    secrets.add("CookieOfAnotherApp98765");

    for (decision, status) in [("deny", 403), ("allow", 303)] {
        let authorize = browser.begin("/login").await;
        let cookies = browser.cookies().into_iter();
        for (_, value) in cookies.filter(|(name, _)| name.starts_with("sign-in-")) {
            secrets.add(value);
        }
        assert_eq!(secrets.add_from(authorize.as_str()), 1);
        let callback = browser.consent(&authorize, decision, "full").await;
        secrets.add_from(&callback);
        let page = browser.send(Method::GET, &callback, &headers).await;
        assert_eq!(page.status, status, "{page:?}");
        if let Some(session) = browser.session() {
            secrets.add_cookie(session);
        }
    }
    for callback in [
        "/redirect?code=FirstOfTwo98765&code=SecondOfTwo98765&state=StateOfNobody98765",
        "/redirect?state=StateOfAFriend98765&c%6Fde=EncodedName98765&token=Odd+Token+98765",
        "/redirect?code=Percent%2DEnco%64ed98765&state=Plus+And%20Space98765",
        "/login?return_to=%2Fredirect%3Fcode%3DNestedCode98765%26state%3DNestedState98765",
        "/login?return_to=/redirect?code=NestedBare98765",
        "/login?x=1;code=Semicolon98765",
    ] {
        secrets.add_from(callback);
        browser.get(callback).await;
    }
    for nested in [
        "NestedCode98765",
        "NestedState98765",
        "EncodedName98765",
        "Plus And Space98765",
        "Odd Token 98765",
    ] {
        secrets.add(nested);
    }
    world
        .sandbox
        .fault("/2.0/users/me", "rate_limit", 2, json!({}))
        .await;
    browser
        .send(Method::GET, "/me", &headers)
        .await
        .shows(200, &["Grace Hopper"]);
    world.sandbox.expire("access_tokens").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let refreshed = browser.send(Method::POST, "/refresh", &headers).await;
    refreshed.redirects_to("/me");
    for (fault, status) in [
        ("reset", 502),
        ("malformed", 502),
        ("unavailable_html", 503),
    ] {
        world.sandbox.fault("/2.0/token", fault, 1, json!({})).await;
        assert_eq!(
            browser.send(Method::POST, "/refresh", &[]).await.status,
            status
        );
    }
    world.sandbox.revoke().await;
    assert_eq!(browser.get("/me").await.status, 401);

    let heard = secrets.add_from(&tap.heard());
    // The pair of the sign-in and of two refreshes, and what proves the app's secret, each time anew when that is a hash.
    assert!(
        heard >= if authentication == HASH { 10 } else { 6 },
        "{heard}"
    );
    (browser, secrets)
}

#[tokio::test]
async fn it_shows_no_secret() {
    for authentication in [HASH, "secret"] {
        let (browser, secrets) = scenario(authentication).await;
        let nobody = Browser::at(browser.address());
        for accept in ["text/html", "application/json"] {
            let get = |browser: Browser| async move {
                browser
                    .send(Method::GET, "/flow", &[("accept", accept)])
                    .await
                    .body
            };
            let (shown, innocent) = (get(browser.clone()).await, get(nobody.clone()).await);
            assert!(shown.contains("current_user") || shown.contains("Ask who it is"));
            assert_eq!(secrets.hinted_at(&shown, &innocent), [""; 0]);
            assert_eq!(secrets.in_text(&shown), [""; 0]);
        }
        assert!(said(&browser).await.len() > 25);
    }
}

/// Tokens in answers of every form, good and bad.
#[tokio::test]
async fn it_shows_no_token_of_an_odd_answer() {
    const TOKEN: &str = "TokenOfAnOddAnswer";
    let odd = [
        format!(
            r#"{{"token": {{"access_token": "{TOKEN}", "refresh_token": "{TOKEN}", "expires_in": 60}}}}"#
        ),
        format!(r#"{{"access_token": "{TOKEN}"#),
        format!("access_token={TOKEN}&token_type=bearer"),
        format!(r#""{TOKEN}""#),
        format!(r#"["{TOKEN}"]"#),
        TOKEN.to_owned(),
        format!("<token><access_token>{TOKEN}</access_token></token>"),
        format!(r#"{{"data": {{"bearer": "{TOKEN}"}}}}"#),
        format!("{{'access_token': '{TOKEN}'}}"),
    ];
    let count = odd.len();
    let headers = format!(
        "content-type: application/json\r\nx-token: {TOKEN}\r\nset-cookie: t={TOKEN}\r\nlocation: /x#access_token={TOKEN}\r\n"
    );
    let provider = Provider::start(move |seen, before| {
        (seen.line == "POST /2.0/token")
            .then(|| Reply::with_headers(200, &headers, &odd[before % odd.len()]))
    })
    .await;
    let app = provider.setup().start().await;
    for _ in 0..count {
        let browser = Browser::new(&app);
        browser.sign_in_with_code("c").await;
        for accept in ["text/html", "application/json"] {
            let shown = browser
                .send(Method::GET, "/flow", &[("accept", accept)])
                .await
                .body;
            assert!(shown.contains("/2.0/token"));
            assert!(!shown.contains(&TOKEN[..5]), "{shown}");
        }
    }
}

/// An answer that repeats what it was asked with, in its headers or its body.
#[tokio::test]
async fn it_shows_no_secret_that_an_answer_repeats() {
    let provider = Provider::start(|seen, _| {
        let bearer = seen.head.lines().find_map(|line| line.strip_prefix("authorization: bearer "));
        let said = bearer.map(str::to_owned).or(seen.param("code")).unwrap_or_default();
        let headers = format!(
            "www-authenticate: Bearer error_description=\"the token {said} is void\"\r\nx-debug: {said}\r\n"
        );
        let refusal = format!(r#"{{"errorCode": 1004, "message": "{said} is void, {said}!"}}"#);
        match seen.line.as_str() {
            "GET /2.0/users/me" => Some(Reply::with_headers(403, &headers, &refusal)),
            "POST /2.0/token" if said.starts_with("bad") => Some(Reply::with_headers(400, &headers, &refusal)),
            _ => None,
        }
    })
    .await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("badCodeOfTheTests").await;
    browser
        .sign_in_with_code("goodCodeOfTheTests")
        .await
        .redirects_to("/me");
    assert_eq!(browser.get("/me").await.status, 403);
    for accept in ["text/html", "application/json"] {
        let shown = browser
            .send(Method::GET, "/flow", &[("accept", accept)])
            .await
            .body;
        assert!(
            shown.contains("token acc… is void") && shown.contains("acc…!"),
            "{shown}"
        );
        for secret in ["badCo", "goodC", "access-s"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
