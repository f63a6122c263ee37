//! What is said of a step of the flow.

use serde::Serialize;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Party {
    Browser,
    App,
    Smartsheet,
}

impl Party {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Browser => "Browser",
            Self::App => "This app",
            Self::Smartsheet => "Smartsheet",
        }
    }

    /// As the stylesheet calls it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::App => "app",
            Self::Smartsheet => "smartsheet",
        }
    }
}

/// A document that a step is taken from.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) url: &'static str,
}

/// A step in words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Explanation {
    pub(super) title: &'static str,
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) purpose: &'static str,
    pub(super) without: &'static str,
    pub(super) source: Source,
}

impl Explanation {
    /// The first sentence of what it is for.
    pub(super) fn in_short(&self) -> &'static str {
        let end = self.purpose.find(". ").map(|end| end + 1);
        &self.purpose[..end.unwrap_or(self.purpose.len())]
    }
}
