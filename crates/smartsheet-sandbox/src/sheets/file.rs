//! Changes of sheets on disk, in the file of the grants: who is still signed in after a restart finds what they wrote.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::kept::{Differences, KeptRow, KeptSheet};
use crate::grants_file::GrantsFile;

/// The tables. The order of a sheet is a list of ids in JSON, a row's content is JSON, too.
const SCHEMA: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS sandbox_sheets (
        id INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        modified_at INTEGER NOT NULL,
        row_order TEXT
    ) STRICT",
    "CREATE TABLE IF NOT EXISTS sandbox_rows (
        sheet INTEGER NOT NULL,
        id INTEGER NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (sheet, id)
    ) STRICT, WITHOUT ROWID",
];

impl GrantsFile {
    /// Makes the tables when they are missing, and reads what is in them.
    pub(super) fn read_sheets(&mut self) -> Result<Vec<KeptSheet>, rusqlite::Error> {
        let connection = self.connection();
        for statement in SCHEMA {
            connection.execute(statement, [])?;
        }
        let mut rows: HashMap<i64, HashMap<i64, KeptRow>> = HashMap::new();
        let mut statement = connection.prepare("SELECT sheet, id, content FROM sandbox_rows")?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let (sheet, id, content): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            match serde_json::from_str(&content) {
                Ok(content) => {
                    rows.entry(sheet).or_default().insert(id, content);
                }
                Err(error) => {
                    tracing::warn!(%error, sheet, row = id, "a row of the sandbox can't be read");
                }
            }
        }
        connection
            .prepare("SELECT id, version, modified_at, row_order FROM sandbox_sheets")?
            .query_map([], |sheet| read_sheet(sheet, &mut rows))?
            .collect()
    }

    /// Keeps the change, all of it or nothing; it survives a crash once this returns.
    pub(super) fn write_sheet(&mut self, changed: &Differences) -> Result<(), rusqlite::Error> {
        let transaction = self.connection().transaction()?;
        let order = changed.order.as_ref().map(json).transpose()?;
        let sql = "INSERT INTO sandbox_sheets (id, version, modified_at, row_order) VALUES (?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, modified_at = excluded.modified_at,
                row_order = coalesce(excluded.row_order, row_order)";
        transaction.prepare_cached(sql)?.execute(params![
            changed.id,
            changed.version.cast_signed(),
            changed.modified_at,
            order
        ])?;
        let sql = "INSERT OR REPLACE INTO sandbox_rows (sheet, id, content) VALUES (?, ?, ?)";
        for (id, row) in &changed.rows {
            let mut statement = transaction.prepare_cached(sql)?;
            statement.execute(params![changed.id, id, json(row)?])?;
        }
        transaction.commit()
    }
}

fn read_sheet(
    sheet: &Row<'_>,
    rows: &mut HashMap<i64, HashMap<i64, KeptRow>>,
) -> Result<KeptSheet, rusqlite::Error> {
    let id = sheet.get(0)?;
    let order: Option<String> = sheet.get(3)?;
    Ok(KeptSheet {
        id,
        version: sheet.get::<_, i64>(1)?.cast_unsigned(),
        modified_at: sheet.get(2)?,
        order: order.and_then(|order| serde_json::from_str(&order).ok()),
        rows: rows.remove(&id).unwrap_or_default(),
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, rusqlite::Error> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
