//! A provider with one sheet, as odd as a test wants it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Provider, Reply, Seen};

/// The largest id that Smartsheet can give.
pub(crate) const SHEET: u64 = 9_223_372_036_854_775_807;
pub(crate) const ROW: u64 = 9_007_199_254_740_993;

/// What the API says at the moment.
#[derive(Clone)]
pub(crate) struct Scripted(Arc<Mutex<Value>>);

impl Scripted {
    /// A sheet of version 7 with these columns and the row [`ROW`] with these cells.
    pub(crate) fn new(columns: &Value, cells: &Value) -> Self {
        Self(Arc::new(Mutex::new(json!({
            "id": SHEET, "name": "Odd", "version": 7, "totalRowCount": 1, "accessLevel": "OWNER",
            "permalink": "https://app.example/sheets/odd",
            "columns": columns,
            "rows": [{
                "id": ROW, "rowNumber": 1, "createdAt": "2026-03-02T08:15:30Z", "modifiedAt": "2026-03-02T08:15:30Z",
                "modifiedBy": {"name": "Bo", "email": "bo@example.com"}, "cells": cells,
            }],
        }))))
    }

    /// Changes the sheet.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.0.lock().unwrap());
    }

    /// A provider that answers with it, and with `write` to what would change it.
    pub(crate) async fn start(
        &self,
        write: impl Fn(&Seen, usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> Provider {
        let sheet = Arc::clone(&self.0);
        Provider::start(move |seen, before| {
            let of_sheet = seen.line == format!("GET /2.0/sheets/{SHEET}");
            if of_sheet {
                return Some(Reply::json(200, &sheet.lock().unwrap().to_string()));
            }
            if seen.line.ends_with("/history") {
                return Some(Reply::json(200, r#"{"data":[]}"#));
            }
            if seen.line == format!("POST /2.0/sheets/{SHEET}/rows")
                || seen.line == format!("PUT /2.0/sheets/{SHEET}/rows")
            {
                return write(seen, before).or_else(|| Some(saved()));
            }
            None
        })
        .await
    }
}

/// The answer to a write that succeeds.
pub(crate) fn saved() -> Reply {
    let answer = json!({"message": "SUCCESS", "resultCode": 0, "version": 8, "result": {"id": ROW, "rowNumber": 1}});
    Reply::json(200, &answer.to_string())
}
