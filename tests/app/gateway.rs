//! Other sites get the signed-in person from here: the whole walk, and that it ends everywhere at once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::support::app::BASE_URL;
use crate::support::{DAY, HOUR, MINUTE, Page, Setup, Visitor, World};

pub(crate) const WIKI: &str = "http://wiki.localhost:3000";
pub(crate) const BOARD: &str = "http://board.localhost:3001";

pub(crate) fn with_sites(setup: Setup) -> Setup {
    setup
        .set("gateway.sites", &format!("{WIKI}, {BOARD}"))
        .set("server.trusted_proxies", "127.0.0.1")
}

pub(crate) async fn world() -> World {
    World::with(with_sites).await
}

/// Somebody who is signed in at both sites and at the app.
pub(crate) async fn everywhere(world: &World, user: &str) -> Visitor {
    let person = Visitor::new(&world.app);
    let (_, page) = person.sign_in_at(WIKI, "/", user).await;
    page.redirects_to("/");
    let (_, page) = person.walk(&format!("{BOARD}/auth/sign-in")).await;
    page.redirects_to("/");
    world.sandbox.forget().await;
    person
}

/// The claims of the assertion in `page`, verified with the keys that the app publishes, as a site does.
pub(crate) async fn claims(person: &Visitor, page: &Page) -> Value {
    let jwks = person
        .go(&format!("{BASE_URL}/.well-known/jwks.json"))
        .await;
    assert_eq!(jwks.header("cache-control"), "public, max-age=300");
    let jwks: Value = serde_json::from_str(&jwks.body).unwrap();
    let token = page.header("x-smartsheet-assertion");
    let parts: Vec<&str> = token.split('.').collect();
    let [header, body, signature] = parts[..] else {
        panic!("{token}");
    };
    let decode = |text: &Value| URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap();
    let parse = |text: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let header = parse(header);
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header["typ"], "JWT");
    let keys = jwks["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let point = [vec![4], decode(&key["x"]), decode(&key["y"])].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
    parse(body)
}

#[tokio::test]
async fn signed_in_at_a_site_and_then_at_every_one() {
    for store in ["", "memory"] {
        let world = World::with(|setup| match store {
            "" => with_sites(setup),
            store => with_sites(setup).set("session.store", store),
        })
        .await;
        let ann = Visitor::new(&world.app);
        assert_eq!(ann.check(WIKI).await.status, 401);
        let page = "/page?a=b&c=%C3%A9+d";
        let (url, answer) = ann.sign_in_at(WIKI, page, "full").await;
        assert!(
            url.starts_with(&format!("{WIKI}/auth/arrive?ticket=")),
            "{url}"
        );
        answer.redirects_to(page);
        // The nonce has served.
        assert_eq!(ann.cookies(WIKI).keys().collect::<Vec<_>>(), ["site-3000"]);
        let cookies = answer.set_cookies();
        let cookie = &cookies[0];
        assert!(
            cookie.contains("; HttpOnly; SameSite=Lax; Path=/; Max-Age="),
            "{cookie}"
        );
        // Asked once who it is, at the sign-in, and never for a check.
        let seen = world.sandbox.requests().await;
        let expected = [
            "POST /2.0/token authorization_code 200",
            "GET /2.0/users/me 200",
        ];
        assert_eq!(seen, expected);
        let check = ann.check(WIKI).await;
        assert_eq!((check.status, check.body.as_str()), (200, ""));
        assert!(check.set_cookies().is_empty());
        // The other one: no consent page any more.
        assert_eq!(ann.check(BOARD).await.status, 401);
        let (_, answer) = ann
            .walk(&format!("{BOARD}/auth/sign-in?return_to=/x"))
            .await;
        answer.redirects_to("/x");
        assert_eq!(ann.check(BOARD).await.status, 200);
        assert_eq!(world.sandbox.requests().await, expected);
        // A site's cookie works nowhere else.
        let mut thief = Visitor::new(&world.app);
        let cookie = ann.cookies(WIKI)["site-3000"].clone();
        for (site, name) in [
            (BOARD, "site-3001"),
            (BOARD, "site-3000"),
            (BASE_URL, "session"),
        ] {
            thief.set_cookie(site, name, &cookie);
            assert_eq!(thief.check(site).await.status, 401);
        }
        thief = Visitor::new(&world.app);
        thief.set_cookie(WIKI, "session", &ann.cookies(BASE_URL)["session"]);
        assert_eq!(thief.check(WIKI).await.status, 401);
    }
}

#[tokio::test]
async fn what_a_site_is_told() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let check = grace.check(WIKI).await;
    for (name, value) in [
        ("remote-user", "9187654321098765"),
        ("remote-email", "grace.hopper@example.com"),
        ("remote-name", "Grace Hopper"),
        ("remote-groups", "Everybody,Compilers"),
    ] {
        assert_eq!(check.header(name), value);
    }
    let mut said = claims(&grace, &check).await;
    let jti = said.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 22);
    let now = 1_767_225_600;
    let expected = json!({
        "iss": BASE_URL, "aud": WIKI, "sub": "9187654321098765", "email": "grace.hopper@example.com",
        "name": "Grace Hopper", "given_name": "Grace", "family_name": "Hopper", "account_id": "4503599627370496",
        "account_name": "Harbor Computing", "groups": ["Everybody", "Compilers"], "iat": now, "exp": now + 60,
    });
    assert_eq!(said, expected);
    let other = claims(&grace, &grace.check(BOARD).await).await;
    assert_eq!(other["aud"], BOARD);

    // Names in every script, a comma in a group, and next to nothing.
    let zoe = everywhere(&world, "unicode").await;
    let check = zoe.check(WIKI).await;
    assert_eq!(
        check.header("remote-groups"),
        "Everybody,%CE%A6%CE%AF%CE%BB%CE%BF%CE%B9%2C S%C3%B8ren & co"
    );
    assert!(
        check
            .header("remote-name")
            .starts_with("Zo%C3%AB <b>\"O'Brien\" & %E6%9D%8E")
    );
    assert_eq!(
        check.header("remote-email"),
        "zo%C3%AB.o'brien&co@%E4%BE%8B%E3%81%88.example"
    );
    let said = claims(&zoe, &check).await;
    assert_eq!(said["groups"][1], "Φίλοι, Søren & co");
    let sam = everywhere(&world, "minimal").await;
    let check = sam.check(WIKI).await;
    for (name, value) in [("remote-name", "sam@example.com"), ("remote-groups", "")] {
        assert!(check.headers.contains_key(name), "{check:?}");
        assert_eq!(check.header(name), value);
    }
    let said = claims(&sam, &check).await;
    assert_eq!(
        (&said["sub"], &said["family_name"]),
        (&json!("48569348493401200"), &json!(""))
    );
}

#[tokio::test]
async fn remote_user_may_be_the_email_and_the_app_an_audience() {
    let world = World::with(|setup| {
        with_sites(setup)
            .set("gateway.remote_user", "email")
            .set("api.assertions", "on")
    })
    .await;
    let grace = everywhere(&world, "full").await;
    let check = grace.check(WIKI).await;
    assert_eq!(check.header("remote-user"), "grace.hopper@example.com");
    assert_eq!(claims(&grace, &check).await["aud"], json!([WIKI, BASE_URL]));
}

#[tokio::test]
async fn signing_out_anywhere_counts_everywhere_at_once() {
    let world = world().await;
    for at in [WIKI, BOARD, BASE_URL] {
        let grace = everywhere(&world, "full").await;
        let thief = grace.copy_to(&world.app);
        let headers = [("origin", at), ("sec-fetch-site", "same-origin")];
        let answer = grace
            .send(Method::POST, &format!("{at}/auth/sign-out"), &headers)
            .await;
        answer.redirects_to("/");
        assert_eq!(
            world.sandbox.requests().await,
            ["DELETE /2.0/token 200"],
            "{at}"
        );
        for site in [WIKI, BOARD, BASE_URL] {
            assert_eq!(grace.check(site).await.status, 401, "{at} {site}");
            assert_eq!(thief.check(site).await.status, 401, "{at} {site}");
        }
        let left = grace.cookies(at);
        assert!(left.keys().all(|name| name == "signed-out"), "{left:?}");
    }
    // By the app's own button, too.
    let grace = everywhere(&world, "full").await;
    let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    grace
        .send(Method::POST, &format!("{BASE_URL}/logout"), &headers)
        .await;
    assert_eq!(grace.check(WIKI).await.status, 401);
}

#[tokio::test]
async fn another_sites_page_signs_nobody_out() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    for site in [WIKI, BASE_URL] {
        let url = format!("{site}/auth/sign-out");
        for headers in [
            &[("origin", BOARD)][..],
            &[("origin", "null")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", site), ("sec-fetch-site", "cross-site")],
        ] {
            let headers = [headers, &[("accept", "application/json")]].concat();
            let answer = grace.send(Method::POST, &url, &headers).await;
            answer.is_problem(403, "cross-site");
        }
        let answer = grace.go(&url).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    }
    // The app's origin is another site's, too.
    let headers = [("origin", BASE_URL)];
    let answer = grace
        .send(Method::POST, &format!("{WIKI}/auth/sign-out"), &headers)
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(grace.check(WIKI).await.status, 200);
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

#[tokio::test]
async fn it_follows_a_login_that_is_made_anew_and_no_other_persons() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let before = grace.cookies(BASE_URL)["session"].clone();
    let sign_in = async |user| {
        let page = grace.go(&format!("{BASE_URL}/login")).await;
        let callback = grace.consent(&page, "allow", user).await;
        grace.go(&callback).await.redirects_to("/me");
    };
    sign_in("full").await;
    assert_ne!(grace.cookies(BASE_URL)["session"], before);
    // Before the browser has come with the new one, and after.
    assert_eq!(grace.check(WIKI).await.status, 200);
    assert_eq!(grace.go(&format!("{BASE_URL}/me")).await.status, 200);
    for site in [WIKI, BOARD] {
        assert_eq!(grace.check(site).await.status, 200, "{site}");
    }
    // It is the new login's now, whose end is its end.
    let url = format!("{BASE_URL}/auth/sign-out");
    let old = Visitor::new(&world.app);
    old.set_cookie(BASE_URL, "session", &before);
    old.send(Method::POST, &url, &[]).await;
    assert_eq!(grace.check(WIKI).await.status, 200);
    grace.send(Method::POST, &url, &[]).await;
    assert_eq!(grace.check(WIKI).await.status, 401);

    // Somebody else signs in with the same browser: the sites must not take one for the other.
    let grace = everywhere(&world, "full").await;
    let page = grace.go(&format!("{BASE_URL}/login")).await;
    let callback = grace.consent(&page, "allow", "minimal").await;
    grace.go(&callback).await.redirects_to("/me");
    grace
        .go(&format!("{BASE_URL}/me"))
        .await
        .shows(200, &["sam@example.com"]);
    assert_eq!(grace.check(WIKI).await.status, 401);
    grace
        .walk(&format!("{WIKI}/auth/sign-in"))
        .await
        .1
        .redirects_to("/");
    assert_eq!(
        grace.check(WIKI).await.header("remote-email"),
        "sam@example.com"
    );
}

#[tokio::test]
async fn a_sites_session_lasts_as_long_as_the_login_and_keeps_it() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let away = everywhere(&world, "full").await;
    // Visits of sites are visits.
    for _ in 0..20 {
        world.setup.clock.pass(6 * DAY);
        let status = grace.check(WIKI).await.status;
        if status == 401 {
            break;
        }
        assert_eq!(status, 200);
    }
    assert_eq!(away.check(WIKI).await.status, 401);
    // Ninety days in all.
    assert_eq!(grace.check(WIKI).await.status, 401);
    assert_eq!(grace.check(BASE_URL).await.status, 401);
}

#[tokio::test]
async fn a_restart_signs_nobody_out() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let key = grace.go(&format!("{BASE_URL}/.well-known/jwks.json")).await;
    world.app.stop().await;
    let app = world.setup.start().await;
    let grace = grace.copy_to(&app);
    assert_eq!(grace.check(WIKI).await.status, 200);
    let again = grace.go(&format!("{BASE_URL}/.well-known/jwks.json")).await;
    assert_eq!(again.body, key.body);
    let file = world.setup.data().join("signing.key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(file.exists());
}

#[tokio::test]
async fn who_is_signed_in_for_pages() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    for site in [WIKI, BASE_URL] {
        let session = grace.go(&format!("{site}/auth/session")).await;
        assert_eq!(
            (session.status, session.header("content-type")),
            (200, "application/json")
        );
        assert_eq!(session.header("cache-control"), "no-store");
        let said: Value = serde_json::from_str(&session.body).unwrap();
        let expected = json!({
            "signed_in": true,
            "user": {
                "id": "9187654321098765", "email": "grace.hopper@example.com", "name": "Grace Hopper",
                "given_name": "Grace", "family_name": "Hopper",
                "account": {"id": "4503599627370496", "name": "Harbor Computing"},
                "groups": ["Everybody", "Compilers"],
            },
            "expires_in": (7 * DAY).as_secs(),
            "sign_out_url": "/auth/sign-out",
        });
        assert_eq!(said, expected);
        // Whatever is asked for, it is JSON.
        let nobody = Visitor::new(&world.app)
            .go(&format!("{site}/auth/session"))
            .await;
        let problem = nobody.is_problem(401, "signed-out");
        assert_eq!(problem["sign_in_url"], "/auth/sign-in");
    }
}

#[tokio::test]
async fn without_sites_there_is_the_session_and_nothing_else() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let session = browser.json("/auth/session").await;
    let said: Value = serde_json::from_str(&session.body).unwrap();
    assert_eq!(said["user"]["groups"], json!(["Everybody", "Compilers"]));
    browser.json("/auth/session").await;
    // Asked once, when it was needed, and kept.
    assert_eq!(world.sandbox.requests().await, ["GET /2.0/users/me 200"]);
    for path in [
        "/auth/check",
        "/auth/forward",
        "/auth/envoy/x",
        "/auth/grant?site=http://localhost:8080",
        "/auth/arrive",
        "/.well-known/jwks.json",
    ] {
        browser.json(path).await.is_problem(404, "not-found");
    }
    browser
        .get("/auth/sign-in?return_to=/flow")
        .await
        .redirects_to("/login?return_to=/flow");
    let answer = browser.send(Method::POST, "/auth/sign-out", &[]).await;
    answer.redirects_to("/");
    browser
        .json("/auth/session")
        .await
        .is_problem(401, "signed-out");
    assert!(!world.setup.data().join("signing.key").exists());
}

#[tokio::test]
async fn whoever_denies_or_may_not_is_told_so() {
    let world =
        World::with(|setup| with_sites(setup).set("gateway.allow", "@example.com, group:nobody"))
            .await;
    let ann = Visitor::new(&world.app);
    let (_, page) = ann.walk(&format!("{WIKI}/auth/sign-in?return_to=/x")).await;
    let callback = ann.consent(&page, "deny", "full").await;
    let (_, page) = ann.walk(&callback).await;
    page.is_error(403, &["You chose not to sign in"]);
    assert_eq!(ann.check(WIKI).await.status, 401);
    // Not of that domain.
    let (_, page) = ann.sign_in_at(WIKI, "/x?y=z", "unicode").await;
    page.is_error(
        403,
        &[
            "You may not use this site",
            "Zoë",
            "例え.example",
            "Sign in as somebody else",
        ],
    );
    assert_eq!(ann.check(WIKI).await.status, 401);
    let session = ann.go(&format!("{BASE_URL}/auth/session")).await;
    session.is_problem(403, "not-allowed-here");
    let home = ann.go(&format!("{BASE_URL}/")).await;
    assert!(!home.body.contains("wiki.localhost"), "{}", home.body);
    // The button leads to the sign-in and back to the very page.
    let button = page.body.split("class=\"button\" href=\"").nth(1).unwrap();
    let url = button
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&")
        .replace("&#38;", "&");
    let page = ann.go(&format!("{BASE_URL}{url}")).await;
    let callback = ann.consent(&page, "allow", "full").await;
    let (_, page) = ann.walk(&callback).await;
    page.redirects_to("/x?y=z");
    assert_eq!(ann.check(WIKI).await.header("remote-name"), "Grace Hopper");
}

#[tokio::test]
async fn pages_list_the_sites() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    for page in ["/", "/me"] {
        let page = grace.go(&format!("{BASE_URL}{page}")).await;
        page.shows(
            200,
            &[
                "<a href=\"http://wiki.localhost:3000/\">wiki.localhost:3000</a>",
                "board.localhost:3001",
            ],
        );
    }
    let nobody = Visitor::new(&world.app).go(&format!("{BASE_URL}/")).await;
    assert!(!nobody.body.contains("wiki.localhost"));
}

#[tokio::test]
async fn rows_go_when_they_are_of_no_use() {
    let world = World::with(|setup| {
        let mut setup = with_sites(setup);
        setup.sweep_every = std::time::Duration::from_millis(20);
        setup
    })
    .await;
    let grace = everywhere(&world, "full").await;
    let file = rusqlite::Connection::open(world.setup.store_file()).unwrap();
    let rows = || -> i64 {
        let sql = "SELECT count(*) FROM sessions WHERE NOT transient AND (NOT ended OR revoke_at IS NULL)";
        file.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    // The login, two sites, two tickets that were used.
    assert_eq!(rows(), 5);
    world.setup.clock.pass(2 * MINUTE);
    crate::support::until("tickets go", async || (rows() == 3).then_some(())).await;
    let (_, page) = grace.walk(&format!("{WIKI}/auth/sign-in")).await;
    page.redirects_to("/");
    world.setup.clock.pass(HOUR);
    // Whoever signs in at a site again has one session there.
    crate::support::until("the old one goes", async || (rows() == 3).then_some(())).await;
    grace
        .send(Method::POST, &format!("{WIKI}/auth/sign-out"), &[])
        .await;
    // What says that the login ended.
    crate::support::until("all go", async || (rows() == 1).then_some(())).await;
}
