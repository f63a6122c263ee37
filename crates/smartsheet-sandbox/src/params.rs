//! Request parameters, from the query string and the form body alike, and bodies of limited size.
//!
//! Smartsheet's official SDKs disagree on where the parameters of a token request go, and the server takes both.

use std::{future::poll_fn, pin::Pin, str};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use percent_encoding::percent_decode;

use super::{
    api_error::ApiError,
    param_problems::{BodyProblem, ParamProblem, ParamProblemKind},
};

/// The largest body that is read, in bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;
/// How much of a too large body is thrown away before the answer, so that the client reads the answer instead of
/// failing while it still sends.
const DRAIN_LIMIT: usize = 32 * 1024 * 1024;
const COUNT_LIMIT: usize = 100;
const VALUE_LIMIT: usize = 4096;

/// The parameters of one request, decoded but not yet judged.
pub(super) struct Params(Vec<(Vec<u8>, Vec<u8>)>);

impl<S: Sync> FromRequest<S> for Params {
    type Rejection = BodyProblem;

    async fn from_request(request: Request, _: &S) -> Result<Self, BodyProblem> {
        let (parts, body) = request.into_parts();
        let body = read_body(body, BODY_LIMIT).await?;
        Self::new(parts.uri.query().unwrap_or_default(), &parts.headers, &body)
    }
}

impl Params {
    /// The parameters of a query string and of a form body. An empty body is none, whatever its content type says.
    pub(super) fn new(query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Self, BodyProblem> {
        if !body.is_empty() && !is_form(headers) {
            return Err(BodyProblem::NotAForm);
        }
        let fields = [query.as_bytes(), body]
            .into_iter()
            .flat_map(|source| source.split(|byte| *byte == b'&'))
            .filter(|field| !field.is_empty());
        let mut pairs = Vec::new();
        for field in fields {
            if pairs.len() == COUNT_LIMIT {
                return Err(BodyProblem::TooManyParameters);
            }
            let end = field.iter().position(|byte| *byte == b'=');
            let (name, value) = field.split_at(end.unwrap_or(field.len()));
            pairs.push((decode(name), decode(value.get(1..).unwrap_or_default())));
        }
        Ok(Self(pairs))
    }

    /// Finds a parameter, known or not, that is there twice or too long.
    pub(super) fn check(&self) -> Result<(), ParamProblem> {
        self.0
            .iter()
            .try_for_each(|(name, _)| self.raw_bytes(name).map(|_| ()))
    }

    /// The value as it was sent, empty or not UTF-8 as it may be.
    pub(super) fn raw(&self, name: &str) -> Result<Option<&[u8]>, ParamProblem> {
        self.raw_bytes(name.as_bytes())
    }

    fn raw_bytes(&self, name: &[u8]) -> Result<Option<&[u8]>, ParamProblem> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value.as_slice());
        let problem = |kind| ParamProblem::new(&String::from_utf8_lossy(name), kind);
        if values.next().is_some() {
            return Err(problem(ParamProblemKind::Twice));
        }
        if value.is_some_and(|value| value.len() > VALUE_LIMIT) {
            return Err(problem(ParamProblemKind::TooLong));
        }
        Ok(value)
    }

    /// The value as text. An empty one counts as absent (RFC 6749 section 3.1).
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, ParamProblem> {
        match self.raw(name)? {
            None | Some([]) => Ok(None),
            Some(value) => str::from_utf8(value)
                .map(Some)
                .map_err(|_| ParamProblem::new(name, ParamProblemKind::NotUtf8)),
        }
    }

    /// A switch, `true` or `false` in any case; absent is `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name)? {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(ApiError::invalid_value(value, name)),
        }
    }

    /// A count from 1 up, when it is there.
    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, ApiError> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        match value.parse() {
            Ok(count) if count > 0 => Ok(Some(count)),
            _ => Err(ApiError::invalid_value(value, name)),
        }
    }

    /// The value, read as what it should be, when it is there.
    pub(super) fn parsed<T: str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        let parsed = value.trim().parse();
        parsed
            .map(Some)
            .map_err(|_| ApiError::invalid_value(value, name))
    }

    /// Whether the list `include` asks for this. What it asks for besides is ignored, as by Smartsheet.
    pub(super) fn includes(&self, what: &str) -> Result<bool, ApiError> {
        let list = self.get("include")?.unwrap_or_default();
        Ok(list.split(',').any(|part| part.trim() == what))
    }

    /// The value of a parameter that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, ParamProblem> {
        self.get(name)?
            .ok_or_else(|| ParamProblem::new(name, ParamProblemKind::Missing))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| {
            kind.trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced).collect()
}

/// The whole body, unless it is larger than `limit` bytes or breaks off.
pub(super) async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, BodyProblem> {
    let mut read = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else {
            return Err(BodyProblem::Interrupted);
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length > DRAIN_LIMIT {
            break;
        }
        if length <= limit {
            read.extend_from_slice(&data);
        } else {
            read = Vec::new();
        }
    }
    if length > limit {
        return Err(BodyProblem::TooLarge);
    }
    Ok(read.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str, body: &[u8]) -> Params {
        let headers = HeaderMap::from_iter([(
            CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=utf-8"
                .parse()
                .unwrap(),
        )]);
        Params::new(query, &headers, body).unwrap()
    }

    #[test]
    fn query_and_body_are_one_list() {
        let params = form("a=1&b=x%20y+z&flag&&=", b"c=%E2%82%AC&d=1=2");
        assert_eq!(params.get("a"), Ok(Some("1")));
        assert_eq!(params.get("b"), Ok(Some("x y z")));
        assert_eq!(params.get("c"), Ok(Some("€")));
        assert_eq!(params.get("d"), Ok(Some("1=2")));
        assert_eq!(params.get("flag"), Ok(None));
        assert_eq!(params.raw("flag"), Ok(Some(&b""[..])));
        assert_eq!(params.get("absent"), Ok(None));
    }

    #[test]
    fn twice_missing_over_long_and_not_utf8_are_told_apart() {
        let long = "x".repeat(VALUE_LIMIT + 1);
        let params = form(&format!("a=1&bad=%FF&long={long}&empty="), b"a=1&only=%zz");
        let kind = |name| params.need(name).map_err(|problem| problem.kind);
        assert_eq!(kind("a"), Err(ParamProblemKind::Twice));
        assert_eq!(kind("bad"), Err(ParamProblemKind::NotUtf8));
        assert_eq!(kind("long"), Err(ParamProblemKind::TooLong));
        assert_eq!(kind("empty"), Err(ParamProblemKind::Missing));
        assert_eq!(kind("only"), Ok("%zz"));
    }

    #[test]
    fn other_bodies_and_floods_are_refused() {
        let none = HeaderMap::new();
        assert!(Params::new("a=1", &none, b"").is_ok());
        assert_eq!(
            Params::new("", &none, b"{}").err(),
            Some(BodyProblem::NotAForm)
        );
        let flood = "a=1&".repeat(COUNT_LIMIT + 1);
        assert_eq!(
            Params::new(&flood, &none, b"").err(),
            Some(BodyProblem::TooManyParameters)
        );
    }
}
