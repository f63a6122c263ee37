//! Forms that are refused, here or by Smartsheet. What was typed is still in the answer, and nothing was written.

use reqwest::Method;
use serde_json::json;

use crate::sheets::BOARD;
use crate::support::forms::{RowForm, post};
use crate::support::{Browser, World};

const ROW: &str = "/rows/2331373580117928";

async fn assert_nothing_written(world: &World) {
    let requests = world.sandbox.requests().await;
    let mut writes = requests.iter().filter(|line| line.ends_with("/rows 200"));
    assert!(writes.next().is_none(), "{requests:?}");
}

#[tokio::test]
async fn a_value_that_smartsheet_does_not_take() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let path = format!("{BOARD}{ROW}");
    let mut form = RowForm::on(&browser.get(&path).await);
    form.fill("Due", "soon").fill("Hours", "5");
    world.sandbox.forget().await;
    let page = form.send(&browser).await;
    page.shows(
        422,
        &[
            "Smartsheet did not take that",
            "errorCode 1042",
            "Nothing was written",
        ],
    );
    let again = RowForm::on(&page);
    assert_eq!(
        (again.value("Due"), again.value("Hours")),
        (Some("soon"), Some("5"))
    );
    assert_nothing_written(&world).await;
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let answer = browser
        .send_body(Method::POST, &path, &headers, form.body())
        .await;
    answer.is_problem(422, "value-refused");
}

#[tokio::test]
async fn a_row_of_nothing() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let form = RowForm::on(&browser.get(BOARD).await);
    let page = form.send(&browser).await;
    page.shows(422, &["There is nothing in this row"]);
    assert_nothing_written(&world).await;
}

#[tokio::test]
async fn fields_that_do_not_fit() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let path = format!("{BOARD}{ROW}");
    let form = RowForm::on(&browser.get(&path).await);
    let task = form.name_of("Task");
    world.sandbox.forget().await;
    let mut bad = Vec::new();
    let mut with = |change: &dyn Fn(&mut RowForm)| {
        let mut form = form.clone();
        change(form.fill("Hours", "77"));
        bad.push(form);
    };
    with(&|form| _ = form.set("unknown", "x"));
    with(&|form| _ = form.set("column-5508263417997192", "of another sheet"));
    with(&|form| _ = form.set("column-x", "x"));
    with(&|form| _ = form.without(&task));
    with(&|form| _ = form.without("version"));
    with(&|form| _ = form.set("version", "new"));
    with(&|form| form.fields.push((task.clone(), "twice".to_owned())));
    with(&|form| form.fields.push(("version".to_owned(), "1".to_owned())));
    with(&|form| _ = form.fill("Done", "perhaps"));
    for form in bad {
        let page = form.send(&browser).await;
        page.shows(
            400,
            &["The form does not fit the sheet", "Nothing was written"],
        );
    }
    let kind = [
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    let answer = browser
        .send_body(Method::POST, &path, &kind, "{}".to_owned())
        .await;
    answer.is_problem(400, "form-unreadable");
    assert_nothing_written(&world).await;
    let now = RowForm::on(&browser.get(&path).await);
    assert_eq!(now.value("Hours"), Some("8"));
}

#[tokio::test]
async fn more_than_a_form_may_have() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let body = format!("column-1={}", "x".repeat(64 * 1024));
    let page = post(&browser, &format!("{BOARD}/rows"), body).await;
    page.is_error(413, &["That is too much"]);
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

#[tokio::test]
async fn from_another_site() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let path = format!("{BOARD}{ROW}");
    let form = RowForm::on(&browser.get(&path).await);
    world.sandbox.forget().await;
    for action in [path, format!("{BOARD}/rows")] {
        for headers in [
            [
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
            [("sec-fetch-site", "same-site"), ("origin", "null")],
            [("x-none", "x"), ("origin", "null")],
        ] {
            let sent = [
                &headers[..],
                &[("content-type", "application/x-www-form-urlencoded")],
            ]
            .concat();
            let page = browser
                .send_body(Method::POST, &action, &sent, form.body())
                .await;
            page.shows(403, &["Request from another site refused"]);
        }
    }
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

#[tokio::test]
async fn rows_and_sheets_that_are_not_there() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let form = RowForm::on(&browser.get(&format!("{BOARD}{ROW}")).await);
    for (path, text) in [
        (format!("{BOARD}/rows/17"), "There is no such row"),
        // Of another sheet.
        (
            format!("{BOARD}/rows/5508263417997280"),
            "There is no such row",
        ),
        (format!("{BOARD}/rows/x"), "There is no such row"),
        ("/sheets/17/rows".to_owned(), "There is no such sheet"),
        ("/sheets/-1/rows".to_owned(), "There is no such sheet"),
        (format!("/sheets/17{ROW}"), "There is no such sheet"),
    ] {
        post(&browser, &path, form.body()).await.shows(404, &[text]);
    }
    assert_nothing_written(&world).await;
}

#[tokio::test]
async fn signed_out_in_another_tab() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let mut form = RowForm::on(&browser.get(BOARD).await);
    form.fill("Task", "Typed <before>").fill("Done", "true");
    browser.sign_out().await;
    world.sandbox.forget().await;
    let page = form.send(&browser).await;
    page.shows(
        401,
        &[
            "target=\"_blank\"",
            &format!("/login?return_to={BOARD}"),
            "Typed &#60;before&#62;",
        ],
    );
    assert!(!page.header("www-authenticate").is_empty());
    assert_eq!(world.sandbox.requests().await, [""; 0]);

    // Signed in again in another tab, the form of this one is as good as before.
    browser.sign_in("full").await;
    let again = RowForm::on(&page);
    assert_eq!(again.send(&browser).await.status, 303);
    browser
        .get(BOARD)
        .await
        .shows(200, &["Typed &#60;before&#62;"]);

    let headers = [("accept", "application/json")];
    let nobody = Browser::new(&world.app);
    let answer = nobody
        .send_body(Method::POST, &again.action, &headers, again.body())
        .await;
    answer.is_problem(401, "signed-out");
}

#[tokio::test]
async fn a_sheet_that_is_deleted_meanwhile() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let mut form = RowForm::on(&browser.get(BOARD).await);
    form.fill("Task", "Typed before");
    let sheet = "/2.0/sheets/2331373580117892";
    world.sandbox.fault(sheet, "not_found", 1, json!({})).await;
    let page = form.send(&browser).await;
    page.shows(404, &["There is no such sheet", "Typed before"]);

    // Between the look and the write.
    let rows = "/2.0/sheets/2331373580117892/rows";
    world.sandbox.fault(rows, "not_found", 1, json!({})).await;
    let page = form.send(&browser).await;
    page.shows(404, &["There is no such sheet"]);
    assert_eq!(RowForm::on(&page).value("Task"), Some("Typed before"));
}

#[tokio::test]
async fn another_request_of_the_token_is_saving() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let rows = "/2.0/sheets/2331373580117892/rows";
    let mut form = RowForm::on(&browser.get(BOARD).await);
    form.fill("Task", "Once");
    world
        .sandbox
        .fault(rows, "please_retry", 2, json!({}))
        .await;
    world.sandbox.forget().await;
    assert_eq!(form.send(&browser).await.status, 303);
    let requests = world.sandbox.requests().await;
    let writes: Vec<_> = requests
        .iter()
        .filter(|line| line.contains("/rows "))
        .collect();
    assert_eq!(writes.len(), 3, "{requests:?}");
    let page = browser.get(BOARD).await;
    assert_eq!(page.body.matches("<tr id=\"row-").count(), 9);

    // Too often: the form is back.
    world
        .sandbox
        .fault(rows, "please_retry", 100, json!({}))
        .await;
    let page = form.send(&browser).await;
    page.shows(502, &["Nothing was written"]);
    assert_eq!(RowForm::on(&page).value("Task"), Some("Once"));
}
