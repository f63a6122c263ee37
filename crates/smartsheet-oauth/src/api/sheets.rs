//! The sheets that somebody can see.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::ApiCall;
use super::cell::{self, Value};
use super::raw;
use crate::transport::Purpose;

/// How long the answer with all sheets may be, in bytes: some twenty thousand of them.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// `GET /sheets`: a page of what somebody can see (Smartsheet's documentation, "List sheets"). Needs `READ_SHEETS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListSheets {
    /// The page of this number, from 1, with so many sheets on it.
    Page {
        /// From 1.
        number: u64,
        /// Sheets on a page.
        size: u64,
    },
    /// What follows this key, as lists tell it that have no page numbers.
    After {
        /// `lastKey` of the page before.
        key: String,
        /// Sheets on a page.
        size: u64,
    },
    /// All of them.
    All,
}

/// A page of sheets.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SheetList {
    /// The sheets.
    #[serde(rename = "data")]
    pub sheets: Vec<SheetOutline>,
    /// How many pages there are, in lists that know it.
    #[serde(default)]
    pub total_pages: Option<u64>,
    /// How many sheets there are, in lists that know it.
    #[serde(default)]
    pub total_count: Option<u64>,
    /// What the next page begins after, in lists without page numbers.
    #[serde(default, deserialize_with = "cell::text")]
    pub last_key: Option<String>,
    #[serde(skip)]
    raw: String,
}

/// What a list tells of a sheet.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SheetOutline {
    /// Its id.
    pub id: u64,
    /// Its name.
    #[serde(default, deserialize_with = "cell::text")]
    pub name: Option<String>,
    /// What the person may do with it.
    #[serde(default)]
    pub access_level: AccessLevel,
    /// Where it is in Smartsheet.
    #[serde(default, deserialize_with = "cell::text")]
    pub permalink: Option<String>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "moment")]
    pub modified_at: Option<Timestamp>,
}

/// What somebody may do with a sheet (Smartsheet's documentation, "Access levels").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AccessLevel {
    /// See it.
    Viewer,
    /// See it and comment on it.
    Commenter,
    /// Change rows.
    Editor,
    /// Change rows and share it.
    EditorShare,
    /// Change everything but whose it is.
    Admin,
    /// Everything.
    Owner,
    /// It does not say so, or in a word that is not documented.
    #[default]
    Unknown,
}

impl AccessLevel {
    /// Whether it is enough for writing rows. Of a level that is not known Smartsheet has to say.
    #[must_use]
    pub fn may_write(self) -> bool {
        !matches!(self, Self::Viewer | Self::Commenter)
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Commenter => "Commenter",
            Self::Editor => "Editor",
            Self::EditorShare => "Editor, may share",
            Self::Admin => "Admin",
            Self::Owner => "Owner",
            Self::Unknown => "Not known",
        }
    }
}

impl<'de> Deserialize<'de> for AccessLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)?.typed() {
            "VIEWER" => Self::Viewer,
            "COMMENTER" => Self::Commenter,
            "EDITOR" => Self::Editor,
            "EDITOR_SHARE" => Self::EditorShare,
            "ADMIN" => Self::Admin,
            "OWNER" => Self::Owner,
            _ => Self::Unknown,
        })
    }
}

/// A time; nothing for what is none.
pub(super) fn moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = cell::text(deserializer)?;
    Ok(text.and_then(|text| Timestamp::from_str(&text).ok()))
}

impl SheetList {
    /// What Smartsheet sent, to the letter.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }
}

impl ApiCall for ListSheets {
    type Answer = SheetList;
    type Unreadable = serde_json::Error;

    fn purpose(&self) -> Purpose {
        Purpose::Sheets
    }

    fn path(&self) -> String {
        "sheets".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Page { number, size } => {
                vec![("page", number.to_string()), ("pageSize", size.to_string())]
            }
            Self::After { key, size } => {
                vec![("lastKey", key.clone()), ("pageSize", size.to_string())]
            }
            Self::All => vec![("includeAll", "true".to_owned())],
        }
    }

    fn max_answer_bytes(&self) -> Option<usize> {
        matches!(self, Self::All).then_some(MAX_BYTES)
    }

    fn read(&self, body: Vec<u8>) -> Result<SheetList, serde_json::Error> {
        let list: SheetList = raw::read(&body)?;
        Ok(SheetList {
            raw: raw::kept(body),
            ..list
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> SheetList {
        let call = ListSheets::All;
        call.read(body.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn lists_of_both_forms() {
        let numbered = read(
            r#"{"pageNumber":1,"pageSize":50,"totalPages":3,"totalCount":120,"data":[{"id":9223372036854775807,"name":"A","accessLevel":"EDITOR_SHARE","permalink":"https://x.example/","modifiedAt":"2026-03-02T08:15:30Z"}]}"#,
        );
        assert_eq!(numbered.total_pages, Some(3));
        let sheet = &numbered.sheets[0];
        assert_eq!(sheet.id, 9_223_372_036_854_775_807);
        assert_eq!(sheet.access_level, AccessLevel::EditorShare);
        assert!(sheet.modified_at.is_some());

        let keyed = read(
            r#"{"data":[{"id":1,"name":null,"accessLevel":"GUEST","modifiedAt":7}],"lastKey":"k"}"#,
        );
        assert_eq!(
            (keyed.total_pages, keyed.last_key.as_deref()),
            (None, Some("k"))
        );
        assert_eq!(keyed.sheets[0].access_level, AccessLevel::Unknown);
        assert!(keyed.sheets[0].name.is_none() && keyed.sheets[0].modified_at.is_none());
    }
}
