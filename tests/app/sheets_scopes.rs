//! What somebody may do with sheets: by the scopes that they were asked for, and by their access level.

use serde_json::json;

use crate::sheets::BOARD;
use crate::support::forms::{RowForm, post};
use crate::support::scripted::{ROW, SHEET, Scripted};
use crate::support::{Browser, Reply, World};

/// Signs in by way of `login`.
async fn sign_in(world: &World, login: &str, user: &str) -> (Browser, String) {
    let browser = world.browser();
    let authorize = browser.begin(login).await;
    let scope = authorize.query_pairs().find(|(name, _)| name == "scope");
    let scope = scope
        .map(|(_, scope)| scope.into_owned())
        .unwrap_or_default();
    let callback = browser.consent(&authorize, "allow", user).await;
    assert_eq!(browser.get(&callback).await.status, 303);
    world.sandbox.forget().await;
    (browser, scope)
}

#[tokio::test]
async fn a_sign_in_asks_for_what_the_settings_allow_and_no_more() {
    let world = World::new().await;
    for (login, expected) in [
        ("/login", "READ_SHEETS WRITE_SHEETS"),
        ("/login?scope=READ_SHEETS", "READ_SHEETS"),
        (
            "/login?scope=WRITE_SHEETS,READ_SHEETS",
            "READ_SHEETS WRITE_SHEETS",
        ),
        ("/login?scope=READ_SHEETS+ADMIN_USERS", "READ_SHEETS"),
        ("/login?scope=ADMIN_USERS", "READ_SHEETS WRITE_SHEETS"),
        ("/login?scope=", "READ_SHEETS WRITE_SHEETS"),
        (
            "/login?scope=READ_SHEETS&scope=ADMIN_USERS",
            "READ_SHEETS WRITE_SHEETS",
        ),
    ] {
        let (_, scope) = sign_in(&world, login, "full").await;
        assert_eq!(scope, expected, "{login}");
    }
}

#[tokio::test]
async fn without_write_sheets_one_reads() {
    let world = World::new().await;
    let (browser, _) = sign_in(&world, "/login?scope=READ_SHEETS", "full").await;
    let way = format!("/login?scope=READ_SHEETS+WRITE_SHEETS&#38;return_to={BOARD}");
    let page = browser.get(BOARD).await;
    page.shows(200, &["Team board", "This page only reads", &way]);
    assert!(RowForm::find(&page).is_none());
    assert!(!page.body.contains(&format!("{BOARD}/rows")));
    let row = browser.get(&format!("{BOARD}/rows/2331373580117928")).await;
    row.shows(
        200,
        &["This page only reads", "Write the texts", "id=\"history\""],
    );
    assert!(RowForm::find(&row).is_none());
    // It says what was asked for.
    let me = browser.get("/me").await;
    assert!(me.body.contains("READ_SHEETS") && !me.body.contains("WRITE_SHEETS"));

    // Whoever sends a form all the same.
    world.sandbox.forget().await;
    let page = post(&browser, &format!("{BOARD}/rows"), "column-1=x".to_owned()).await;
    page.shows(403, &["the scope WRITE_SHEETS", &way]);
    assert_eq!(world.sandbox.requests().await, [""; 0]);

    // The button leads to a sign-in that asks for it.
    let way = way.replace("&#38;", "&");
    let authorize = browser.begin(&way).await;
    let callback = browser.consent(&authorize, "allow", "full").await;
    browser.get(&callback).await.redirects_to(BOARD);
    assert!(RowForm::find(&browser.get(BOARD).await).is_some());
}

#[tokio::test]
async fn without_read_sheets_nothing_is_asked() {
    let world = World::new().await;
    let (browser, _) = sign_in(&world, "/login?scope=WRITE_SHEETS", "full").await;
    for path in ["/sheets", BOARD] {
        let page = browser.get(path).await;
        let way = format!("/login?scope=READ_SHEETS+WRITE_SHEETS&#38;return_to={path}");
        page.is_error(403, &["the scope READ_SHEETS", &way]);
        browser.json(path).await.is_problem(403, "scope-missing");
    }
    assert_eq!(world.sandbox.requests().await, [""; 0]);

    let world = World::with(|setup| setup.set("smartsheet.scopes", "READ_SHEETS")).await;
    let browser = world.signed_in("full").await;
    let page = browser.get(BOARD).await;
    page.shows(200, &["This page only reads", "smartsheet.scopes"]);
    assert!(!page.body.contains("/login?scope"));
}

#[tokio::test]
async fn a_viewer_reads() {
    let world = World::new().await;
    let browser = world.signed_in("unicode").await;
    let page = browser.get(BOARD).await;
    page.shows(200, &["Viewer", "shared with you for reading"]);
    assert!(RowForm::find(&page).is_none() && !page.body.contains(&format!("{BOARD}/rows")));
    world.sandbox.forget().await;
    let page = post(&browser, &format!("{BOARD}/rows"), "column-1=x".to_owned()).await;
    page.shows(403, &["You may not change this sheet", "Viewer"]);
    let requests = world.sandbox.requests().await;
    assert!(
        requests.iter().all(|line| line.starts_with("GET ")),
        "{requests:?}"
    );
}

#[tokio::test]
async fn refused_by_smartsheet_with_its_reason() {
    let world = World::new().await;
    let browser = world.browser();
    browser.sign_in("no-api").await;
    browser
        .get("/sheets")
        .await
        .is_error(403, &["errorCode 1004", "You are still signed in"]);
    browser.json(BOARD).await.is_problem(403, "not-allowed");

    let columns = json!([{"id": 1, "title": "Name", "type": "TEXT_NUMBER", "primary": true}]);
    let scripted = Scripted::new(&columns, &json!([{"columnId": 1, "value": "x"}]));
    let provider = scripted
        .start(|_, _| Some(Reply::error(403, 1004, "not_allowed")))
        .await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let mut form = RowForm::on(&browser.get(&format!("/sheets/{SHEET}/rows/{ROW}")).await);
    let page = form.fill("Name", "typed").send(&browser).await;
    page.shows(403, &["said the provider", "errorCode 1004"]);
    assert_eq!(RowForm::on(&page).value("Name"), Some("typed"));
    assert_eq!(provider.count(&format!("PUT /2.0/sheets/{SHEET}/rows")), 1);
}

#[tokio::test]
async fn locked_rows_and_columns_are_not_offered() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    // "Sign the contract".
    let row = format!("{BOARD}/rows/2331373580117940");
    let page = browser.get(&row).await;
    page.shows(200, &["This row is locked", "Sign the contract"]);
    assert!(RowForm::find(&page).is_none());
    world.sandbox.forget().await;
    let page = post(
        &browser,
        &row,
        "version=1&column-2331373580117896=x".to_owned(),
    )
    .await;
    page.shows(403, &["The row is locked"]);
    let requests = world.sandbox.requests().await;
    assert!(
        requests.iter().all(|line| line.starts_with("GET ")),
        "{requests:?}"
    );
}
