//! What every page has around its content, and what the start page and the error pages tell.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::support::{Browser, Page, Provider, Reply, Setup, World};

/// What stands between `before` and `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

fn title(page: &Page) -> &str {
    between(&page.body, "<title>", "</title>")
}

fn description(page: &Page) -> &str {
    between(&page.body, "<meta name=\"description\" content=\"", "\"")
}

#[tokio::test]
async fn titles_and_descriptions_differ() {
    let world = World::new().await;
    let browser = world.browser();
    let mut pages = vec![
        browser.get("/").await,
        browser.get("/nothing").await,
        browser.get("/redirect?code=c&state=s").await,
        browser.get("/redirect?state=s").await,
        browser.get("/logout").await,
    ];
    browser.sign_in("full").await;
    pages.extend([browser.get("/me").await]);
    let titles: BTreeSet<&str> = pages.iter().map(title).collect();
    let descriptions: BTreeSet<&str> = pages.iter().map(description).collect();
    assert_eq!(
        (titles.len(), descriptions.len()),
        (pages.len(), pages.len())
    );
    for page in &pages {
        assert!(description(page).len() > 20, "{}", description(page));
    }
}

#[tokio::test]
async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);
    let mut pages = vec![browser.get("/").await, browser.get("/nothing").await];
    browser.sign_in("unicode").await.redirects_to("/me");
    pages.extend([browser.get("/").await, browser.get("/me").await]);
    for page in pages {
        for inline in [" style=", "<style", " onclick", "javascript:", "<script>"] {
            assert!(!page.body.contains(inline), "{inline} in {}", page.body);
        }
        for (index, _) in page.body.match_indices(" src=\"") {
            assert!(
                page.body[index + 6..].starts_with("/static/"),
                "{}",
                page.body
            );
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("script-src 'self'"), "{policy}");
        // The script waits for the page, and the page does not wait for the script.
        assert!(page.body.contains(" defer></script>"), "{}", page.body);
    }
}

#[tokio::test]
async fn a_first_view_is_small() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);
    browser.sign_in("full").await.redirects_to("/me");
    for path in ["/", "/me"] {
        let page = browser.get(path).await;
        let mut bytes = page.body.len();
        for (before, after) in [
            ("rel=\"stylesheet\" href=\"", "\""),
            ("type=\"image/svg+xml\" href=\"", "\""),
            ("<script src=\"", "\""),
        ] {
            let asset = browser.get(between(&page.body, before, after)).await;
            assert_eq!(asset.status, 200, "{before}");
            assert!(
                asset.header("cache-control").contains("immutable"),
                "{before}"
            );
            bytes += asset.body.len();
        }
        // Even for a browser that takes no compressed answers.
        assert!(bytes < 30_000, "{path}: {bytes}");
    }
}

#[tokio::test]
async fn the_navigation_says_where_one_is() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);
    browser.sign_in("full").await.redirects_to("/me");
    for (path, entry) in [("/", "href=\"/\""), ("/me", "href=\"/me\"")] {
        let page = browser.get(path).await;
        assert_eq!(
            page.body.matches("aria-current=\"page\"").count(),
            1,
            "{path}"
        );
        page.shows(200, &[&format!("{entry} aria-current=\"page\"")]);
        page.shows(200, &["href=\"/flow\"", "href=\"/break\""]);
    }
    let page = browser.get("/nothing").await;
    assert!(!page.body.contains("aria-current"), "{}", page.body);
}

#[tokio::test]
async fn in_sandbox_mode_every_page_says_so_and_how_to_leave_it() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);
    let told = [
        "Sandbox.",
        "no account is involved",
        "href=\"/#real-account\"",
    ];
    let steps = [
        "id=\"real-account\"",
        "http://localhost:8080/redirect",
        "SMARTSHEET_CLIENT_ID",
        "SMARTSHEET_CLIENT_SECRET",
        "smartsheet.client_id",
        "smartsheet.client_secret",
        "SMARTSHEET_REGION",
    ];
    browser.get("/nothing").await.shows(404, &told);
    let start = browser.get("/").await;
    start.shows(200, &told);
    start.shows(200, &steps);
    browser.sign_in("full").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &told);
    browser.get("/").await.shows(200, &steps);
}

#[tokio::test]
async fn with_credentials_there_is_no_sandbox_to_speak_of() {
    let world = World::new().await;
    for path in ["/", "/nothing"] {
        let page = world.browser().get(path).await;
        for text in ["Sandbox", "real-account", "/break"] {
            assert!(!page.body.contains(text), "{text} in {}", page.body);
        }
    }
}

#[tokio::test]
async fn the_start_page_says_what_the_settings_lack() {
    let lacks = "<code>smartsheet.client_id</code> and <code>smartsheet.client_secret</code> are not set, so the built-in sandbox \
                 stands in";
    let listens = "<code>server.listen</code> is 127.0.0.1:";
    let no_tls = "anybody on the way can read the session cookie";
    let chosen = "<code>smartsheet.region</code> is sandbox (command line)";
    let start = async |setup: Setup| Browser::new(&setup.start().await).get("/").await;

    // A free port is not the one of the default base_url.
    let page = start(Setup::mounted()).await;
    page.shows(
        200,
        &[
            lacks,
            listens,
            "<code>server.base_url</code> is its default",
        ],
    );

    let setup = Setup::mounted()
        .set("smartsheet.region", "sandbox")
        .set("server.base_url", "http://localhost:9999");
    let page = start(setup).await;
    page.shows(200, &[chosen]);
    for text in [lacks, listens] {
        assert!(!page.body.contains(text), "{text} in {}", page.body);
    }

    // Where strangers come, its weaknesses are for the log.
    let setup = Provider::well_behaved()
        .await
        .setup()
        .set("server.base_url", "http://demo.example.com");
    assert!(setup.settings().warnings()[0].contains(no_tls));
    let page = start(setup).await;
    assert!(!page.body.contains(no_tls), "{}", page.body);
}

#[tokio::test]
async fn an_error_says_why_and_the_operators_have_something_to_check() {
    let world = World::new().await;
    let browser = world.browser();
    browser.get("/redirect?code=c&state=s").await.is_error(
        400,
        &[
            "state-unknown",
            "<h2>Why</h2>",
            "The state proves that a sign-in began in this very browser.",
            "<h2>What to do</h2>",
            "href=\"http://localhost:8080/me\"",
        ],
    );
    let page = browser.get("/nothing").await;
    page.is_error(404, &["Page not found", "href=\"http://localhost:8080/\""]);
    assert!(!page.body.contains("class=\"checks\""), "{}", page.body);

    let provider = Provider::start(|request, _| {
        (request.line == "POST /2.0/token").then(|| {
            Reply::json(
                401,
                r#"{"errorCode":1004,"error":"invalid_client","error_description":"no"}"#,
            )
        })
    })
    .await;
    let browser = Browser::new(&provider.setup().start().await);
    let page = browser.sign_in_with_code("c").await;
    page.is_error(
        502,
        &[
            "This app is misconfigured",
            "class=\"checks\"",
            "<code>smartsheet.client_id</code> is the App client id",
            "<code>smartsheet.client_secret</code> is the App secret",
            "The App redirect URL there is, to the letter,",
            "<code>smartsheet.scopes</code> asks for nothing",
        ],
    );
    let state = browser.begin_with_state().await;
    let callback = format!("/redirect?code=c&state={state}");
    let headers = [("accept", "application/json")];
    let answer = browser.send(Method::GET, &callback, &headers).await;
    let problem = answer.is_problem(502, "exchange-refused");
    assert_eq!(problem["checks"].as_array().unwrap().len(), 5, "{problem}");
}
