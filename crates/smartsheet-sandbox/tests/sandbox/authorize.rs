//! `/b/authorize`: the consent page and the ways back.

use axum::{Router, body::Body, http::Request};
use smartsheet_sandbox::Options;

use crate::support::{FORM, ID, OTHER_REDIRECT, REDIRECT, World, apps, authorize_path, send};

#[tokio::test]
async fn the_page_says_who_asks_and_for_what() {
    let world = World::new().await;
    let page = world
        .get(&authorize_path(&[("scope", "READ_SHEETS,ADMIN_USERS")]))
        .await;
    assert_eq!(page.status, 200);
    for text in [
        "One &#60;&#38;&#62; &#34;App&#34; asks for access",
        "This is not Smartsheet",
        "See your sheets with their rows",
        "READ_SHEETS",
        "Add, change and remove the users",
        "Zoë &#60;b&#62;&#34;O&#39;Brien&#34; &#38; 李小龍",
        "http://localhost:8080",
        "value=\"full\" checked",
        "name=\"sandbox_decision\" value=\"allow\"",
        "name=\"sandbox_decision\" value=\"deny\"",
    ] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    assert!(!page.body.contains("WRITE_SHEETS"));
    let chosen = world
        .get(&authorize_path(&[("sandbox_user", "minimal")]))
        .await;
    assert!(chosen.body.contains("value=\"minimal\" checked"));
    assert!(chosen.body.contains("It asks for no scope"));
}

#[tokio::test]
async fn pages_carry_strict_headers_and_nothing_inline() {
    let world = World::new().await;
    let page = world.get(&authorize_path(&[])).await;
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' http://localhost:8080; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    let lost = world.get("/nowhere").await;
    assert_eq!(lost.status, 404);
    for answer in [&page, &lost] {
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        for inline in ["<script", "<style", "style=", "onclick"] {
            assert!(!answer.body.contains(inline), "{inline}");
        }
    }
    let request = "/b/authorize?client_id=app-two&response_type=code";
    let policy = world.get(request).await;
    assert!(
        policy
            .header("content-security-policy")
            .contains("form-action 'self' myapp:;")
    );
}

/// Browsers hold a form to every redirect after it, and an app may lead on to another site.
#[tokio::test]
async fn the_policy_names_the_sites_that_the_app_leads_on_to() {
    let onward = ["https://wiki.example.com/x", "http://a.localhost:3000"];
    let world = World::with(|options| {
        options.onward = onward.map(|url| url.parse().unwrap()).to_vec();
    })
    .await;
    let page = world.get(&authorize_path(&[])).await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains(
            "form-action 'self' http://localhost:8080 https://wiki.example.com http://a.localhost:3000;"
        ),
        "{policy}"
    );
}

#[tokio::test]
async fn allow_returns_code_life_in_milliseconds_and_state() {
    let world = World::new().await;
    let path = authorize_path(&[("sandbox_decision", "allow"), ("sandbox_user", "minimal")]);
    let answer = world.get(&path).await;
    assert!(
        answer
            .header("location")
            .starts_with("http://localhost:8080/redirect?code=")
    );
    let returned = answer.returned();
    assert_eq!(returned["expires_in"], "600000");
    assert_eq!(returned["state"], "s1");
    assert!(returned["code"].len() >= 22);
}

#[tokio::test]
async fn deny_returns_access_denied() {
    let world = World::new().await;
    let path = authorize_path(&[("sandbox_decision", "deny")]);
    assert_eq!(
        world.get(&path).await.header("location"),
        "http://localhost:8080/redirect?error=access_denied&state=s1"
    );
}

#[tokio::test]
async fn the_pages_own_form_works_at_the_root_and_nested() {
    let world = World::new().await;
    for prefix in ["", "/sandbox"] {
        let router = if prefix.is_empty() {
            world.sandbox.router()
        } else {
            Router::new().nest(prefix, world.sandbox.router())
        };
        let base = url::Url::parse("http://127.0.0.1")
            .unwrap()
            .join(&format!("{prefix}/b/authorize"))
            .unwrap();
        let path = format!(
            "{prefix}{}",
            authorize_path(&[("scope", "READ_SHEETS"), ("state", "a b&c")])
        );
        let page = send(
            router.clone(),
            Request::get(path).body(Body::empty()).unwrap(),
        )
        .await;
        let attribute = |name: &str| {
            let start = page.body.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            let value = page.body[start..].split('"').next().unwrap();
            base.join(&value.replace("&#38;", "&")).unwrap()
        };
        let action = attribute("action");
        let sent = Request::post(format!("{}?{}", action.path(), action.query().unwrap()))
            .header("content-type", FORM)
            .body(Body::from("sandbox_user=unicode&sandbox_decision=allow"))
            .unwrap();
        let returned = send(router.clone(), sent).await.returned();
        assert_eq!(returned["state"], "a b&c");
        for (name, kind) in [
            ("href", "text/css; charset=utf-8"),
            ("src", "image/svg+xml"),
        ] {
            let asset = Request::get(attribute(name).path());
            let asset = send(router.clone(), asset.body(Body::empty()).unwrap()).await;
            assert_eq!(asset.header("content-type"), kind);
        }
    }
}

#[tokio::test]
async fn an_app_may_send_the_request_by_post() {
    let world = World::new().await;
    let body = "response_type=code&client_id=app-one&state=x&sandbox_decision=allow";
    let answer = world.post("/b/authorize", FORM, body).await;
    assert_eq!(answer.returned()["state"], "x");
}

#[tokio::test]
async fn state_returns_byte_for_byte() {
    let world = World::new().await;
    for (sent, returned) in [
        ("%FF%00%0D%0A%25", "%FF%00%0D%0A%25"),
        ("a+b%2Bc", "a%20b%2Bc"),
        ("%3Cscript%3E%26%22'", "%3Cscript%3E%26%22%27"),
        ("-._~", "-._~"),
        ("", ""),
        ("%E6%9D%8E%F0%9F%8F%97", "%E6%9D%8E%F0%9F%8F%97"),
    ] {
        let path = format!(
            "/b/authorize?response_type=code&client_id={ID}&state={sent}&sandbox_decision=deny"
        );
        let location = world.get(&path).await.header("location").to_owned();
        assert_eq!(
            location.split_once("&state=").unwrap().1,
            returned,
            "{sent}"
        );
    }
    let path = format!("/b/authorize?response_type=code&client_id={ID}&sandbox_decision=deny");
    let without = world.get(&path).await;
    assert!(!without.header("location").contains("state"));
}

#[tokio::test]
async fn redirect_urls_are_compared_exactly_and_keep_their_query() {
    let world = World::new().await;
    let deny = |url: &str| authorize_path(&[("sandbox_decision", "deny"), ("redirect_uri", url)]);
    assert_eq!(
        world.get(&deny(OTHER_REDIRECT)).await.header("location"),
        "https://app.example/cb?tenant=7&error=access_denied&state=s1"
    );
    assert_eq!(world.get(&deny(REDIRECT)).await.status, 302);
    for wrong in [
        "http://localhost:8080/redirect/",
        "http://localhost:8080/Redirect",
        "http://localhost:8080/redirect?x=1",
        "https://evil.example/",
        "//evil.example",
    ] {
        let answer = world.get(&deny(wrong)).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(!answer.headers.contains_key("location"));
        assert!(answer.body.contains("Wrong redirect URL"));
    }
}

#[tokio::test]
async fn an_unknown_app_never_redirects() {
    let world = World::new().await;
    for path in [
        "/b/authorize?response_type=code&client_id=nobody&redirect_uri=https://evil.example/",
        "/b/authorize?response_type=code",
        "/b/authorize",
        "/b/authorize?response_type=code&client_id=app-one&client_id=app-two",
        "/b/authorize?response_type=code&client_id=app-one&redirect_uri=a&redirect_uri=b",
        "/b/authorize?response_type=code&client_id=%FF",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(!answer.headers.contains_key("location"), "{path}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
}

#[tokio::test]
async fn a_page_of_an_error_leads_back_to_the_only_app() {
    let errors = [
        ("/b/authorize?client_id=nobody", 400),
        (
            "/b/authorize?client_id=app-one&redirect_uri=https://evil.example/",
            400,
        ),
        ("/b/nowhere", 404),
        ("/b/elsewhere/at/all", 404),
    ];
    let world = World::with(|options| options.apps.truncate(1)).await;
    let link =
        "<a href=\"http://localhost:8080/\">Go back to One &#60;&#38;&#62; &#34;App&#34;</a>";
    for (path, status) in errors {
        let answer = world.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(link), "{path}: {}", answer.body);
        assert!(!answer.body.contains("evil"), "{path}");
    }
    let answer = world.delete("/b/authorize").await;
    assert_eq!(answer.status, 405);
    assert!(answer.body.contains(link), "{}", answer.body);
    // Which of several nobody knows, and an app's own scheme has no page to go back to.
    for range in [0..2, 1..2] {
        let adjust = |options: &mut Options| options.apps = apps()[range].to_vec();
        let world = World::with(adjust).await;
        for (path, status) in errors {
            let answer = world.get(path).await;
            assert!(
                answer.status == status || path.contains("app-one"),
                "{path}"
            );
            assert!(!answer.body.contains("<a "), "{path}: {}", answer.body);
            assert!(answer.body.contains("back button"), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_rest_is_told_to_the_app() {
    let world = World::new().await;
    let long = "x".repeat(5_000);
    let many = "READ_SHEETS ".repeat(3_000);
    for (params, error) in [
        (
            vec![("response_type", "token")],
            "unsupported_response_type",
        ),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("scope", "READ_EVERYTHING")], "invalid_scope"),
        (vec![("scope", "READ_SHEETS;WRITE_SHEETS")], "invalid_scope"),
        (vec![("scope", &many)], "invalid_scope"),
        (
            vec![("scope", "READ_SHEETS"), ("scope", "READ_USERS")],
            "invalid_request",
        ),
    ] {
        let returned = world.get(&authorize_path(&params)).await.returned();
        assert_eq!(returned["error"], error, "{params:?}");
        assert_eq!(returned["state"], "s1");
    }
    for state in [
        vec![("state", "one"), ("state", "two")],
        vec![("state", &long)],
    ] {
        let returned = world.get(&authorize_path(&state)).await.returned();
        assert_eq!(returned["error"], "invalid_request");
        assert!(!returned.contains_key("state"));
    }
}

#[tokio::test]
async fn unknown_users_and_decisions_get_a_page() {
    let world = World::new().await;
    for (name, value, text) in [
        (
            "sandbox_user",
            "nobody",
            "must be one of: full, minimal, unicode, no-api, long, rtl, markup, many, odd.",
        ),
        (
            "sandbox_decision",
            "maybe",
            "must be “allow” or “deny”, or one of the errors invalid_scope,",
        ),
    ] {
        let answer = world.get(&authorize_path(&[(name, value)])).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(text), "{}", answer.body);
    }
}
