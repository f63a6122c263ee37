//! What the browser's console says: nothing, on a good page. A violation of the security policy, a script's error and an
//! answer with a failure's status are all written there.

use fantoccini::Client;
use fantoccini::error::CmdError;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::command::Raw;

/// A page or file whose answer has a failure's status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failed {
    pub(super) path: String,
    pub(super) status: u16,
}

/// What was written to the console of any tab since it was last asked for.
pub(super) async fn entries(client: &Client) -> Result<Vec<Value>, CmdError> {
    let command = Raw {
        method: Method::POST,
        path: "se/log",
        body: Some(json!({"type": "browser"})),
    };
    let entries = client.issue_cmd(command).await?;
    Ok(entries.as_array().cloned().unwrap_or_default())
}

/// Says what `entries` have beyond the `expected` failures, and which of these they lack.
pub(super) fn surprises(entries: &[Value], mut expected: Vec<Failed>) -> Vec<String> {
    let mut surprises = Vec::new();
    for entry in entries {
        let message = entry["message"].as_str().unwrap_or_default();
        if is_report_of_cleared_data(message) {
            continue;
        }
        match failed(message).and_then(|it| expected.iter().position(|other| *other == it)) {
            Some(index) => drop(expected.swap_remove(index)),
            None => surprises.push(entry.to_string()),
        }
    }
    let missing = expected.iter().map(|it| format!("missing: {it:?}"));
    surprises.extend(missing);
    surprises
}

/// Chromium tells when it has obeyed this header, which the answer to a sign-out has, and that it does not without https.
fn is_report_of_cleared_data(message: &str) -> bool {
    let without_https = message.starts_with("http://")
        && message.ends_with(": Not supported for insecure origins.");
    message.contains(" - Clear-Site-Data header on ")
        && (message.contains(": Cleared data types: ") || without_https)
}

/// Reads `http://host/path - Failed to load resource: the server responded with a status of 403 (Forbidden)`.
fn failed(message: &str) -> Option<Failed> {
    let (url, text) = message.split_once(" - Failed to load resource: ")?;
    let (_, status) = text.split_once("a status of ")?;
    Some(Failed {
        path: Url::parse(url).ok()?.path().to_owned(),
        status: status.split_whitespace().next()?.parse().ok()?,
    })
}
