//! Every button of the panel of failures, pressed by a person.

use std::time::Duration;

use fantoccini::Locator;

use crate::support::{Browser, TestApp, grace};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn every_button_ends_where_it_promises_with_a_lesson_and_a_flow() {
    let app = TestApp::with(|surroundings| {
        surroundings.limits.total_timeout = Duration::from_secs(2);
    })
    .await;
    let browser = Browser::open(&app).await;
    let buttons = buttons(&browser).await;
    assert!(buttons.len() > 15, "{buttons:?}");
    for (title, promised) in buttons {
        browser.visit("/break").await;
        if promised >= 400 {
            let path = failing_page(&title);
            browser.expect_failure(path, promised);
        }
        browser.press_button(&title).await;
        let note = browser.find("//*[@role='status']").await;
        let lesson = note.text().await.unwrap();
        assert!(lesson.len() > 80, "{title}: {lesson}");
        if promised >= 400 {
            browser.shows(&promised.to_string()).await;
        } else {
            browser.shows(grace::EMAIL).await;
        }

        // The first page of the two that the lesson leads to.
        browser.follow("/flow#latest").await;
        browser.arrives_at_with("/flow", Some("latest")).await;
        let newest = newest_status(&browser).await;
        assert!(
            newest.starts_with(&promised.to_string()),
            "{title}: {newest}"
        );
    }
}

/// Title and promised status of each.
async fn buttons(browser: &Browser) -> Vec<(String, u16)> {
    browser.visit("/break").await;
    let mut buttons = Vec::new();
    let found = browser.client().find_all(Locator::Css("main li"));
    for item in found.await.unwrap() {
        let button = item.find(Locator::Css("button")).await.unwrap();
        let text = item.text().await.unwrap();
        let promised = text.split("Ends with ").nth(1).unwrap();
        buttons.push((button.text().await.unwrap(), promised[..3].parse().unwrap()));
    }
    buttons
}

/// Where a failure shows: sign-ins end at the callback, everything else at the profile.
fn failing_page(title: &str) -> &'static str {
    match title {
        "Deny access"
        | "Forge the state"
        | "Ask for what is not allowed"
        | "Let the code expire"
        | "Use a wrong secret"
        | "Cut off the token answer"
        | "Let the exchange hang" => "/redirect",
        _ => "/me",
    }
}

/// The status of the last message or answer on the page.
async fn newest_status(browser: &Browser) -> String {
    let rows = browser.client().find_all(Locator::Css(".sequence li"));
    let rows = rows.await.unwrap();
    let badge = rows.last().unwrap().find(Locator::Css(".meta .badge"));
    badge.await.unwrap().text().await.unwrap()
}
