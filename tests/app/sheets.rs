//! `/sheets` and `/sheets/{id}`: what somebody can see, page by page, and values as they are meant to be read.

use serde_json::{Value, json};

use crate::support::scripted::{ROW, SHEET, Scripted};
use crate::support::{Provider, Reply, World};

pub(crate) const BOARD: &str = "/sheets/2331373580117892";
const KINDS: &str = "/sheets/5508263417997188";
const MANY_ROWS: &str = "/sheets/8046124903589764";
const MANY_COLUMNS: &str = "/sheets/1205473673316228";

#[tokio::test]
async fn signed_out() {
    let world = World::new().await;
    let browser = world.browser();
    for path in ["/sheets", BOARD, &format!("{BOARD}/rows/5")] {
        let page = browser.get(path).await;
        page.redirects_to(&format!("/login?return_to={path}"));
        browser.json(path).await.is_problem(401, "signed-out");
    }
    let page = browser.get("/sheets?q=a&page=2").await;
    page.redirects_to("/login?return_to=/sheets?q=a%26page=2");
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

#[tokio::test]
async fn every_sheet_with_what_one_may_do_there() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    browser.get("/me").await;
    world.sandbox.forget().await;
    let page = browser.get("/sheets").await;
    page.shows(
        200,
        &[
            "Team board",
            "Columns of every type",
            "5,000 rows",
            "Project plan",
            "Editor, may share",
            "Admin",
            "Owner",
            "6 sheets",
            "href=\"https://smartsheet.invalid/sheets/",
            &format!("href=\"{BOARD}\""),
        ],
    );
    // The newest change first.
    let place = |name: &str| page.body.find(name).unwrap();
    assert!(place("Team board") < place("Project plan"));
    assert_eq!(world.sandbox.requests().await, ["GET /2.0/sheets 200"]);
}

#[tokio::test]
async fn json_is_what_smartsheet_sent() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let list: Value = serde_json::from_str(&browser.json("/sheets").await.body).unwrap();
    assert_eq!(
        (&list["pageSize"], &list["totalCount"]),
        (&json!(50), &json!(6))
    );
    let page = browser.json(&format!("{MANY_ROWS}?page=50")).await;
    assert_eq!(page.header("content-type"), "application/json");
    let sheet: Value = serde_json::from_str(&page.body).unwrap();
    let rows = sheet["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 100);
    assert_eq!(rows[99]["rowNumber"], 5000);
    assert!(rows[0]["modifiedBy"]["name"].is_string());

    // To the letter, however large a number or odd a member.
    let sent = r#"{"id":9223372036854775807,"odd":1.50,  "columns":[],"rows":[],"totalRowCount":0,"version":7}"#;
    let provider = Provider::start(move |seen, _| {
        let of_sheet = seen.line.starts_with("GET /2.0/sheets/");
        of_sheet.then(|| Reply::json(200, sent))
    })
    .await;
    let app = provider.setup().start().await;
    let browser = crate::support::Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    assert_eq!(browser.json(&format!("/sheets/{SHEET}")).await.body, sent);
}

#[tokio::test]
async fn names_are_looked_for() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let found = browser.get("/sheets?q=BOARD").await;
    found.shows(200, &["Team board", "1 sheet"]);
    assert!(!found.body.contains("Project plan"));
    let odd = browser.get("/sheets?q=%00%1bBOARD%07").await;
    odd.shows(200, &["BOARD"]);
    assert!(
        !odd.body
            .contains(|character: char| character.is_control() && character != '\n')
    );
    let none = browser.get("/sheets?q=%3Cb%3Enothing").await;
    none.shows(200, &["No sheet that you can see", "&#60;b&#62;nothing"]);
    browser
        .get("/sheets?q=board&page=2")
        .await
        .is_error(404, &["/sheets?q=board&#38;page=1"]);
}

/// A list of `count` sheets, by page, or with a key for what follows.
async fn listing(count: usize, keyed: bool) -> (crate::support::TestApp, Provider) {
    let provider = Provider::start(move |seen, _| {
        let of_list = seen.line == "GET /2.0/sheets";
        let query = seen.head.lines().next().unwrap();
        let number = |name: &str| -> Option<usize> {
            let (_, rest) = query.split_once(&format!("{name}="))?;
            rest.split(['&', ' ']).next().unwrap().parse().ok()
        };
        let sheet =
            |n: usize| json!({"id": n + 1, "name": format!("Sheet {n}."), "accessLevel": "OWNER"});
        of_list.then(|| {
            let all = query.contains("includeall=true");
            let size = if all {
                count
            } else {
                number("pagesize").unwrap()
            };
            let before = match number("lastkey") {
                Some(key) => key,
                None => (number("page").unwrap_or(1) - 1) * size,
            };
            let end = (before + size).min(count);
            let data: Vec<Value> = (before.min(end)..end).map(sheet).collect();
            let list = match keyed {
                true if end < count => json!({"data": data, "lastKey": end.to_string()}),
                true => json!({"data": data}),
                false => {
                    json!({"data": data, "totalPages": count.div_ceil(size), "totalCount": count})
                }
            };
            Reply::json(200, &list.to_string())
        })
    })
    .await;
    (provider.setup().start().await, provider)
}

#[tokio::test]
async fn fifty_on_a_page() {
    let (app, _provider) = listing(120, false).await;
    let browser = crate::support::Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let first = browser.get("/sheets").await;
    first.shows(
        200,
        &["Sheet 0.", "Sheet 49.", "Page 1 of 3", "/sheets?page=2"],
    );
    assert!(!first.body.contains("Sheet 50.") && !first.body.contains("Previous"));
    let last = browser.get("/sheets?page=3").await;
    last.shows(
        200,
        &["Sheet 100.", "Sheet 119.", "Page 3 of 3", "Previous"],
    );
    assert!(!last.body.contains(">Next<"));
    let beyond = browser.get("/sheets?page=4").await;
    beyond.is_error(404, &["/sheets?page=3"]);
    let found = browser.get("/sheets?q=sheet+11&page=1").await;
    found.shows(200, &["Sheet 11.", "Sheet 119.", "11 sheets"]);
    for page in ["0", "-1", "x", "99999999999999999999999999"] {
        let page = browser.get(&format!("/sheets?page={page}")).await;
        page.is_error(404, &["Page not found"]);
    }
}

#[tokio::test]
async fn a_list_without_page_numbers() {
    let (app, _provider) = listing(70, true).await;
    let browser = crate::support::Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let first = browser.get("/sheets").await;
    first.shows(200, &["Sheet 49.", "/sheets?after=50"]);
    let second = browser.get("/sheets?after=50").await;
    second.shows(200, &["Sheet 50.", "Sheet 69."]);
    assert!(!second.body.contains(">Next<"));
}

#[tokio::test]
async fn nothing_to_see() {
    let (app, _provider) = listing(0, false).await;
    let browser = crate::support::Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser
        .get("/sheets")
        .await
        .shows(200, &["You have no sheets"]);
}

#[tokio::test]
async fn a_sheet_as_a_table() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let page = browser.get(BOARD).await;
    page.shows(
        200,
        &[
            "Team board",
            "<th scope=\"col\"><bdi>Task</bdi>",
            "<th scope=\"row\"><span class=\"rownum\">4</span> <span class=\"level-2\"><span class=\"unseen\">Level 3: </span>",
            // In the manner of the person's locale.
            "<time datetime=\"2026-02-06\" lang=\"en-US\"><bdi>Feb 6, 2026</bdi></time>",
            "<span class=\"unseen\">Yes</span>",
            "<bdi class=\"number\">16.5</bdi>",
            // Somebody else, and whose page this is.
            "<td class=\"changed\"><bdi>sam@example.com</bdi>",
            "<strong class=\"me\"><bdi>Grace Hopper</bdi></strong> <span class=\"badge ok\">you</span>",
            "locked",
        ],
    );
    assert_eq!(page.body.matches("<tr id=\"row-").count(), 8);
}

#[tokio::test]
async fn values_of_every_kind() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let page = browser.get(KINDS).await;
    page.shows(
        200,
        &[
            "$1,234.50",
            "<span class=\"small note-of-column\">computed</span>",
            "<span class=\"small note-of-column\">written by Smartsheet</span>",
            "<a href=\"https://developers.smartsheet.com/\" rel=\"noopener noreferrer\"><bdi>Smartsheet&#39;s API</bdi></a>",
            "<bdi title=\"grace.hopper@example.com\">Grace Hopper</bdi>",
            "<bdi>Red</bdi>, <bdi>Blue</bdi>",
            "<bdi>next week</bdi>",
            "<bdi>perhaps</bdi>",
        ],
    );
    // What Smartsheet hides is not shown.
    assert!(!page.body.contains("Internal") && !page.body.contains("not shown"));
}

#[tokio::test]
async fn a_hundred_rows_on_a_page_and_no_more_are_asked_for() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    browser.get("/me").await;
    world.sandbox.forget().await;
    let page = browser.get(&format!("{MANY_ROWS}?page=50")).await;
    page.shows(
        200,
        &["Entry 4901", "Entry 5000", "Page 50 of 50", "5000 rows"],
    );
    assert_eq!(page.body.matches("<tr id=\"row-").count(), 100);
    assert_eq!(world.sandbox.requests().await.len(), 1);
    let beyond = browser.get(&format!("{MANY_ROWS}?page=51")).await;
    beyond.is_error(404, &[&format!("{MANY_ROWS}?page=50")]);
    browser.get(MANY_COLUMNS).await.shows(200, &["Column 200"]);
}

#[tokio::test]
async fn ids_that_are_none() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    for id in [
        "abc",
        "-1",
        "0",
        "1.5",
        "01",
        "9223372036854775808",
        "99999999999999999999999",
        "17",
        "%20",
    ] {
        let page = browser.get(&format!("/sheets/{id}")).await;
        page.is_error(404, &["There is no such sheet"]);
        let page = browser.json(&format!("/sheets/{id}/rows/5")).await;
        page.is_problem(404, "no-such-sheet");
        let page = browser.get(&format!("{BOARD}/rows/{id}")).await;
        page.is_error(404, &["There is no such row"]);
    }
    // A row of another sheet.
    let row = "/rows/5508263417997280";
    browser
        .get(&format!("{KINDS}{row}"))
        .await
        .shows(200, &["Everything filled in"]);
    browser
        .get(&format!("{BOARD}{row}"))
        .await
        .is_error(404, &["There is no such row"]);
}

#[tokio::test]
async fn odd_sheets() {
    let long = "x".repeat(200);
    let columns = json!([
        {"id": 1, "title": "<script>alert(1)</script>", "type": "TEXT_NUMBER"},
        {"id": 2, "title": "", "type": "TEXT_NUMBER", "primary": true},
        {"id": 3, "title": long, "type": "DATE"},
        {"id": 4, "title": "شركة", "type": "CHECKBOX"},
        {"id": 5, "title": "شركة", "type": "HOLOGRAM"},
        {"id": SHEET, "title": "Last", "type": "TEXT_NUMBER"},
    ]);
    let cells = json!([
        {"columnId": 1},
        {"columnId": 2, "value": "\u{202e}first", "displayValue": "\u{202e}first"},
        {"columnId": 3, "value": true},
        {"columnId": 4, "value": {"odd": [1]}},
        {"columnId": 5, "value": "beam"},
        {"columnId": 777, "value": "of no column"},
        {"columnId": SHEET, "value": 123_456_789_012_345_678_u64},
    ]);
    let scripted = Scripted::new(&columns, &cells);
    let provider = scripted.start(|_, _| None).await;
    let app = provider.setup().start().await;
    let browser = crate::support::Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let page = browser.get(&format!("/sheets/{SHEET}")).await;
    page.shows(
        200,
        &[
            "&#60;script&#62;alert(1)",
            "Column without a title",
            &long,
            "of the type HOLOGRAM, which this app does not know",
            "A value of a kind that this app does not know",
            "123456789012345678",
        ],
    );
    assert!(!page.body.contains("of no column") && !page.body.contains("<script>alert"));
    // The primary column is read first.
    let place = |text: &str| page.body.find(text).unwrap();
    assert!(place("Column without a title") < place("&#60;script&#62;"));
    let row = browser.get(&format!("/sheets/{SHEET}/rows/{ROW}")).await;
    row.shows(
        200,
        &[
            "beam",
            "name=\"column-9223372036854775807\" value=\"123456789012345678\"",
        ],
    );

    // It shrinks between two requests.
    scripted.change(|sheet| sheet["totalRowCount"] = json!(250));
    let page = browser.get(&format!("/sheets/{SHEET}?page=3")).await;
    page.shows(200, &["Page 3 of 3"]);
    scripted.change(|sheet| {
        sheet["totalRowCount"] = json!(150);
        sheet["rows"] = json!([]);
    });
    let page = browser.get(&format!("/sheets/{SHEET}?page=3")).await;
    page.is_error(404, &[&format!("/sheets/{SHEET}?page=2")]);
    scripted.change(|sheet| sheet["totalRowCount"] = json!(0));
    let page = browser.get(&format!("/sheets/{SHEET}")).await;
    page.shows(200, &["This sheet has no rows yet"]);
}

#[tokio::test]
async fn five_hundred_columns() {
    let columns: Vec<Value> = (1..=500)
        .map(|n| json!({"id": n, "title": format!("C{n}"), "type": "TEXT_NUMBER"}))
        .collect();
    let cells: Vec<Value> = (1..=500)
        .map(|n| json!({"columnId": n, "value": n, "displayValue": n.to_string()}))
        .collect();
    let scripted = Scripted::new(&json!(columns), &json!(cells));
    scripted.change(|sheet| {
        let row = sheet["rows"][0].clone();
        let rows = (0..100_u64).map(|n| {
            let mut row = row.clone();
            row["id"] = json!(ROW + n);
            row
        });
        sheet["rows"] = rows.collect();
        sheet["totalRowCount"] = json!(100);
    });
    let provider = scripted.start(|_, _| None).await;
    let app = provider.setup().start().await;
    let browser = crate::support::Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let page = browser.get(&format!("/sheets/{SHEET}")).await;
    page.shows(200, &["C500"]);
    assert_eq!(page.body.matches("<tr id=\"row-").count(), 100);
}

#[tokio::test]
async fn smartsheet_s_failures_as_at_me() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    for (fault, status, kind) in [
        ("server_error", 502, "smartsheet-failed"),
        ("malformed", 502, "smartsheet-failed"),
        ("maintenance", 503, "smartsheet-unavailable"),
        ("rate_limit", 503, "rate-limited"),
    ] {
        for path in ["/sheets", BOARD] {
            let api = format!("/2.0{path}");
            world.sandbox.fault(&api, fault, 100, json!({})).await;
            let page = browser.get(path).await;
            page.is_error(status, &["Try again", "You are still signed in"]);
            assert!(page.body.contains(&format!("{path}\"")), "{page:?}");
            browser.json(path).await.is_problem(status, kind);
            let url = format!("{}/control/faults", world.sandbox.base);
            let http = test_support::http_client();
            http.delete(url).send().await.unwrap();
        }
    }
    browser.get("/sheets").await.shows(200, &["Team board"]);
}
