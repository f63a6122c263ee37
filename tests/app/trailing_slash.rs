//! A slash too many at the end of an address.

use reqwest::Method;

use crate::support::{Browser, Setup, World, log};

#[tokio::test]
async fn pages_are_found_without_it() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);
    for page in ["/me", "/login", "/flow", "/break"] {
        for query in ["", "?", "?return_to=%2Fflow&a=b%20c", "?a=//evil.example/"] {
            for method in [Method::GET, Method::HEAD] {
                let path = format!("{page}/{query}");
                let answer = browser.send(method.clone(), &path, &[]).await;
                let found = (answer.status, answer.location());
                let expected = format!("{page}{query}");
                assert_eq!(found, (308, expected.as_str()), "{method} {path}");
                assert!(answer.set_cookies().is_empty(), "{answer:?}");
            }
        }
        for method in [Method::POST, Method::DELETE] {
            let answer = browser.send(method, &format!("{page}/"), &[]).await;
            assert_eq!(answer.status, 405, "{answer:?}");
        }
    }
    for path in [
        "/nothing/",
        "//me/",
        "/me//",
        "/logout/",
        "/refresh/",
        "/static/",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn without_a_sandbox_there_is_no_break_to_lead_to() {
    let world = World::new().await;
    world
        .browser()
        .get("/break/")
        .await
        .is_error(404, &["Page not found"]);
}

/// Another redirect URL than the registered one: whoever runs the app is told which to register, and nobody is signed in.
#[tokio::test]
async fn the_callback_with_a_slash_says_what_is_registered_wrong() {
    let world = World::new().await;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "allow", "full").await;
    world.sandbox.forget().await;
    let with_slash = callback.replacen("/redirect?", "/redirect/?", 1);
    let page = browser.get_as("slash-too-many", &with_slash).await;
    page.is_error(
        404,
        &[
            "The redirect URL has a slash too many",
            "http://localhost:8080/redirect, without",
            "App redirect URL",
        ],
    );
    let problem = browser.json(&with_slash).await;
    problem.is_problem(404, "redirect-url-slash");
    let (_, query) = callback.split_once('?').unwrap();
    for parameter in query.split('&') {
        let (_, value) = parameter.split_once('=').unwrap();
        assert!(!page.body.contains(value), "{parameter}");
        assert!(log::lines_with(&["slash-too-many", value]).is_empty());
    }
    assert!(world.sandbox.requests().await.is_empty());
    // Nothing was used up.
    browser.get(&callback).await.redirects_to("/me");
}
