//! `/flow?format=har` and `?format=md`: what the page shows, to take along, and `?step=N`: one message.

use serde_json::Value;

use crate::support::said::flow;
use crate::support::{Browser, Setup, World};

/// What an HTTP Archive 1.2 must have, beside names and values.
fn is_archive(archive: &Value) {
    let log = &archive["log"];
    assert_eq!(log["version"], "1.2");
    assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
    for entry in log["entries"].as_array().unwrap() {
        for (value, members) in [
            (entry, &["startedDateTime", "time", "cache", "timings"][..]),
            (&entry["timings"], &["send", "wait", "receive"]),
            (
                &entry["request"],
                &[
                    "method",
                    "url",
                    "httpVersion",
                    "cookies",
                    "headers",
                    "queryString",
                    "headersSize",
                    "bodySize",
                ],
            ),
            (
                &entry["response"],
                &[
                    "status",
                    "statusText",
                    "httpVersion",
                    "cookies",
                    "headers",
                    "content",
                    "redirectURL",
                    "headersSize",
                    "bodySize",
                ],
            ),
        ] {
            for member in members {
                assert!(!value[*member].is_null(), "{member}: {entry:#}");
            }
        }
        let url: url::Url = entry["request"]["url"].as_str().unwrap().parse().unwrap();
        assert!(url.has_host(), "{url}");
    }
}

#[tokio::test]
async fn an_archive_has_what_the_page_has() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let told = flow(&browser).await;
    let page = browser.get("/flow?format=har").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "application/json");
    assert!(
        page.header("content-disposition").contains("flow.har"),
        "{page:?}"
    );
    assert_eq!(page.header("cache-control"), "no-store");
    let archive: Value = serde_json::from_str(&page.body).unwrap();
    is_archive(&archive);
    let entries = archive["log"]["entries"].as_array().unwrap();
    let messages = told["messages"].as_array().unwrap();
    assert_eq!(entries.len(), messages.len());
    let exchange = messages
        .iter()
        .position(|message| message["step"] == "code_exchange")
        .unwrap();
    let entry = &entries[exchange];
    assert_eq!(entry["request"]["method"], "POST");
    assert_eq!(entry["response"]["status"], 200);
    // As it is shown: masked.
    assert_eq!(
        entry["request"]["postData"]["text"],
        messages[exchange]["request"]["body"]
    );
    assert_eq!(
        entry["response"]["content"]["text"],
        messages[exchange]["answer"]["body"]
    );
}

#[tokio::test]
async fn the_example_can_be_taken_along() {
    let world = World::new().await;
    let page = world.browser().get("/flow?format=har").await;
    is_archive(&serde_json::from_str(&page.body).unwrap());
    let page = world.browser().get("/flow?format=md").await;
    assert!(
        page.body
            .starts_with("# Flow of a sign-in with Smartsheet (example)")
    );
}

#[tokio::test]
async fn a_report_is_markdown() {
    let world = World::new().await;
    let browser = world.signed_in("unicode").await;
    browser.get("/me").await;
    let page = browser.get("/flow?format=md").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/markdown; charset=utf-8");
    let told = flow(&browser).await;
    let messages = told["messages"].as_array().unwrap();
    let headings = page.body.lines().filter(|line| line.starts_with("## "));
    assert_eq!(headings.count(), messages.len());
    assert!(page.body.contains("Exchange the code for tokens"));
    // What somebody wrote into their profile stays within its fence.
    let mut fence: Option<&str> = None;
    for line in page.body.lines() {
        match fence {
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("http")),
            Some(begun) if line == begun => fence = None,
            None => assert!(!line.contains("<script>"), "{line}"),
            Some(_) => {}
        }
    }
    assert_eq!(fence, None);
}

#[tokio::test]
async fn one_message_at_a_time() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let first = browser.get("/flow?step=1").await;
    first.shows(200, &["Step 1 of", "/flow?step=2", "src/web/login.rs"]);
    assert!(!first.body.contains("/flow?step=0"), "{first:?}");
    let second = browser.get("/flow?step=2").await;
    second.shows(200, &["Step 2 of", "/flow?step=1", "/flow?step=3"]);
    for none in ["0", "999", "-1", "x", "", "1e3", "18446744073709551616"] {
        let page = browser.get(&format!("/flow?step={none}")).await;
        page.is_error(404, &["Message not found"]);
    }
}

/// In sandbox mode a form computes the hash: here the known answer for the documentation's values.
#[tokio::test]
async fn the_hash_can_be_tried_out() {
    let app = Setup::mounted().start().await;
    let query = "step=4&secret=9samp7le3for71you&code=sample6p9qisx6a";
    let page = Browser::new(&app).get(&format!("/flow?{query}")).await;
    let hash = "printf %s '9samp7le3for71you|sample6p9qisx6a' | sha256sum";
    let computed = std::process::Command::new("sh").args(["-c", hash]).output();
    let computed = String::from_utf8(computed.unwrap().stdout).unwrap();
    page.shows(
        200,
        &["crates/smartsheet-oauth/src/client.rs", &computed[..64]],
    );
}
