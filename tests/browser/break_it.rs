//! Every button of the panel of failures, pressed by a person.

use std::time::Duration;

use fantoccini::Locator;

use crate::support::{Browser, TestApp, grace, until};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn every_button_ends_where_it_promises_with_a_lesson_and_a_flow() {
    let app = TestApp::with(|overrides| {
        overrides.limits.total_timeout = Duration::from_secs(2);
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
        let is_of_rows = OF_ROWS.contains(&&*title);
        if is_of_rows {
            browser.shows("Now change something and save.").await;
            let task = "//label[normalize-space() = 'Task']/following-sibling::input";
            let task = browser.find(task).await;
            task.send_keys(" and more").await.unwrap();
            browser.press_button("Save").await;
            until_gone(&browser).await;
        }
        let note = browser.find("//*[@role='status']").await;
        let lesson = note.text().await.unwrap();
        assert!(lesson.len() > 80, "{title}: {lesson}");
        if promised >= 400 {
            // The form again has what to do instead of a number.
            let is_form = is_of_rows && promised != 404;
            let shown = if is_form {
                "Task".to_owned()
            } else {
                promised.to_string()
            };
            browser.shows(&shown).await;
        } else if is_of_rows || title == "Open a sheet of 5,000 rows" {
            browser.shows("Last changed").await;
        } else {
            browser.shows(grace::EMAIL).await;
        }

        // The first page of the two that the lesson leads to.
        browser.follow("/flow?open=failed#failed").await;
        browser.arrives_at_with("/flow", Some("failed")).await;
        // Visits that are alike are one row until all is open.
        browser.visit("/flow?open=all").await;
        let newest = newest_status(&browser).await;
        assert!(
            newest.starts_with(&promised.to_string()),
            "{title}: {newest}"
        );
    }
}

/// Those that lead to a form first.
const OF_ROWS: [&str; 4] = [
    "Change a row that somebody else changes",
    "Save into a sheet that is gone",
    "Save a value that is refused",
    "Save while another request saves",
];

/// Waits until the form that was to be saved is left behind.
async fn until_gone(browser: &Browser) {
    until("the form is saved", async || {
        let source = browser.client().source().await.ok()?;
        (!source.contains("Now change something and save.")).then_some(())
    })
    .await;
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
        title if OF_ROWS.contains(&title) => "/sheets/2331373580117892/rows/2331373580117928",
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
