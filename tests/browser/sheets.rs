//! Two people with a browser each, on one sheet.

use crate::support::{Browser, TestApp, grace};

const BOARD: &str = "/sheets/2331373580117892";
const SAM: &str = "sam@example.com";

/// Signs in as the person with this address, and opens the sheet that both share, as a person finds it.
async fn at_the_board(app: &TestApp, email: &str) -> Browser {
    let browser = Browser::open(app).await;
    browser.visit("/").await;
    browser.follow("/login").await;
    browser.is_asked_for_consent().await;
    browser.choose(email).await;
    browser.press_button("Allow").await;
    browser.arrives_at("/me").await;
    browser.follow("/sheets").await;
    browser.arrives_at("/sheets").await;
    browser.follow(BOARD).await;
    browser.arrives_at(BOARD).await;
    browser
}

/// Types into the field with this label.
async fn fill(browser: &Browser, label: &str, text: &str) {
    let field = format!("//label[normalize-space() = '{label}']/following-sibling::*[1]");
    let field = browser.find(&field).await;
    field.clear().await.unwrap();
    field.send_keys(text).await.unwrap();
}

/// The text of the row whose first cell begins like this.
async fn row(browser: &Browser, name: &str) -> String {
    let row = format!("//tr[th[contains(., '{name}')]]");
    browser.find(&row).await.text().await.unwrap()
}

async fn open_row(browser: &Browser, name: &str) {
    let link = format!("//tr[th[contains(., '{name}')]]/th/a");
    browser.find(&link).await.click().await.unwrap();
    browser.shows("History").await;
}

async fn add(browser: &Browser, task: &str) {
    fill(browser, "Task", task).await;
    browser.press_button("Add the row").await;
    browser.shows("is marked: last changed by").await;
}

async fn change(browser: &Browser, from: &str, to: &str) {
    browser.visit(BOARD).await;
    open_row(browser, from).await;
    fill(browser, "Task", to).await;
    browser.press_button("Save").await;
    browser.shows("is marked: last changed by").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn each_adds_a_row_and_changes_the_other_s() {
    let app = TestApp::start().await;
    let (grace, sam) = (
        at_the_board(&app, grace::EMAIL).await,
        at_the_board(&app, SAM).await,
    );
    add(&grace, "Tea for two").await;
    add(&sam, "Sweep the yard").await;
    let added = row(&sam, "Tea for two").await;
    assert!(
        added.contains("Grace Hopper") && !added.contains("you"),
        "{added}"
    );

    change(&sam, "Tea for two", "Tea for three").await;
    change(&grace, "Sweep the yard", "Sweep the garden").await;
    let (hers, his) = (
        row(&grace, "Tea for three").await,
        row(&grace, "Sweep the garden").await,
    );
    assert!(hers.contains(SAM), "{hers}");
    assert!(his.contains("Grace Hopper you"), "{his}");

    // Who wrote which value.
    open_row(&grace, "Tea for three").await;
    let past = grace
        .find("//ol[@class='past']")
        .await
        .text()
        .await
        .unwrap();
    let lines: Vec<&str> = past.lines().filter(|line| !line.is_empty()).collect();
    let place = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    assert!(place("Tea for three") < place("Tea for two"), "{past}");
    assert!(
        past.contains(SAM) && past.contains("Grace Hopper"),
        "{past}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_conflict_is_solved_both_ways() {
    let app = TestApp::start().await;
    let (grace, sam) = (
        at_the_board(&app, grace::EMAIL).await,
        at_the_board(&app, SAM).await,
    );
    let form = format!("{BOARD}/rows/2331373580117928");

    // "Use mine".
    open_row(&grace, "Write the texts").await;
    change(&sam, "Write the texts", "Write the texts, as Sam sees it").await;
    fill(&grace, "Task", "Write the texts, as Grace sees it").await;
    grace.expect_failure(&form, 409);
    grace.press_button("Save").await;
    grace.shows("Somebody else changed this row").await;
    grace.shows("Write the texts, as Sam sees it").await;
    grace.press_button("Use mine").await;
    grace.shows("is marked: last changed by").await;
    assert!(
        row(&grace, "Write the texts")
            .await
            .contains("as Grace sees it")
    );

    // "Keep theirs".
    open_row(&grace, "Write the texts").await;
    change(
        &sam,
        "Write the texts",
        "Write the texts, as Sam still sees it",
    )
    .await;
    fill(&grace, "Task", "Write the texts, as Grace still sees it").await;
    grace.expect_failure(&form, 409);
    grace.press_button("Save").await;
    let keep = grace.find("//a[normalize-space() = 'Keep theirs']").await;
    keep.click().await.unwrap();
    grace
        .arrives_at_with(BOARD, Some("row-2331373580117928"))
        .await;
    let kept = row(&grace, "Write the texts").await;
    assert!(
        kept.contains("as Sam still sees it") && kept.contains(SAM),
        "{kept}"
    );
}

/// Nothing of a form is lost on its way through a browser, and what was not touched is not taken for a change.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_form_that_is_sent_as_it_is_changes_nothing() {
    let app = TestApp::start().await;
    let browser = at_the_board(&app, grace::EMAIL).await;
    let kinds = "/sheets/5508263417997188";
    for number in 1..=3 {
        browser.visit(kinds).await;
        let link = browser.find(&format!("//tbody/tr[{number}]/th/a")).await;
        link.click().await.unwrap();
        browser.shows("History").await;
        browser.press_button("Save").await;
        browser.shows("is marked: last changed by").await;
    }
    assert_eq!(app.writes().await, [""; 0]);
}
