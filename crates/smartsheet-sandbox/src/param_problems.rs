//! What can be wrong with a request's parameters and body, and how the API says so.

use axum::response::{IntoResponse, Response};

use super::api_error::ApiError;

/// Why the body can't be taken for parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyProblem {
    TooLarge,
    NotAForm,
    TooManyParameters,
    Interrupted,
}

/// What is wrong with the parameter of this name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParamProblem {
    pub(super) name: String,
    pub(super) kind: ParamProblemKind,
}

/// How a parameter can be wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParamProblemKind {
    Missing,
    /// RFC 6749 section 3.1: parameters must not be included more than once.
    Twice,
    TooLong,
    NotUtf8,
}

impl ParamProblem {
    pub(super) fn new(name: &str, kind: ParamProblemKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
        }
    }
}

impl From<ParamProblem> for ApiError {
    fn from(problem: ParamProblem) -> Self {
        let name: String = problem.name.chars().take(100).collect();
        Self::invalid_request(match problem.kind {
            ParamProblemKind::Missing => {
                format!("Invalid Request. Required parameter is missing: {name}.")
            }
            ParamProblemKind::Twice => {
                format!("Invalid Request. Parameter is included more than once: {name}.")
            }
            ParamProblemKind::TooLong => {
                format!("Invalid Request. Parameter is too long: {name}.")
            }
            ParamProblemKind::NotUtf8 => {
                format!("Invalid Request. Parameter is not UTF-8 text: {name}.")
            }
        })
    }
}

impl From<BodyProblem> for ApiError {
    fn from(problem: BodyProblem) -> Self {
        match problem {
            BodyProblem::TooLarge => Self::too_large(),
            BodyProblem::NotAForm => Self::unsupported_media_type(),
            BodyProblem::TooManyParameters => {
                Self::invalid_request("Invalid Request. There are too many parameters.")
            }
            BodyProblem::Interrupted => Self::unparsable("the request body broke off."),
        }
    }
}

/// For endpoints that leave it to the API's form.
impl IntoResponse for BodyProblem {
    fn into_response(self) -> Response {
        ApiError::from(self).into_response()
    }
}
