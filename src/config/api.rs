//! The section `[api]`: Smartsheet's API for pages and back ends.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::source::Sources;
use super::{SettingError, parse, value};

/// The section `[api]`.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// `api.allow` (`API_ALLOW`): what may be called. Nothing turns the API off.
    pub allow: Vec<ApiRoute>,
    /// `api.assertions` (`API_ASSERTIONS`): whether a site's back end may call with an assertion instead of the cookie.
    pub assertions: bool,
}

/// One of the calls that `api.allow` lists, such as `GET /sheets/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRoute {
    /// In capitals.
    pub method: String,
    /// Below `smartsheet.api_url`. Begins with a slash; `{id}` stands for digits.
    pub path: String,
}

impl fmt::Display for ApiRoute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// The methods that Smartsheet's API has.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PUT", "DELETE"];

pub(super) fn read(sources: &Sources) -> Result<ApiSettings, SettingError> {
    Ok(ApiSettings {
        allow: value(sources, "api.allow", "", routes)?,
        assertions: value(sources, "api.assertions", "off", |text| {
            parse::one_of(text, &[("on", true), ("off", false)])
        })?,
    })
}

/// `METHOD /path`, separated by commas. Repeated ones count once.
fn routes(text: &str) -> Result<Vec<ApiRoute>, parse::Expected> {
    let mut routes = Vec::new();
    for entry in text.split(',') {
        // A list of the settings file has what is listed with its commas encoded.
        let entry = percent_decode_str(entry).decode_utf8_lossy();
        if entry.trim().is_empty() {
            continue;
        }
        let route = route(entry.trim()).ok_or(
            "expected METHOD /path of Smartsheet's API, separated by commas, such as GET /sheets/{id}, with {id} for a number",
        )?;
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    Ok(routes)
}

fn route(entry: &str) -> Option<ApiRoute> {
    let (method, path) = entry.split_once(char::is_whitespace)?;
    let path = path.trim_start();
    let is_segment = |segment: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let is_plain = !segment.is_empty() && segment.bytes().all(is_part);
        segment == "{id}" || (is_plain && segment != "." && segment != "..")
    };
    let is_path = path.strip_prefix('/')?.split('/').all(is_segment);
    (METHODS.contains(&method) && is_path).then(|| ApiRoute {
        method: method.to_owned(),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_paths() {
        let text = "GET /users/me, GET /sheets/{id},POST  /sheets/{id}/rows, GET /users/me,";
        let read: Vec<String> = routes(text)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            read,
            [
                "GET /users/me",
                "GET /sheets/{id}",
                "POST /sheets/{id}/rows"
            ]
        );
        assert_eq!(routes(""), Ok(vec![]));
        for wrong in [
            "/users/me",
            "GET",
            "GET users/me",
            "get /users/me",
            "BREW /users/me",
            "GET /",
            "GET //users",
            "GET /users/",
            "GET /../x",
            "GET /users/%2e",
            "GET /users/me?x=1",
            "GET /sheets/{name}",
            "GET /sheets/*",
            "GET /users/me GET /sheets",
        ] {
            assert!(routes(wrong).is_err(), "{wrong}");
        }
    }
}
