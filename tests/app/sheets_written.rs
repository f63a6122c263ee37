//! Rows that are added and changed, in the name of whoever is signed in.

use serde_json::{Value, json};

use crate::sheets::BOARD;
use crate::support::forms::{RowForm, post};
use crate::support::scripted::{ROW, SHEET, Scripted};
use crate::support::{Browser, Page, World};

/// The sheet of this world's as the API tells it to `browser`.
async fn sheet(browser: &Browser, path: &str) -> Value {
    serde_json::from_str(&browser.json(path).await.body).unwrap()
}

/// The page that a write leads to.
async fn after(browser: &Browser, page: &Page) -> Page {
    assert_eq!(page.status, 303, "{page:?}");
    browser
        .get(page.location().split('#').next().unwrap())
        .await
}

/// The path of the row whose primary cell says `name`.
async fn row_called(browser: &Browser, name: &str) -> String {
    let sheet = sheet(browser, BOARD).await;
    let rows = sheet["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["cells"][0]["value"] == name);
    format!("{BOARD}/rows/{}", row.unwrap()["id"])
}

#[tokio::test]
async fn a_row_is_added_with_the_person_s_name_on_it() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let mut form = RowForm::on(&browser.get(BOARD).await);
    form.fill("Task", "Plant a tree")
        .fill("Assigned to", "sam@example.com")
        .fill("Due", "2026-12-31")
        .fill("Status", "In progress")
        .fill("Hours", "2.50")
        .fill("Done", "true");
    world.sandbox.forget().await;
    let saved = form.send(&browser).await;
    let page = after(&browser, &saved).await;
    page.shows(
        200,
        &[
            "class=\"marked\"",
            "Plant a tree",
            "Dec 31, 2026",
            "Row 9 is marked: last changed by <strong class=\"me\"><bdi>Grace Hopper</bdi></strong>",
        ],
    );
    assert_eq!(
        world.sandbox.requests().await[..2],
        [
            "GET /2.0/sheets/2331373580117892 200",
            "POST /2.0/sheets/2331373580117892/rows 200",
        ]
    );
    let sheet = sheet(&browser, BOARD).await;
    let row = &sheet["rows"][8];
    let values: Vec<&Value> = row["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| &cell["value"])
        .collect();
    assert_eq!(values[0], "Plant a tree");
    // A number, to the letter.
    assert_eq!(values[4], &json!(2.5));
    assert_eq!(values[5], &json!(true));
    assert_eq!(row["createdBy"]["name"], "Grace Hopper");
}

#[tokio::test]
async fn a_row_is_changed_cell_by_cell() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let path = row_called(&browser, "Write the texts").await;
    let mut form = RowForm::on(&browser.get(&path).await);
    assert_eq!(form.action, path);
    assert_eq!(form.value("Assigned to"), Some("grace.hopper@example.com"));
    assert_eq!(form.value("Due"), Some("2026-02-13"));
    assert_eq!(form.value("Status"), Some("In progress"));
    assert_eq!(form.value("Done"), None);
    form.fill("Status", "Complete")
        .fill("Done", "true")
        .fill("Hours", "");
    let saved = form.send(&browser).await;
    after(&browser, &saved)
        .await
        .shows(200, &["Row 3 is marked"]);
    let sheet = sheet(&browser, BOARD).await;
    let cells = &sheet["rows"][2]["cells"];
    assert_eq!(cells[3]["value"], "Complete");
    assert_eq!(cells[5]["value"], true);
    assert!(cells[4]["value"].is_null());
    assert_eq!(sheet["rows"][2]["modifiedBy"]["name"], "Grace Hopper");

    // Who wrote which value when; the owner made the row.
    let page = browser.get(&path).await;
    page.shows(
        200,
        &["Last changed by <strong class=\"me\"><bdi>Grace Hopper"],
    );
    let (_, history) = page.body.split_once("id=\"history\"").unwrap();
    let (_, status) = history.split_once("<bdi>Status</bdi>").unwrap();
    let complete = status.find("Complete").unwrap();
    let before = status.find("In progress").unwrap();
    assert!(complete < before, "{status}");
    assert!(status[complete..before].contains("Grace Hopper"));
    assert!(status[before..].contains("sam@example.com"));
    assert!(history.contains("emptied"));
}

#[tokio::test]
async fn what_is_as_it_was_is_not_written() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let path = row_called(&browser, "Write the texts").await;
    let form = RowForm::on(&browser.get(&path).await);
    world.sandbox.forget().await;
    let saved = form.send(&browser).await;
    assert_eq!(saved.status, 303);
    let requests = world.sandbox.requests().await;
    assert_eq!(requests, ["GET /2.0/sheets/2331373580117892 200"]);
}

#[tokio::test]
async fn only_what_differs_is_sent_and_under_which_name() {
    let columns = json!([
        {"id": 1, "title": "Name", "type": "TEXT_NUMBER", "primary": true},
        {"id": 2, "title": "Contacts", "type": "MULTI_CONTACT_LIST"},
        {"id": 3, "title": "Begins", "type": "ABSTRACT_DATETIME"},
        {"id": 4, "title": "Colours", "type": "MULTI_PICKLIST", "options": ["Red", "Green", "Blue"]},
        {"id": 5, "title": "Code", "type": "TEXT_NUMBER"},
        {"id": 6, "title": "Sum", "type": "TEXT_NUMBER"},
        {"id": 7, "title": "Locked", "type": "TEXT_NUMBER", "locked": true},
    ]);
    let cells = json!([
        {"columnId": 1, "value": "two\nlines"},
        {"columnId": 2, "value": "a@example.com, b@example.com"},
        {"columnId": 3, "value": "2026-03-02T08:00:00"},
        {"columnId": 4, "value": "Blue, Red"},
        {"columnId": 5, "value": "x"},
        {"columnId": 6, "value": 3, "formula": "=1+2"},
        {"columnId": 7, "value": "fixed"},
    ]);
    let scripted = Scripted::new(&columns, &cells);
    let provider = scripted.start(|_, _| None).await;
    let setup = provider
        .setup()
        .set("smartsheet.integration_source", "APPLICATION,Acme,Tests");
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let path = format!("/sheets/{SHEET}/rows/{ROW}");
    let page = browser.get(&path).await;
    page.shows(200, &["(computed)", "(locked)", "fixed"]);
    let mut form = RowForm::on(&page);
    assert_eq!(form.value("Name"), Some("two\nlines"));
    // As a browser sends them back.
    form.fill("Contacts", "a@example.com,b@example.com")
        .fill("Begins", "2026-03-02T08:00")
        .fill("Code", "007");
    let body = form.body().replace("two%0Alines", "two%0D%0Alines");
    post(&browser, &path, body)
        .await
        .redirects_to(&format!("/sheets/{SHEET}?page=1&row={ROW}#row-{ROW}"));
    let writes: Vec<_> = provider
        .seen()
        .into_iter()
        .filter(|seen| seen.line.starts_with("PUT "))
        .collect();
    assert_eq!(writes.len(), 1);
    assert_eq!(
        writes[0].body,
        format!(r#"{{"id":{ROW},"cells":[{{"columnId":5,"value":"007"}}]}}"#)
    );
    assert!(
        writes[0]
            .head
            .contains("smartsheet-change-agent: smartsheet-oauth-demo")
    );
    for seen in provider.seen() {
        let head = &seen.head;
        assert!(
            head.contains("smartsheet-integration-source: application,acme,tests"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn two_people_add_and_change_each_other_s() {
    let world = World::new().await;
    let (grace, sam) = (
        world.signed_in("full").await,
        world.signed_in("minimal").await,
    );
    for (browser, task) in [(&grace, "By Grace"), (&sam, "By Sam")] {
        let mut form = RowForm::on(&browser.get(BOARD).await);
        let saved = form.fill("Task", task).send(browser).await;
        assert_eq!(saved.status, 303);
    }
    for (browser, task, other) in [
        (&sam, "By Grace", "Sam was here"),
        (&grace, "By Sam", "Grace was here"),
    ] {
        let path = row_called(browser, task).await;
        let mut form = RowForm::on(&browser.get(&path).await);
        let saved = form.fill("Task", other).send(browser).await;
        after(browser, &saved)
            .await
            .shows(200, &[other, "class=\"marked\""]);
    }
    let sheet = sheet(&grace, BOARD).await;
    let row = |number: usize| {
        let row = &sheet["rows"][number];
        (
            row["createdBy"]["email"].as_str().unwrap(),
            row["modifiedBy"]["email"].as_str().unwrap(),
        )
    };
    let (grace_s, sam_s) = ("grace.hopper@example.com", "sam@example.com");
    assert_eq!(row(8), (grace_s, sam_s));
    assert_eq!(row(9), (sam_s, grace_s));
    let history = grace.get(&row_called(&grace, "Sam was here").await).await;
    history.shows(200, &["Sam was here", "By Grace"]);
}

#[tokio::test]
async fn the_token_expires_while_the_form_is_open() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let mut form = RowForm::on(&browser.get(BOARD).await);
    form.fill("Task", "Late");
    world.sandbox.expire("access_tokens").await;
    world.sandbox.forget().await;
    assert_eq!(form.send(&browser).await.status, 303);
    assert_eq!(
        world.sandbox.requests().await,
        [
            "GET /2.0/sheets/2331373580117892 401",
            "POST /2.0/token refresh_token 200",
            "GET /2.0/sheets/2331373580117892 200",
            "POST /2.0/sheets/2331373580117892/rows 200",
        ]
    );

    // It is refused at the write itself.
    form.fill("Task", "Later");
    let rows = "/2.0/sheets/2331373580117892/rows";
    world
        .sandbox
        .fault(rows, "expired_token", 1, json!({}))
        .await;
    world.sandbox.forget().await;
    assert_eq!(form.send(&browser).await.status, 303);
    let requests = world.sandbox.requests().await;
    let writes = requests
        .iter()
        .filter(|line| line.starts_with("POST /2.0/sheets"));
    assert_eq!(
        writes.collect::<Vec<_>>(),
        [
            "POST /2.0/sheets/2331373580117892/rows 401",
            "POST /2.0/sheets/2331373580117892/rows 200",
        ]
    );
    let sheet = sheet(&browser, BOARD).await;
    assert_eq!(sheet["totalRowCount"], 10);
}

#[tokio::test]
async fn the_flow_shows_what_was_written() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let mut form = RowForm::on(&browser.get(BOARD).await);
    form.fill("Task", "Shown in the flow").send(&browser).await;
    let messages = crate::support::said::said(&browser).await;
    let brief = crate::support::said::brief(&messages);
    for step in [
        "open_sheets 200",
        "submit_row 303",
        "read_sheet 200",
        "save_row 200",
    ] {
        assert!(brief.iter().any(|known| known == step), "{brief:?}");
    }
    let save = messages
        .iter()
        .find(|message| message["step"] == "save_row")
        .unwrap();
    let save = save.to_string();
    assert!(
        save.contains("Shown in the flow") && save.contains("smartsheet-change-agent"),
        "{save}"
    );
    let page = browser.get("/flow").await;
    page.shows(
        200,
        &["Save the row", "Send a row", "Read the sheet", "--data-raw"],
    );
}
