//! What of Smartsheet's API may be called: `METHOD /path`, compiled once, matched on the path as it arrived.

use std::fmt;
use std::sync::Arc;

use axum::http::Method;
use percent_encoding::percent_decode_str;

/// The methods that Smartsheet's API has.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
];

/// What stands for a number.
const ID: &str = "{id}";

/// How long a number may be, in digits: as many as the largest of 64 bits has.
const MAX_DIGITS: usize = 20;

/// Where tokens are issued and revoked: the app's own affair.
const TOKEN: &str = "token";

/// What is expected of one, for errors.
const EXPECTED: &str = "expected METHOD /path of Smartsheet's API, separated by commas, such as GET /sheets/{id}, with {id} for a \
                        number";

/// The calls that are allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Route>);

/// One of them, such as `GET /sheets/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    method: Method,
    /// Begins with a slash.
    pattern: Arc<str>,
}

/// What the list says of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// It is allowed.
    Route(&'a Route),
    /// The path may be called by these methods, as `Allow` lists them (RFC 9110 section 10.2.1), and not by this one.
    OtherMethods(String),
    /// The path may not be called.
    Nothing,
}

impl Route {
    /// The path's pattern, such as `/sheets/{id}`.
    #[must_use]
    pub fn pattern(&self) -> &Arc<str> {
        &self.pattern
    }

    fn parse(entry: &str) -> Option<Self> {
        let (method, path) = entry.split_once(char::is_whitespace)?;
        let path = path.trim_start();
        let is_segment = |segment: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
            let is_plain = !segment.is_empty() && segment.bytes().all(is_part);
            segment == ID || (is_plain && segment != "." && segment != "..")
        };
        let mut segments = path.strip_prefix('/')?.split('/');
        let first = segments.clone().next();
        let is_token = first.is_some_and(|first| first.eq_ignore_ascii_case(TOKEN));
        let method = METHODS.iter().find(|known| known.as_str() == method)?;
        (segments.all(is_segment) && !is_token).then(|| Self {
            method: method.clone(),
            pattern: path.into(),
        })
    }

    /// Whether `path` has this shape: the same segments, with digits and nothing else for each `{id}`.
    fn has_shape_of(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        let mut expected = self.pattern.split('/');
        loop {
            match (expected.next(), segments.next()) {
                (None, None) => return true,
                (Some(ID), Some(segment)) if is_number(segment) => {}
                (Some(expected), Some(segment)) if expected == segment && expected != ID => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.pattern)
    }
}

fn is_number(segment: &str) -> bool {
    (1..=MAX_DIGITS).contains(&segment.len()) && segment.bytes().all(|byte| byte.is_ascii_digit())
}

impl AllowList {
    /// Reads `METHOD /path`, separated by commas. Repeated ones count once.
    ///
    /// # Errors
    ///
    /// What is expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut routes = Vec::new();
        for entry in text.split(',') {
            // A list of the settings file has what is listed with its commas encoded.
            let entry = percent_decode_str(entry).decode_utf8_lossy();
            if entry.trim().is_empty() {
                continue;
            }
            let route = Route::parse(entry.trim()).ok_or(EXPECTED)?;
            if !routes.contains(&route) {
                routes.push(route);
            }
        }
        Ok(Self(routes))
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is allowed, as it was listed.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// What the list says of a call of `path`: as it arrived, not decoded, below the API's address, without the query.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let mut methods: Vec<&str> = Vec::new();
        for route in self.0.iter().filter(|route| route.has_shape_of(path)) {
            if route.method == *method {
                return Found::Route(route);
            }
            if !methods.contains(&route.method.as_str()) {
                methods.push(route.method.as_str());
            }
        }
        if methods.is_empty() {
            Found::Nothing
        } else {
            Found::OtherMethods(methods.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list() -> AllowList {
        let text = "GET /users/me, GET /sheets/{id},POST  /sheets/{id}/rows, PUT /sheets/{id}/rows, GET /users/me,";
        AllowList::parse(text).unwrap()
    }

    fn find(method: &str, path: &str) -> String {
        match list().find(&method.parse().unwrap(), path) {
            Found::Route(route) => route.to_string(),
            Found::OtherMethods(methods) => format!("405 {methods}"),
            Found::Nothing => "404".to_owned(),
        }
    }

    #[test]
    fn methods_and_paths() {
        let read: Vec<String> = list().iter().map(ToString::to_string).collect();
        assert_eq!(
            read,
            [
                "GET /users/me",
                "GET /sheets/{id}",
                "POST /sheets/{id}/rows",
                "PUT /sheets/{id}/rows",
            ]
        );
        assert!(AllowList::parse("").unwrap().is_empty());
        for wrong in [
            "/users/me",
            "GET",
            "GET users/me",
            "get /users/me",
            "BREW /users/me",
            "CONNECT /users/me",
            "GET https://api.smartsheet.com/2.0/users/me",
            "GET //api.smartsheet.com/users",
            "GET /",
            "GET //users",
            "GET /users/",
            "GET /./x",
            "GET /../x",
            "GET /users/%2e",
            "GET /users/me?x=1",
            "GET /sheets/{name}",
            "GET /sheets/{id}x",
            "GET /sheets/*",
            "GET /users/me GET /sheets",
            "DELETE /token",
            "POST /token/x",
            "POST /Token",
        ] {
            assert!(AllowList::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_listed_and_nothing_else() {
        for (method, path, expected) in [
            ("GET", "/users/me", "GET /users/me"),
            ("GET", "/sheets/18446744073709551615", "GET /sheets/{id}"),
            ("PUT", "/sheets/7/rows", "PUT /sheets/{id}/rows"),
            ("DELETE", "/sheets/7/rows", "405 POST, PUT"),
            ("HEAD", "/users/me", "405 GET"),
            ("BREW", "/users/me", "405 GET"),
            ("get", "/users/me", "405 GET"),
            ("GET", "/sheets", "404"),
            ("GET", "/sheets/", "404"),
            ("GET", "/sheets/7/", "404"),
            ("GET", "/sheets/184467440737095516150", "404"),
            ("GET", "/sheets/{id}", "404"),
            ("GET", "/sheets/7x", "404"),
            ("GET", "/sheets/+7", "404"),
            ("GET", "/sheets/٧", "404"),
            ("GET", "/sheets/7;a=b", "404"),
            ("GET", "/sheets/7%00", "404"),
            ("GET", "/sheets/%37", "404"),
            ("GET", "/sheets/7%2frows", "404"),
            ("GET", "/sheets\\7", "404"),
            ("GET", "/sheets/7/../8", "404"),
            ("GET", "/users/./me", "404"),
            ("GET", "/users/%2e/me", "404"),
            ("GET", "/users//me", "404"),
            ("GET", "//users/me", "404"),
            ("GET", "/users/me%3f", "404"),
            ("GET", "/users/me%23", "404"),
            ("GET", "/users/%6de", "404"),
            ("GET", "/users/ME", "404"),
            ("GET", "/users/%c1%ade", "404"),
            ("GET", "users/me", "404"),
            ("GET", "", "404"),
        ] {
            assert_eq!(find(method, path), expected, "{method} {path}");
        }
    }

    /// Pieces that real and twisted paths are made of.
    fn paths() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/users/me".to_owned()),
            Just("/sheets/".to_owned()),
            Just("/rows".to_owned()),
            "[0-9]{1,22}",
            "[/.;\\\\%?#{}a-z]{1,3}",
            "%[0-9a-f]{2}",
            "\\PC",
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_that_is_let_through_leaves_the_listed_shapes(path in paths()) {
            let list = list();
            if let Found::Route(route) = list.find(&Method::GET, &path) {
                // Whoever reads the path as a URL, and decodes it, finds the same one.
                let url = url::Url::parse(&format!("https://api.example.com/2.0{path}")).unwrap();
                prop_assert_eq!(url.path(), format!("/2.0{path}"));
                prop_assert_eq!(url.host_str(), Some("api.example.com"));
                prop_assert!(url.query().is_none() && url.fragment().is_none());
                prop_assert_eq!(percent_decode_str(&path).decode_utf8_lossy(), path.as_str());
                let shape: Vec<&str> = path
                    .split('/')
                    .map(|part| if part.parse::<u128>().is_ok() { ID } else { part })
                    .collect();
                prop_assert_eq!(&shape.join("/"), &**route.pattern());
            }
        }

        #[test]
        fn every_number_is_let_through(id in any::<u64>()) {
            prop_assert_eq!(find("GET", &format!("/sheets/{id}")), "GET /sheets/{id}");
        }
    }
}
