//! How an authorization request ends: back at the app (RFC 6749 sections 4.1.2 and 4.1.2.1), or with a page here.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY},
    },
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::{
    pages,
    param_problems::{BodyProblem, ParamProblem, ParamProblemKind},
    shared::Shared,
};

/// Where the browser returns to, and the `state` it brings along.
pub(super) struct WayBack {
    pub(super) url: String,
    pub(super) state: Option<Vec<u8>>,
}

impl WayBack {
    pub(super) fn redirect(&self, answer: &str) -> Result<Response, Refused> {
        // RFC 6749 section 3.1.2: a query that the registered URL has is kept.
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let mut location = format!("{}{separator}{answer}", self.url);
        if let Some(state) = &self.state {
            location.push_str("&state=");
            location.push_str(&encode(state));
        }
        match HeaderValue::try_from(location) {
            Ok(location) => {
                let headers = [
                    (LOCATION, location),
                    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
                    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
                ];
                Ok((StatusCode::FOUND, headers).into_response())
            }
            Err(_) => Err(Refused::storage()),
        }
    }
}

/// Every byte comes back as it was: what is not plainly a letter, digit or one of `-._~` is percent-encoded.
pub(super) fn encode(bytes: &[u8]) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encode(bytes, RESERVED).to_string()
}

/// How a request ends that gets no code.
pub(super) enum Refused {
    /// With a page here.
    Page {
        status: StatusCode,
        title: &'static str,
        text: String,
    },
    /// Back at the app, with this error.
    Back(WayBack, &'static str),
}

impl Refused {
    pub(super) fn page(title: &'static str, text: impl Into<String>) -> Self {
        Self::Page {
            status: StatusCode::BAD_REQUEST,
            title,
            text: text.into(),
        }
    }

    pub(super) fn storage() -> Self {
        Self::Page {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "The sandbox failed",
            text: "Your answer could not be kept. Its log says why.".into(),
        }
    }

    pub(super) fn into_response(self, sandbox: &Shared) -> Response {
        match self {
            Self::Page {
                status,
                title,
                text,
            } => pages::error(status, title, &text, pages::BESIDE, sandbox.only_app()),
            Self::Back(way_back, error) => way_back
                .redirect(&format!("error={error}"))
                .unwrap_or_else(|refused| refused.into_response(sandbox)),
        }
    }
}

impl From<ParamProblem> for Refused {
    fn from(problem: ParamProblem) -> Self {
        let what = match problem.kind {
            ParamProblemKind::Missing => "is missing",
            ParamProblemKind::Twice => "is there more than once",
            ParamProblemKind::TooLong => "is too long",
            ParamProblemKind::NotUtf8 => "is not UTF-8 text",
        };
        let text = format!("The parameter {} {what}.", problem.name);
        Self::page("This link is not complete", text)
    }
}

impl From<&BodyProblem> for Refused {
    fn from(problem: &BodyProblem) -> Self {
        let (status, text) = match problem {
            BodyProblem::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request body is too large.",
            ),
            BodyProblem::NotAForm => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The request body must be a form (application/x-www-form-urlencoded).",
            ),
            BodyProblem::TooManyParameters => {
                (StatusCode::BAD_REQUEST, "There are too many parameters.")
            }
            BodyProblem::Interrupted => (StatusCode::BAD_REQUEST, "The request body broke off."),
        };
        Self::Page {
            status,
            title: "This request can't be read",
            text: text.into(),
        }
    }
}
