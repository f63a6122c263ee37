//! The API behind the token: who somebody is, their sheets and rows, its errors, and which calls are tried again.
//!
//! A call is a value ([`ApiCall`]), and [`Api::perform`] makes it. [`Api::pass`] makes one that somebody else thought of.

mod call;
mod cell;
mod client;
mod error;
mod history;
mod pass;
mod profile;
mod raw;
mod retry;
mod rows;
mod sheet;
mod sheets;

pub use call::{ApiCall, CallError};
pub use cell::{Cell, CellImage, Hyperlink, Value};
pub use client::Api;
pub use error::ApiError;
#[cfg(fuzzing)]
pub(crate) use error::Refused;
pub use history::{CellHistory, Past};
pub use pass::{PassError, Passed, PassedCall};
pub use profile::{CurrentUser, Profile, ProfileError};
pub use retry::Retry;
pub use rows::{NewCell, SaveRow, Saved};
pub use sheet::{Column, ColumnType, GetSheet, Row, Sheet, Writer};
pub use sheets::{AccessLevel, ListSheets, SheetList, SheetOutline};
