//! The steps of the flow.

use serde::{Deserialize, Serialize};

/// Which step of the flow a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The browser asks this app to sign in, and is sent to Smartsheet.
    SignIn,
    /// The browser at Smartsheet, where the person answers. Not seen by this app: told from the answer that it brings.
    Consent,
    /// Smartsheet sends the browser back, with a code or an error.
    Callback,
    /// This app exchanges the code for tokens.
    CodeExchange,
    /// This app exchanges its tokens for new ones.
    Refresh,
    /// This app gives tokens back.
    Revocation,
    /// This app asks who it is.
    CurrentUser,
    /// The browser asks for the profile.
    Profile,
    /// The person asks for new tokens.
    RefreshNow,
    /// The browser asks for sheets, one of them, or one of its rows.
    OpenSheets,
    /// The person sends a row.
    SubmitRow,
    /// This app asks which sheets there are.
    ListSheets,
    /// This app asks what is in a sheet.
    ReadSheet,
    /// This app asks what was in a cell.
    CellHistory,
    /// This app adds or changes a row.
    SaveRow,
    /// The person signs out.
    SignOut,
    /// This app passes on a call of a page, or of a site's back end.
    PassOn,
}
