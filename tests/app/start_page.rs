//! The start page of somebody whose name is not known.

use reqwest::Method;

use crate::support::{Browser, Provider, Reply};

/// Smartsheet refuses to say who it is, so it is asked with each visit: as often as `/me` may be asked for, and no more.
#[tokio::test]
async fn a_name_is_asked_for_as_often_as_the_profile() {
    let provider = Provider::start(|request, _| {
        (request.line == "GET /2.0/users/me").then(|| Reply::error(403, 1004, "not_authorized"))
    })
    .await;
    let setup = provider
        .setup()
        .set("server.rate_limit", "5")
        .set("server.trusted_proxies", "127.0.0.1");
    let browser = Browser::new(&setup.start().await);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let visit = async |path| {
        let headers = [
            ("accept", "text/html"),
            ("x-forwarded-for", "198.51.100.77"),
        ];
        browser.send(Method::GET, path, &headers).await
    };
    for _ in 0..10 {
        visit("/").await.shows(200, &["Sign out"]);
    }
    assert_eq!(provider.count("GET /2.0/users/me"), 5);
    assert_eq!(visit("/me").await.status, 429);
}
