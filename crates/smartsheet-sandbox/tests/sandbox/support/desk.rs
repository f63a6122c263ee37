//! Somebody who is signed in, and a sheet.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{Answer, World};

pub(crate) const BOTH: &str = "READ_SHEETS WRITE_SHEETS";

/// A person's view of a sheet.
#[derive(Clone)]
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a World,
    pub(crate) token: String,
    /// The sheet as it was when they sat down.
    pub(crate) sheet: Value,
}

impl<'a> Desk<'a> {
    /// Signs the user in and opens the sheet of this name.
    pub(crate) async fn of(world: &'a World, user: &str, name: &str) -> Self {
        let token = world.sign_in(user, BOTH).await.access;
        Self::with(world, token, name).await
    }

    pub(crate) async fn with(world: &'a World, token: String, name: &str) -> Self {
        let list = world.with_token("GET", "/2.0/sheets", &token).await.json();
        let sheets = list["data"].as_array().unwrap();
        let sheet = sheets.iter().find(|sheet| sheet["name"] == name).unwrap();
        let mut desk = Self {
            world,
            token,
            sheet: sheet.clone(),
        };
        desk.sheet = desk.read("").await.json();
        desk
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/2.0/sheets/{}{rest}", self.sheet["id"])
    }

    /// `GET` of the sheet, with this after its id.
    pub(crate) async fn read(&self, rest: &str) -> Answer {
        let path = self.path(rest);
        self.world.with_token("GET", &path, &self.token).await
    }

    pub(crate) async fn write(&self, method: &str, rows: &Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(self.path("/rows"))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token));
        let body = Body::from(rows.to_string());
        self.world.send(request.body(body).unwrap()).await
    }

    pub(crate) fn column(&self, title: &str) -> &Value {
        let mut columns = self.sheet["columns"].as_array().unwrap().iter();
        columns.find(|column| column["title"] == title).unwrap()
    }

    /// The id of the row whose first cell is this.
    pub(crate) fn row(&self, name: &str) -> i64 {
        let mut rows = self.sheet["rows"].as_array().unwrap().iter();
        let row = rows.find(|row| row["cells"][0]["value"] == name).unwrap();
        row["id"].as_i64().unwrap()
    }

    pub(crate) fn cell(&self, title: &str, value: impl Into<Value>) -> Value {
        json!({"columnId": self.column(title)["id"], "value": value.into()})
    }

    /// A row with another value in one cell.
    pub(crate) fn change(&self, row: &str, title: &str, value: impl Into<Value>) -> Value {
        json!({"id": self.row(row), "cells": [self.cell(title, value)]})
    }

    pub(crate) async fn history(&self, row: &str, title: &str) -> Value {
        let (row, column) = (self.row(row), &self.column(title)["id"]);
        let answer = self
            .read(&format!("/rows/{row}/columns/{column}/history"))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

/// The first cells of the rows, from top to bottom.
pub(crate) fn names(sheet: &Value) -> Vec<&str> {
    let rows = sheet["rows"].as_array().unwrap().iter();
    rows.map(|row| row["cells"][0]["value"].as_str().unwrap())
        .collect()
}
