//! Writes of which nobody knows what came: they are never sent again, and said to be so. Those that were surely not made are sent
//! again a few times.

use serde_json::{Value, json};

use crate::support::forms::RowForm;
use crate::support::scripted::{ROW, SHEET, Scripted, saved};
use crate::support::{Browser, Page, Provider, Reply, Seen, TestApp};

fn scripted() -> Scripted {
    let columns = json!([{"id": 1, "title": "Name", "type": "TEXT_NUMBER", "primary": true}]);
    Scripted::new(&columns, &json!([{"columnId": 1, "value": "x"}]))
}

struct Attempt {
    page: Page,
    provider: Provider,
    _app: TestApp,
}

/// Adds and changes a row where Smartsheet answers a write as `write` says.
async fn attempts(write: fn(&Seen, usize) -> Option<Reply>) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for path in [
        format!("/sheets/{SHEET}"),
        format!("/sheets/{SHEET}/rows/{ROW}"),
    ] {
        let provider = scripted().start(write).await;
        let app = provider.setup().start().await;
        let browser = Browser::new(&app);
        browser.sign_in_with_code("c").await.redirects_to("/me");
        let mut form = RowForm::on(&browser.get(&path).await);
        let page = form.fill("Name", "typed").send(&browser).await;
        attempts.push(Attempt {
            page,
            provider,
            _app: app,
        });
    }
    attempts
}

fn writes(provider: &Provider) -> usize {
    let lines = provider.lines();
    lines.iter().filter(|line| line.ends_with("/rows")).count()
}

async fn is_unsure(write: fn(&Seen, usize) -> Option<Reply>, status: u16) {
    for Attempt { page, provider, .. } in attempts(write).await {
        page.shows(
            status,
            &[
                "Nobody knows whether it was saved",
                "it may have been made",
                &format!("href=\"/sheets/{SHEET}"),
            ],
        );
        assert_eq!(RowForm::on(&page).value("Name"), Some("typed"));
        assert_eq!(writes(&provider), 1);
    }
}

#[tokio::test]
async fn the_answer_is_lost() {
    is_unsure(|_, _| Some(Reply::reset()), 502).await;
}

#[tokio::test]
async fn the_answer_is_cut_off_or_none() {
    is_unsure(|_, _| Some(Reply::json(200, "{\"resu")), 502).await;
    is_unsure(|_, _| Some(Reply::json(200, "<html>")), 502).await;
}

#[tokio::test]
async fn smartsheet_fails() {
    is_unsure(|_, _| Some(Reply::error(500, 4000, "x")), 502).await;
    is_unsure(|_, _| Some(Reply::error(500, 4002, "x")), 502).await;
    is_unsure(|_, _| Some(Reply::json(503, "<html>")), 503).await;
    is_unsure(|_, _| Some(Reply::json(502, "")), 502).await;
}

#[tokio::test]
async fn no_answer_in_time() {
    let provider = scripted().start(|_, _| Some(Reply::silence())).await;
    let setup = provider
        .setup()
        .patience(std::time::Duration::from_millis(800));
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let mut form = RowForm::on(&browser.get(&format!("/sheets/{SHEET}")).await);
    let page = form.fill("Name", "typed").send(&browser).await;
    page.shows(504, &["Nobody knows whether it was saved"]);
    assert_eq!(writes(&provider), 1);
}

#[tokio::test]
async fn what_was_surely_not_made_is_made_again() {
    for refuse in [
        (|_, before| (before < 2).then(|| Reply::error(429, 4003, "x")))
            as fn(&Seen, usize) -> Option<Reply>,
        |_, before| (before < 2).then(|| Reply::error(503, 4001, "x")),
        |_, before| (before < 2).then(|| Reply::error(503, 4004, "x")),
        |_, before| (before < 2).then(|| Reply::json(429, "")),
    ] {
        for Attempt { page, provider, .. } in attempts(refuse).await {
            assert_eq!(page.status, 303, "{page:?}");
            assert_eq!(writes(&provider), 3);
        }
    }
}

#[tokio::test]
async fn a_pause_that_is_long_is_passed_on_with_the_form() {
    let refuse = |_: &Seen, _| {
        let body = r#"{"errorCode":4003,"message":"slow down"}"#;
        Some(Reply::with_headers(429, "retry-after: 60\r\n", body))
    };
    for Attempt { page, provider, .. } in attempts(refuse).await {
        page.shows(503, &["Smartsheet asks for a pause", "Nothing was written"]);
        assert_eq!(page.header("retry-after"), "60");
        assert_eq!(RowForm::on(&page).value("Name"), Some("typed"));
        assert_eq!(writes(&provider), 1);
    }
}

#[tokio::test]
async fn a_change_that_was_made_although_its_answer_was_lost_is_seen() {
    let scripted = scripted();
    let inner = scripted.clone();
    let provider = scripted
        .start(move |seen, before| {
            let body: Value = serde_json::from_str(&seen.body).unwrap();
            inner.change(|sheet| {
                sheet["version"] = json!(8 + before);
                sheet["rows"][0]["cells"][0]["value"] = body["cells"][0]["value"].clone();
                sheet["rows"][0]["modifiedBy"] = json!({"name": "Ann", "email": "ann@example.com"});
            });
            Some(if before == 0 { Reply::reset() } else { saved() })
        })
        .await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.get("/me").await;
    let mut form = RowForm::on(&browser.get(&format!("/sheets/{SHEET}/rows/{ROW}")).await);
    let page = form.fill("Name", "typed").send(&browser).await;
    page.shows(502, &["Nobody knows whether it was saved"]);
    // Saved again without looking, it is a conflict with oneself.
    let page = RowForm::on(&page).send(&browser).await;
    page.shows(
        409,
        &[
            "badge ok\">you</span>",
            "What you typed is what the row says now",
        ],
    );
    assert_eq!(writes(&provider), 1);
}
