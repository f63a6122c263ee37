//! Why a call was not passed on, or has no answer, for programs: one constructor a failure. Each is told as problem details.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Map;

use super::failures::{nobody_for_scripts, not_allowed};
use super::session::SIGN_IN;
use crate::gateway::api::CallError;
use crate::session::Identity;
use crate::smartsheet::ApiError;
use crate::transport::{TransportError, UploadError};
use crate::web::failure::Failure;
use crate::web::limits;
use crate::web::person_failures::{PersonError, overtaken, sign_in_again};
use crate::web::rendered::{AsPlainJson, AsProblem};

/// Smartsheet's own codes for a rate limit, and for a call of which nothing was done.
const RATE_LIMIT: u16 = 4003;
const PLEASE_RETRY: u16 = 4004;

/// Whether a client asked for `application/json` alone, as Smartsheet's do. Some of them look for its codes in nothing else.
pub(super) struct Preferred(bool);

impl Preferred {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT);
        Self(accept.is_some_and(|accept| accept == "application/json"))
    }
}

/// A failure, and what its answer says beside.
pub(super) struct Refused {
    failure: Box<Failure>,
    headers: HeaderMap,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            headers: HeaderMap::new(),
        }
    }
}

impl From<PersonError> for Refused {
    fn from(error: PersonError) -> Self {
        match error {
            PersonError::SignedOut => nobody(),
            PersonError::Failed(failure) => failure.into(),
        }
    }
}

impl Refused {
    /// The answer to a client that prefers this.
    pub(super) fn answer(self, preferred: &Preferred) -> Response {
        let is_for_a_client = self.code_for_clients().is_some() && preferred.0;
        let mut response = self.into_response();
        if is_for_a_client {
            response.extensions_mut().insert(AsPlainJson);
        }
        response
    }

    fn into_response(self) -> Response {
        let mut more = Map::new();
        let is_by_assertion = self.headers.contains_key(header::WWW_AUTHENTICATE);
        if self.failure.status == StatusCode::UNAUTHORIZED && !is_by_assertion {
            more.insert("sign_in_url".to_owned(), SIGN_IN.into());
        }
        if let Some(code) = self.code_for_clients() {
            more.insert("errorCode".to_owned(), code.into());
            more.insert("message".to_owned(), self.failure.title.into());
        }
        let mut response = self.failure.into_response();
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(AsProblem(more));
        response
    }

    /// Smartsheet's code for the like, where nothing was done: its clients wait then, and send the call again.
    fn code_for_clients(&self) -> Option<u16> {
        match self.failure.status {
            StatusCode::TOO_MANY_REQUESTS => Some(RATE_LIMIT),
            // Whatever may have been done is 502 or 504.
            StatusCode::SERVICE_UNAVAILABLE => Some(PLEASE_RETRY),
            _ => None,
        }
    }

    fn saying(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

fn refused(
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    explanation: impl Into<String>,
    advice: &'static str,
) -> Failure {
    Failure {
        advice,
        ..Failure::plain(status, kind, title, explanation.into())
    }
}

/// 404.
pub(super) fn not_listed() -> Refused {
    refused(
        StatusCode::NOT_FOUND,
        "not-listed",
        "This call is not passed on",
        "The path is none of those that this app passes on to Smartsheet.",
        "Whoever runs this app can list it in `api.allow`.",
    )
    .into()
}

/// 405.
pub(super) fn other_methods(methods: &str) -> Refused {
    let refused: Refused = refused(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-listed",
        "This call is not passed on",
        "The path is passed on to Smartsheet, but not with this method.",
        "Whoever runs this app can list it in `api.allow`.",
    )
    .into();
    // Names of methods are always a valid header value.
    let allow = HeaderValue::try_from(methods).unwrap_or(HeaderValue::from_static(""));
    refused.saying(header::ALLOW, allow)
}

/// 403: the header that only a page of this origin can send is missing.
pub(super) fn no_csrf_header() -> Refused {
    refused(
        StatusCode::FORBIDDEN,
        "no-csrf-header",
        "The header X-CSRF is missing",
        "A call with the cookie of this site needs the header X-CSRF: 1, which pages of other sites can’t send.",
        "Send it with each call.",
    )
    .into()
}

/// 403: a page of another site.
pub(super) fn foreign_origin() -> Refused {
    refused(
        StatusCode::FORBIDDEN,
        "foreign-origin",
        "This came from another site",
        "Only pages of this very site may call here, and the browser says that it was another one’s.",
        "Call from a page of this site.",
    )
    .into()
}

/// 401: nobody is signed in.
pub(super) fn nobody() -> Refused {
    nobody_for_scripts().into()
}

/// 401: an assertion that does not count.
pub(super) fn bad_assertion() -> Refused {
    let refused: Refused = refused(
        StatusCode::UNAUTHORIZED,
        "bad-assertion",
        "The assertion does not count",
        "It has expired, is not this app’s or not for this site, or its person has signed out.",
        "Use the one that came with the request that is answered now, and each within its minute.",
    )
    .into();
    // RFC 6750 section 3.1.
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    refused.saying(header::WWW_AUTHENTICATE, challenge)
}

/// 403: somebody who may not use the sites.
pub(super) fn not_admitted(identity: &Identity) -> Refused {
    not_allowed(Some(identity)).into()
}

/// 429: this person calls too often.
pub(super) fn too_often(wait: Duration) -> Refused {
    Failure {
        // Whole seconds, and never "at once".
        retry_after: Some(Duration::from_secs(wait.as_secs() + 1)),
        ..refused(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-calls",
            "Too many requests",
            "Each person may make 300 calls a minute.",
            "Wait as long as Retry-After says, then go on.",
        )
    }
    .into()
}

/// 502: an answer that can't be passed on.
pub(super) fn unreadable_answer(reason: String) -> Refused {
    Failure {
        reason,
        ..refused(
            StatusCode::BAD_GATEWAY,
            "smartsheet-unreadable",
            "Smartsheet does not answer as it should",
            "The call reached Smartsheet or what stands before it, but there is no answer to pass on.",
            "Try again in a moment, unless the call changes something: it may have been done.",
        )
    }
    .into()
}

/// What became of a call that has no answer of Smartsheet's.
pub(super) fn call_failed(error: CallError) -> Refused {
    let reason = error.to_string();
    match error {
        CallError::Access(error) => PersonError::from(error).into(),
        CallError::TokenRefused(_) => sign_in_again(reason).into(),
        CallError::Overtaken(_) => overtaken(reason).into(),
        CallError::Body(UploadError::TooLong(limit)) => Failure {
            reason,
            ..refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-long",
                "That is too much",
                format!("The body of a call has at most {limit} bytes."),
                "Send less at once.",
            )
        }
        .into(),
        CallError::Body(UploadError::Broken(cause)) => limits::broken(&*cause).into(),
        CallError::NotKept => Failure {
            reason,
            retry_after: Some(Duration::from_secs(1)),
            ..refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "token-renewed",
                "Please send it again",
                "Smartsheet wanted a new token, and there is one now. Nothing was done. The body was too long to be kept and \
                 sent again from here.",
                "Send the same call again.",
            )
        }
        .into(),
        CallError::Transport(
            error @ (TransportError::Undecodable | TransportError::TooLong(_)),
        ) => unreadable_answer(error.to_string()),
        CallError::Transport(TransportError::Timeout) => Failure {
            reason,
            ..refused(
                StatusCode::GATEWAY_TIMEOUT,
                "smartsheet-slow",
                "Smartsheet does not answer in time",
                "Nothing came from Smartsheet within the time that a call may take.",
                "Try again in a moment, unless the call changes something: it may have been done.",
            )
        }
        .into(),
        CallError::Transport(TransportError::Busy(_)) => PersonError::from(ApiError::NotSent(
            "too many calls are under way",
        ))
        .into(),
        // Not connected, unreachable or dropped.
        CallError::Transport(_) => Failure {
            reason,
            ..refused(
                StatusCode::BAD_GATEWAY,
                "smartsheet-unreachable",
                "Smartsheet can’t be reached",
                "There is no connection to Smartsheet, or it ended before an answer.",
                "Try again in a moment, unless the call changes something: it may have been done.",
            )
        }
        .into(),
    }
}
