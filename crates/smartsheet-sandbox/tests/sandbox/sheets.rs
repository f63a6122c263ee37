//! The sheets: reading them, adding rows, and every way in which that is refused.

use serde_json::{Value, json};

use crate::support::{Answer, World};

const BOTH: &str = "READ_SHEETS WRITE_SHEETS";

/// Somebody signed in, with a look at their first sheet.
struct Desk {
    world: World,
    token: String,
    sheet: Value,
}

impl Desk {
    async fn new() -> Self {
        let world = World::new().await;
        let token = world.sign_in("full", BOTH).await.access;
        let list = world.with_token("GET", "/2.0/sheets", &token).await.json();
        let id = &list["data"][0]["id"];
        let sheet = world
            .with_token("GET", &format!("/2.0/sheets/{id}"), &token)
            .await;
        let sheet = sheet.json();
        Self {
            world,
            token,
            sheet,
        }
    }

    fn column(&self, title: &str) -> i64 {
        let columns = self.sheet["columns"].as_array().unwrap();
        let column = columns.iter().find(|column| column["title"] == title);
        column.unwrap()["id"].as_i64().unwrap()
    }

    fn cell(&self, title: &str, value: impl Into<Value>) -> Value {
        json!({"columnId": self.column(title), "value": value.into()})
    }

    async fn read(&self) -> Value {
        let path = format!("/2.0/sheets/{}", self.sheet["id"]);
        self.world
            .with_token("GET", &path, &self.token)
            .await
            .json()
    }

    async fn add(&self, rows: &Value) -> Answer {
        let path = format!("/2.0/sheets/{}/rows", self.sheet["id"]);
        self.world
            .post_json(&path, &self.token, rows.to_string())
            .await
    }
}

#[tokio::test]
async fn the_list_has_the_index_form_and_pages() {
    let world = World::new().await;
    let token = world.sign_in("full", "READ_SHEETS").await.access;
    let get = async |query: &str| {
        let path = format!("/2.0/sheets{query}");
        world.with_token("GET", &path, &token).await
    };
    let all = get("").await.json();
    assert_eq!(all["pageNumber"], 1);
    assert_eq!(all["pageSize"], 100);
    assert_eq!(all["totalPages"], 1);
    assert_eq!(all["totalCount"], 6);
    assert_eq!(all["data"][0]["name"], "Project plan");
    assert_eq!(all["data"][1]["accessLevel"], "OWNER");
    assert_eq!(all["data"][0].get("version"), None);
    let with_version = get("?include=source,sheetVersion").await.json();
    assert_eq!(with_version["data"][0]["version"], 1);
    let second = get("?page=2&pageSize=1").await.json();
    assert_eq!(second["totalPages"], 6);
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    assert_eq!(second["data"][0], all["data"][1]);
    let beyond = get("?page=18446744073709551615&pageSize=18446744073709551615").await;
    assert_eq!(beyond.json()["data"], json!([]));
    let everything = get("?includeAll=True&pageSize=1").await.json();
    assert_eq!(everything["data"].as_array().unwrap().len(), 6);
    for bad in [
        "?page=0",
        "?page=-1",
        "?page=one",
        "?pageSize=0",
        "?includeAll=maybe",
    ] {
        get(bad).await.refused(400, 1018);
    }
}

#[tokio::test]
async fn a_sheet_has_columns_rows_and_cells() {
    let desk = Desk::new().await;
    let sheet = &desk.sheet;
    assert_eq!(sheet["totalRowCount"], 3);
    assert_eq!(sheet["columns"][0]["primary"], true);
    assert_eq!(sheet["columns"][3]["type"], "PICKLIST");
    assert_eq!(sheet["columns"][3]["options"][2], "Complete");
    let row = &sheet["rows"][1];
    assert_eq!(row["rowNumber"], 2);
    assert_eq!(row["siblingId"], sheet["rows"][0]["id"]);
    assert_eq!((row.get("createdBy"), row.get("modifiedBy")), (None, None));
    assert_eq!(row["createdAt"], "2026-01-05T09:00:00Z");
    assert_eq!(row["cells"][0]["value"], "Sign somebody in");
    assert_eq!(row["cells"][4]["value"], false);
    let path = format!("/2.0/sheets/{}?page=2&pageSize=2", sheet["id"]);
    let page = desk
        .world
        .with_token("GET", &path, &desk.token)
        .await
        .json();
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);
    assert_eq!(page["totalRowCount"], 3);
}

#[tokio::test]
async fn rows_go_where_they_are_sent() {
    let desk = Desk::new().await;
    let first = desk
        .add(&json!({"toTop": true, "cells": [desk.cell("Task", "first")]}))
        .await;
    let answer = first.json();
    assert_eq!(answer["message"], "SUCCESS");
    assert_eq!(answer["resultCode"], 0);
    assert_eq!(answer["version"], 2);
    assert_eq!(answer["result"]["rowNumber"], 1);
    assert_eq!(answer["result"]["createdAt"], "2026-01-01T00:00:00Z");
    assert_eq!(answer["result"].get("modifiedBy"), None);
    let id = answer["result"]["id"].clone();

    let two = json!([
        {"toBottom": true, "cells": [desk.cell("Task", "last but one")]},
        {"toBottom": true, "cells": [desk.cell("Task", "last"), desk.cell("Done", true)]},
    ]);
    let answer = desk.add(&two).await.json();
    assert_eq!(answer["result"][1]["rowNumber"], 6);
    let below = json!({"siblingId": id, "cells": [desk.cell("Task", "second")]});
    assert_eq!(desk.add(&below).await.json()["result"]["rowNumber"], 2);
    let above = json!({"siblingId": id, "above": true, "cells": [desk.cell("Task", "zeroth")]});
    assert_eq!(desk.add(&above).await.json()["result"]["rowNumber"], 1);

    let sheet = desk.read().await;
    let tasks: Vec<_> = sheet["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["cells"][0]["value"].as_str().unwrap())
        .collect();
    assert_eq!(tasks[..3], ["zeroth", "first", "second"]);
    assert_eq!(tasks[6..], ["last but one", "last"]);
    assert_eq!(sheet["version"], 5);
    assert_eq!(sheet["totalRowCount"], 8);
}

#[tokio::test]
async fn values_are_kept_as_their_type() {
    let desk = Desk::new().await;
    let row = json!({"toTop": true, "expanded": true, "cells": [
        desk.cell("Task", 12.5),
        desk.cell("Assigned to", "sam@example.com"),
        desk.cell("Due", "2026-12-31"),
        desk.cell("Status", "In progress"),
        desk.cell("Done", true),
    ]});
    let cells = desk.add(&row).await.json()["result"]["cells"].clone();
    assert_eq!(cells[0]["value"], 12.5);
    assert_eq!(cells[0]["displayValue"], "12.5");
    assert_eq!(cells[1]["displayValue"], "sam@example.com");
    assert_eq!(cells[2]["value"], "2026-12-31");
    assert_eq!(cells[4]["value"], true);
    let mut loose = desk.cell("Due", "some day");
    loose["strict"] = json!(false);
    let row = json!({"toTop": true, "cells": [loose, desk.cell("Task", "")]});
    let cells = desk.add(&row).await.json()["result"]["cells"].clone();
    assert_eq!(cells[2]["value"], "some day");
    assert_eq!(cells[0].get("value"), None);
}

#[tokio::test]
async fn every_wrong_row_has_its_code() {
    let desk = Desk::new().await;
    let top = |cell: Value| json!({"toTop": true, "cells": [cell]});
    let task = desk.column("Task");
    let good = || json!({"toTop": true});
    for (rows, code, index) in [
        (json!({"cells": [desk.cell("Task", "x")]}), 1062, 0),
        (json!({"toTop": true, "toBottom": true}), 1062, 0),
        (json!({"toTop": false}), 1062, 0),
        (json!({"parentId": 1}), 1063, 0),
        (json!([good(), good(), {"toBottom": true}]), 1123, 2),
        (json!([good(), {"toTop": true, "id": 1}]), 1032, 1),
        (top(json!({"value": "x"})), 1012, 0),
        (top(json!({"columnId": task})), 1012, 0),
        (top(json!({"columnId": task, "value": null})), 1012, 0),
        (top(json!({"columnId": 1, "value": "x"})), 1036, 0),
        (
            json!({"toTop": true, "cells": [desk.cell("Task", "x"), desk.cell("Task", "y")]}),
            1037,
            0,
        ),
        (top(desk.cell("Task", json!({"a": 1}))), 1038, 0),
        (top(desk.cell("Task", "x".repeat(4_001))), 1041, 0),
        (top(desk.cell("Done", "yes")), 1042, 0),
        (top(desk.cell("Due", "31.12.2026")), 1042, 0),
        (top(desk.cell("Due", "2026-02-30")), 1042, 0),
        (top(desk.cell("Due", 20_261_231)), 1042, 0),
        (top(desk.cell("Status", "Perhaps")), 1042, 0),
        (top(desk.cell("Assigned to", "sam")), 1042, 0),
        (json!({"toTop": true, "colour": "red"}), 1008, 0),
        (json!({"toTop": "yes"}), 1008, 0),
        (json!([1]), 1008, 0),
    ] {
        let answer = desk.add(&rows).await;
        assert_eq!(
            answer.refused(400, code)["detail"]["index"],
            index,
            "{rows}"
        );
    }
    desk.add(&json!({"siblingId": 1})).await.refused(400, 1064);
    desk.add(&json!([])).await.refused(400, 1012);
    let many: Value = std::iter::repeat_n(good(), 501).collect();
    desk.add(&many).await.refused(400, 1061);
    let full: Value = std::iter::repeat_n(good(), 498).collect();
    desk.add(&full).await.refused(400, 5636);
    assert_eq!(desk.read().await, desk.sheet, "nothing was added");
}

#[tokio::test]
async fn bodies_that_are_no_rows() {
    let desk = Desk::new().await;
    let path = format!("/2.0/sheets/{}/rows", desk.sheet["id"]);
    let post = async |body: &str| {
        desk.world
            .post_json(&path, &desk.token, body.to_owned())
            .await
    };
    post("").await.refused(400, 1024);
    post("{").await.refused(400, 1008);
    post("\"\u{0}").await.refused(400, 1008);
    post(&"[".repeat(10_000)).await.refused(400, 1008);
    post(&"x".repeat(10 * 1024 * 1024)).await.refused(413, 1008);
    let request = axum::http::Request::post(&path)
        .header("authorization", format!("Bearer {}", desk.token))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = desk
        .world
        .send(request.body("toTop=true".into()).unwrap())
        .await;
    answer.refused(415, 1124);
}

#[tokio::test]
async fn scopes_and_owners_are_enforced() {
    let desk = Desk::new().await;
    let path = format!("/2.0/sheets/{}", desk.sheet["id"]);
    let rows = format!("{path}/rows");
    let body = json!({"toTop": true}).to_string();
    let none = desk.world.sign_in("full", "").await.access;
    let reader = desk.world.sign_in("full", "READ_SHEETS").await.access;
    let writer = desk.world.sign_in("full", "WRITE_SHEETS").await.access;
    let other = desk.world.sign_in("minimal", BOTH).await.access;
    let no_api = desk.world.sign_in("no-api", BOTH).await.access;
    let world = &desk.world;
    for path in ["/2.0/sheets", &path] {
        world
            .with_token("GET", path, &none)
            .await
            .refused(403, 1004);
        world
            .with_token("GET", path, &writer)
            .await
            .refused(403, 1004);
        world
            .with_token("GET", path, &no_api)
            .await
            .refused(403, 1004);
        assert_eq!(world.with_token("GET", path, &reader).await.status, 200);
        world.get(path).await.refused(401, 1001);
    }
    world
        .post_json(&rows, &reader, body.clone())
        .await
        .refused(403, 1004);
    assert_eq!(
        world.post_json(&rows, &writer, body.clone()).await.status,
        200
    );
    world
        .with_token("GET", &path, &other)
        .await
        .refused(404, 1006);
    world
        .post_json(&rows, &other, body.clone())
        .await
        .refused(404, 1006);
    for path in [
        "/2.0/sheets/1",
        "/2.0/sheets/-1",
        "/2.0/sheets/x",
        "/2.0/sheets/%FF",
        "/2.0/sheets/99999999999999999999",
    ] {
        world
            .with_token("GET", path, &reader)
            .await
            .refused(404, 1006);
    }
    world
        .with_token("PUT", &path, &reader)
        .await
        .refused(405, 1010);
    world
        .with_token("GET", &rows, &reader)
        .await
        .refused(405, 1010);
}

#[tokio::test]
async fn what_one_user_adds_no_other_sees() {
    let desk = Desk::new().await;
    desk.add(&json!({"toTop": true, "cells": [desk.cell("Task", "mine")]}))
        .await;
    let other = desk.world.sign_in("unicode", BOTH).await.access;
    let list = desk
        .world
        .with_token("GET", "/2.0/sheets", &other)
        .await
        .json();
    let path = format!("/2.0/sheets/{}", list["data"][0]["id"]);
    let sheet = desk.world.with_token("GET", &path, &other).await;
    assert!(!sheet.body.contains("mine"));
    assert_eq!(sheet.json()["totalRowCount"], 3);
}
