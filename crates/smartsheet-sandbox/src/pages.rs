//! The pages for people, and the headers that keep them safe.

use askama::Template;
use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{Html, IntoResponse, Response},
};
use url::{Host, Url};

use super::{scopes::Scope, users::User};

/// The way from `/b/authorize` to the root, wherever that is mounted.
pub(super) const BESIDE: &str = "../";

const STYLESHEET: &str = include_str!("../static/sandbox.css");
const ICON: &str = include_str!("../static/sandbox.svg");

/// What the consent page shows.
#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage<'a> {
    pub(super) app: &'a str,
    pub(super) scopes: Vec<Scope>,
    pub(super) ordinary: &'static [User],
    pub(super) odd: &'static [User],
    /// Who is proposed.
    pub(super) chosen: &'static User,
    /// The fault that the token request will meet.
    pub(super) fault: Option<&'static str>,
    /// Where the form is sent, relative to the page.
    pub(super) action: String,
    /// Which site the browser goes to after the answer.
    pub(super) destination: String,
    /// Which sites it may be led on to from there.
    pub(super) onward: &'a [String],
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    text: &'a str,
    root: &'a str,
    /// Where whoever is here came from.
    app: Option<AppLink<'a>>,
}

/// A way to an app.
pub(super) struct AppLink<'a> {
    pub(super) name: &'a str,
    /// Where its pages begin.
    pub(super) address: String,
}

impl ConsentPage<'_> {
    fn is_chosen(&self, user: &User) -> bool {
        user.slug == self.chosen.slug
    }

    /// Whether the folded part must be open, because who is proposed is in it.
    fn odd_is_chosen(&self) -> bool {
        self.odd.iter().any(|user| self.is_chosen(user))
    }
}

/// The page that asks for consent.
pub(super) fn consent(page: &ConsentPage<'_>) -> Response {
    // Browsers apply `form-action` to the redirect that follows the form as well.
    let mut form_action = format!("'self' {}", page.destination);
    for site in page.onward {
        form_action.push(' ');
        form_action.push_str(site);
    }
    answer(StatusCode::OK, page, &form_action)
}

/// A page that says what went wrong. `root` leads from it to where the sandbox is mounted.
pub(super) fn error(
    status: StatusCode,
    title: &str,
    text: &str,
    root: &str,
    app: Option<AppLink<'_>>,
) -> Response {
    let page = ErrorPage {
        title,
        text,
        root,
        app,
    };
    answer(status, &page, "'none'")
}

/// The same for an address that may be anybody's guess.
pub(super) fn error_at(
    status: StatusCode,
    title: &str,
    text: &str,
    path: &str,
    app: Option<AppLink<'_>>,
) -> Response {
    // Addresses of this depth are guesses of somebody lost; a deeper one gets its page without the stylesheet.
    let depth = path
        .bytes()
        .filter(|byte| *byte == b'/')
        .count()
        .clamp(1, 10);
    error(status, title, text, &"../".repeat(depth - 1), app)
}

/// `GET /static/sandbox.css`.
pub(super) async fn stylesheet() -> Response {
    asset("text/css; charset=utf-8", STYLESHEET)
}

/// `GET /static/sandbox.svg`.
pub(super) async fn icon() -> Response {
    asset("image/svg+xml", ICON)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "max-age=600"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

/// The site of a URL, in a form that a content security policy understands. Where it has none (an app's own scheme) or
/// the policy's grammar can't express it (an IPv6 address), the scheme alone.
pub(super) fn origin(url: &str) -> String {
    match Url::parse(url) {
        Err(_) => "'none'".into(),
        Ok(url) if !url.origin().is_tuple() || matches!(url.host(), Some(Host::Ipv6(_))) => {
            format!("{}:", url.scheme())
        }
        Ok(url) => url.origin().ascii_serialization(),
    }
}

fn answer(status: StatusCode, page: &impl Template, form_action: &str) -> Response {
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    );
    let Ok(policy) = HeaderValue::try_from(policy) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers: [(HeaderName, HeaderValue); 4] = [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_for_the_policy() {
        for (url, expected) in [
            (
                "http://localhost:8080/redirect?a=b",
                "http://localhost:8080",
            ),
            ("https://app.example:443/cb", "https://app.example"),
            ("http://[::1]:8080/redirect", "http:"),
            ("myapp://callback", "myapp:"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
