//! Reading sheets: parts of them, columns of every type, large ones.

use serde_json::{Value, json};

use crate::support::World;
use crate::support::desk::{Desk, names};

const BOARD: &str = "Team board";

#[tokio::test]
async fn people_are_named_on_request_alone() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", BOARD).await;
    let row = format!("/rows/{}", desk.row("Draw the pages"));
    for include in [
        "",
        "?include=",
        "?include=attachments,discussions",
        "?include=WRITERINFO",
    ] {
        for answer in [
            desk.read(include).await,
            desk.read(&format!("{row}{include}")).await,
        ] {
            assert!(
                !answer.body.contains("modifiedBy") && !answer.body.contains("createdBy"),
                "{answer:?}"
            );
        }
    }
    for include in [
        "writerInfo",
        "rowWriterInfo",
        "format,writerInfo",
        "filters,%20rowWriterInfo",
    ] {
        let sheet = desk.read(&format!("?include={include}")).await.json();
        let first = &sheet["rows"][1];
        assert_eq!(
            first["createdBy"],
            json!({"email": "sam@example.com", "name": "sam@example.com"})
        );
        assert_eq!(first["modifiedBy"]["name"], "Grace Hopper");
        let single = desk.read(&format!("{row}?include={include}")).await.json();
        assert_eq!(single["modifiedBy"], first["modifiedBy"]);
    }
    let added = json!({"toBottom": true});
    let answer = desk.write("POST", &added).await;
    assert!(!answer.body.contains("createdBy"), "{answer:?}");
    let path = desk.path("/rows?include=writerInfo");
    let answer = world.post_json(&path, &desk.token, added.to_string()).await;
    assert_eq!(answer.json()["result"]["createdBy"]["name"], "Grace Hopper");
}

#[tokio::test]
async fn parts_of_a_sheet() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", BOARD).await;
    let all = desk.sheet["rows"].as_array().unwrap();
    let (one, two) = (&all[1]["id"], &all[5]["id"]);
    let sheet = desk.read(&format!("?rowIds={two},{one},1")).await.json();
    assert_eq!(sheet["rows"], json!([all[1], all[5]]));
    assert_eq!(sheet["totalRowCount"], 8);
    let sheet = desk.read("?rowNumbers=2,%206").await.json();
    assert_eq!(sheet["rows"], json!([all[1], all[5]]));
    let sheet = desk.read("?pageSize=1&page=2&rowNumbers=2,6").await.json();
    assert_eq!(sheet["rows"], json!([all[5]]));

    let (task, hours) = (&desk.column("Task")["id"], &desk.column("Hours")["id"]);
    let sheet = desk
        .read(&format!("?columnIds={task},{hours}"))
        .await
        .json();
    assert_eq!(
        sheet["columns"],
        json!([desk.column("Task"), desk.column("Hours")])
    );
    for row in sheet["rows"].as_array().unwrap() {
        let ids: Vec<&Value> = row["cells"]
            .as_array()
            .unwrap()
            .iter()
            .map(|cell| &cell["columnId"])
            .collect();
        assert_eq!(ids, [task, hours]);
    }

    for (since, count) in [
        ("2026-01-05T09:00:00Z", 8),
        ("2026-01-05T09:00:01Z", 2),
        ("2026-01-09T10:00:00%2B01:00", 1),
        ("2026-02-01T00:00:00Z", 0),
    ] {
        let sheet = desk
            .read(&format!("?rowsModifiedSince={since}"))
            .await
            .json();
        assert_eq!(sheet["rows"].as_array().unwrap().len(), count, "{since}");
    }
    for bad in [
        "rowIds=x",
        "rowIds=1,,2",
        "columnIds=1.5",
        "rowNumbers=-1",
        "rowsModifiedSince=yesterday",
        "ifVersionAfter=-1",
    ] {
        desk.read(&format!("?{bad}")).await.refused(400, 1018);
    }
}

#[tokio::test]
async fn an_unchanged_sheet_is_told_in_a_word() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", BOARD).await;
    let version = desk.sheet["version"].as_u64().unwrap();
    let unchanged = desk.read(&format!("?ifVersionAfter={version}")).await;
    assert_eq!(unchanged.json(), json!({ "version": version }));
    let older = desk
        .read(&format!("?ifVersionAfter={}", version - 1))
        .await
        .json();
    assert_eq!(older, desk.sheet);
    desk.write("POST", &json!({"toBottom": true})).await;
    let changed = desk
        .read(&format!("?ifVersionAfter={version}"))
        .await
        .json();
    assert_eq!(changed["version"], version + 1);
    assert_eq!(changed["rows"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn one_row() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", BOARD).await;
    let texts = &desk.sheet["rows"][2];
    let row = desk.read(&format!("/rows/{}", texts["id"])).await.json();
    for field in [
        "id",
        "rowNumber",
        "parentId",
        "siblingId",
        "expanded",
        "cells",
        "createdAt",
        "modifiedAt",
    ] {
        assert_eq!(row[field], texts[field], "{field}");
    }
    assert_eq!(
        (&row["sheetId"], &row["version"]),
        (&desk.sheet["id"], &desk.sheet["version"])
    );
    assert_eq!(row["parentId"], desk.row("Website"));
    assert_eq!(row["siblingId"], desk.row("Draw the pages"));
    assert_eq!(row.get("columns"), None);
    let row = desk
        .read(&format!("/rows/{}?include=columns", texts["id"]))
        .await
        .json();
    assert_eq!(row["columns"], desk.sheet["columns"]);
    let plan = Desk::with(&world, desk.token.clone(), "Project plan").await;
    for row in [
        "1",
        "-1",
        "x",
        "99999999999999999999",
        &plan.row("Register the app").to_string(),
    ] {
        desk.read(&format!("/rows/{row}")).await.refused(404, 1006);
    }
}

#[tokio::test]
async fn columns_of_every_type() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", "Columns of every type").await;
    let columns = desk.sheet["columns"].as_array().unwrap();
    for kind in [
        "TEXT_NUMBER",
        "DATE",
        "DATETIME",
        "ABSTRACT_DATETIME",
        "CONTACT_LIST",
        "MULTI_CONTACT_LIST",
        "CHECKBOX",
        "PICKLIST",
        "MULTI_PICKLIST",
        "DURATION",
        "PREDECESSOR",
    ] {
        assert!(
            columns.iter().any(|column| column["type"] == kind),
            "{kind}"
        );
    }
    for kind in [
        "AUTO_NUMBER",
        "CREATED_BY",
        "CREATED_DATE",
        "MODIFIED_BY",
        "MODIFIED_DATE",
    ] {
        assert!(
            columns
                .iter()
                .any(|column| column["systemColumnType"] == kind),
            "{kind}"
        );
    }
    assert_eq!(desk.column("Internal")["hidden"], true);
    assert_eq!(desk.column("Budget code")["locked"], true);
    assert_eq!(desk.column("Total")["formula"], "=Price@row * Count@row");

    let cell = |row: &Value, title: &str| {
        let cells = row["cells"].as_array().unwrap().iter();
        let column = &desk.column(title)["id"];
        cells
            .clone()
            .find(|cell| cell["columnId"] == *column)
            .unwrap()
            .clone()
    };
    let full = &desk.sheet["rows"][0];
    assert_eq!(cell(full, "Price")["displayValue"], "$1,234.50");
    assert_eq!(cell(full, "Total")["value"], 4_938.0);
    assert_eq!(
        cell(full, "Link")["hyperlink"]["url"],
        "https://developers.smartsheet.com/"
    );
    assert_eq!(
        cell(full, "Contacts")["displayValue"],
        "Manny Addresses, Grace Hopper"
    );
    assert_eq!(cell(full, "Modified by")["displayValue"], "Grace Hopper");
    assert_eq!(cell(full, "Number")["value"], 1);
    let empty = &desk.sheet["rows"][1];
    assert_eq!(
        cell(empty, "Contact"),
        json!({"columnId": desk.column("Contact")["id"]})
    );

    // What Smartsheet writes itself follows the row, and nobody else writes it.
    let answer = desk
        .write("PUT", &desk.change("Nothing but a name", "Price", 2))
        .await
        .json();
    assert_eq!(cell(&answer["result"], "Total").get("value"), None);
    let answer = desk
        .write("PUT", &desk.change("Nothing but a name", "Count", 3))
        .await
        .json();
    assert_eq!(cell(&answer["result"], "Total")["value"], 6.0);
    assert_eq!(
        cell(&answer["result"], "Modified by")["value"],
        "grace.hopper@example.com"
    );
    assert_eq!(
        cell(&answer["result"], "Modified")["value"],
        "2026-01-01T00:00:00Z"
    );
    for title in ["Total", "Number", "Created by", "Modified"] {
        let change = desk.change("Nothing but a name", title, "x");
        desk.write("PUT", &change).await.refused(400, 1032);
    }
    let added = json!({"toTop": true, "cells": [desk.cell("Name", "New"), desk.cell("Colours", "Blue, Green")]});
    let answer = desk.write("POST", &added).await.json();
    assert_eq!(cell(&answer["result"], "Number")["value"], 5);
    assert_eq!(
        cell(&answer["result"], "Created by")["displayValue"],
        "Grace Hopper"
    );
}

#[tokio::test]
async fn large_sheets() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", "5,000 rows").await;
    assert_eq!(
        (
            &desk.sheet["totalRowCount"],
            desk.sheet["columns"].as_array().unwrap().len()
        ),
        (&json!(5_000), 12)
    );
    assert_eq!(names(&desk.sheet).len(), 5_000);
    let last = desk
        .read("?page=50&pageSize=100&include=writerInfo")
        .await
        .json();
    assert_eq!(last["rows"][99]["rowNumber"], 5_000);
    assert_eq!(last["rows"][99]["createdBy"]["email"], "manny@example.com");
    let answer = desk
        .write(
            "POST",
            &json!({"toBottom": true, "cells": [desk.cell("Entry", "One more")]}),
        )
        .await;
    assert_eq!(answer.json()["result"]["rowNumber"], 5_001);
    let wide = Desk::of(&world, "full", "200 columns").await;
    assert_eq!(wide.sheet["columns"].as_array().unwrap().len(), 200);
    assert_eq!(
        wide.sheet["rows"][0]["cells"].as_array().unwrap().len(),
        200
    );
}
