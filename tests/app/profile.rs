//! What `users/me` answers, and what `/me` makes of it: a page in words, or the very bytes; or the reason why there is none.

use crate::support::provider::PROFILE;
use crate::support::{Browser, Provider, Reply, World};

#[tokio::test]
async fn the_profile_as_smartsheet_sent_it_byte_for_byte() {
    let profile = "{\"id\": 9223372036854775807123,  \"email\":\"a\\u0062c@example.com\",\n\t\"zz\": 1.10e+2, \"a\": \
                   [null, {\"ü\": \"\\/\"}], \"big\": 18446744073709551616, \"id2\": 9007199254740993 }\r\n";
    let provider = Provider::start(move |request, _| {
        (request.line == "GET /2.0/users/me").then(|| Reply::json(200, profile))
    })
    .await;
    let browser = Browser::new(&provider.setup().start().await);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let answer = browser.json("/me").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(answer.body, profile);
    assert!(
        answer
            .header("vary")
            .to_ascii_lowercase()
            .contains("accept")
    );
}

#[tokio::test]
async fn the_sandboxs_profiles_byte_for_byte() {
    let world = World::new().await;
    for (user, part) in [
        ("full", "\"id\": 9187654321098765,"),
        (
            "minimal",
            r#"{"id": 48569348493401200, "email": "sam@example.com"}"#,
        ),
        (
            "unicode",
            r#""notYetDocumented": {"since": "tomorrow", "values": [1, 2.5, null]}"#,
        ),
    ] {
        let browser = world.signed_in(user).await;
        let answer = browser.json("/me").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(part), "{}", answer.body);
        browser.get("/me").await.shows(200, &["<h1>"]);
    }
}

#[tokio::test]
async fn not_allowed_for_this_person() {
    let world = World::new().await;
    let browser = world.signed_in("no-api").await;
    let page = browser.get("/me").await;
    page.is_error(
        403,
        &[
            "Smartsheet does not allow this",
            "errorCode 1004",
            "You are still signed in",
        ],
    );
    let problem = browser.json("/me").await.is_problem(403, "not-allowed");
    assert!(
        problem["detail"].as_str().unwrap().contains("1004"),
        "{problem}"
    );
    // Asking again would not help, and nothing was refreshed.
    assert_eq!(
        world.sandbox.requests().await,
        ["GET /2.0/users/me 403", "GET /2.0/users/me 403"]
    );
    browser
        .get("/")
        .await
        .shows(200, &["You are signed in", "Sign out"]);
}

#[tokio::test]
async fn not_allowed_in_every_form() {
    for (status, body) in [
        (
            401,
            r#"{"errorCode":1004,"message":"You are not authorized to perform this action."}"#,
        ),
        (
            403,
            r#"{"errorCode":"1004","message":"You are not authorized to perform this action."}"#,
        ),
    ] {
        let provider = Provider::start(move |request, _| {
            (request.line == "GET /2.0/users/me").then(|| Reply::json(status, body))
        })
        .await;
        let browser = Browser::new(&provider.setup().start().await);
        browser.sign_in_with_code("c").await.redirects_to("/me");
        browser
            .get("/me")
            .await
            .is_error(403, &["You are not authorized to perform this action."]);
        assert_eq!(
            provider.lines(),
            ["POST /2.0/token", "GET /2.0/users/me"],
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_profile() {
    for body in [
        "",
        "[]",
        "null",
        "{}",
        r#"{"id": 1}"#,
        "<html>hello</html>",
        r#"{"id":1,"email":"a"} trailing"#,
    ] {
        let provider = Provider::start(move |request, before| {
            (request.line == "GET /2.0/users/me" && before == 0).then(|| Reply::json(200, body))
        })
        .await;
        let browser = Browser::new(&provider.setup().start().await);
        browser.sign_in_with_code("c").await.redirects_to("/me");
        browser.get("/me").await.is_error(
            502,
            &["its answer can’t be read", "You are still signed in"],
        );
        assert_eq!(browser.json("/me").await.body, PROFILE, "{body}");
    }
}

#[tokio::test]
async fn the_reason_is_escaped_and_never_shows_the_token() {
    let said = r#"{"errorCode":1004,"message":"<script>x</script> access-secret-1 is refused"}"#;
    let provider = Provider::start(move |request, _| {
        (request.line == "GET /2.0/users/me").then(|| Reply::json(403, said))
    })
    .await;
    let browser = Browser::new(&provider.setup().start().await);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let page = browser.get("/me").await;
    page.is_error(403, &["… is refused"]);
    assert!(!page.body.contains("<script>"));
}

#[tokio::test]
async fn names_are_escaped_and_keep_their_letters() {
    let world = World::new().await;
    let browser = world.signed_in("unicode").await;
    for path in ["/me", "/"] {
        let page = browser.get(path).await;
        page.shows(200, &["Zoë", "李小龍", "مريم", "例え.example"]);
        assert!(!page.body.contains("<b>"), "{}", page.body);
    }
}
