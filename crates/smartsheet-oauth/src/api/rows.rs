//! Writing rows.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::cell::Value;
use super::sheet::Row;
use super::{ApiCall, raw};
use crate::transport::Purpose;

/// `POST` or `PUT /sheets/{id}/rows` with one row (Smartsheet's documentation, "Add rows", "Update rows"): a new one at the
/// bottom, or other values in one that is there. Needs `WRITE_SHEETS` and an access level that may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveRow {
    /// The sheet.
    pub sheet: u64,
    /// The row that is changed; none for a new one.
    pub row: Option<u64>,
    /// Its new values. Cells that are not named stay as they are.
    pub cells: Vec<NewCell>,
    /// What the app calls itself, for webhooks that must not react to their own app's changes.
    pub agent: &'static str,
}

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCell {
    /// Into which column.
    pub column_id: u64,
    /// The value; an empty text empties the cell.
    pub value: Value,
}

/// The row in the body of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    to_bottom: bool,
    cells: &'a [NewCell],
}

/// What came of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Saved {
    /// The row as it is now.
    pub row: Row,
}

/// The answer, whose `result` has the form of the request: a row, or a list of rows.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: &'a RawValue,
}

impl ApiCall for SaveRow {
    type Answer = Saved;
    type Unreadable = String;

    fn purpose(&self) -> Purpose {
        match self.row {
            None => Purpose::AddRow,
            Some(_) => Purpose::ChangeRow,
        }
    }

    fn path(&self) -> String {
        format!("sheets/{}/rows", self.sheet)
    }

    fn change_agent(&self) -> Option<&str> {
        Some(self.agent)
    }

    fn change(&self) -> Option<(Method, String)> {
        let sent = Sent {
            id: self.row,
            to_bottom: self.row.is_none(),
            cells: &self.cells,
        };
        let method = match self.row {
            None => Method::POST,
            Some(_) => Method::PUT,
        };
        // It fails for maps whose keys are no text alone, and there is none.
        Some((method, serde_json::to_string(&sent).unwrap_or_default()))
    }

    fn read(&self, body: Vec<u8>) -> Result<Saved, String> {
        let body = raw::kept(body);
        let answer: Answer<'_> = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let result = answer.result.get();
        let row = if result.starts_with('[') {
            let rows: Vec<Row> = serde_json::from_str(result).map_err(|error| error.to_string())?;
            rows.into_iter().next().ok_or("no row")?
        } else {
            serde_json::from_str(result).map_err(|error| error.to_string())?
        };
        Ok(Saved { row })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent() {
        let cells = vec![
            NewCell {
                column_id: 9_223_372_036_854_775_807,
                value: Value::Number("1.50".to_owned()),
            },
            NewCell {
                column_id: 2,
                value: Value::Text("\"".to_owned()),
            },
        ];
        let mut save = SaveRow {
            sheet: 7,
            row: None,
            cells,
            agent: "test",
        };
        let (method, body) = save.change().unwrap();
        assert_eq!(method, Method::POST);
        assert_eq!(
            body,
            r#"{"toBottom":true,"cells":[{"columnId":9223372036854775807,"value":1.50},{"columnId":2,"value":"\""}]}"#
        );
        save.row = Some(9_007_199_254_740_993);
        let (method, body) = save.change().unwrap();
        assert_eq!(method, Method::PUT);
        assert!(
            body.starts_with(r#"{"id":9007199254740993,"cells":["#),
            "{body}"
        );
    }

    #[test]
    fn answers_of_both_forms() {
        let save = SaveRow {
            sheet: 7,
            row: None,
            cells: Vec::new(),
            agent: "test",
        };
        for result in [r#"{"id":5,"rowNumber":3}"#, r#"[{"id":5,"rowNumber":3}]"#] {
            let body = format!(r#"{{"message":"SUCCESS","resultCode":0,"result":{result}}}"#);
            let saved = save.read(body.into_bytes()).unwrap();
            assert_eq!((saved.row.id, saved.row.row_number), (5, Some(3)));
        }
        for body in [
            "",
            "{}",
            r#"{"result":[]}"#,
            r#"{"result":{}}"#,
            r#"{"result":"#,
        ] {
            assert!(save.read(body.as_bytes().to_vec()).is_err(), "{body}");
        }
    }
}
