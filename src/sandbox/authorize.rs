//! The authorization endpoint: `/b/authorize` checks what an app asks for (RFC 6749 section 4.1.1), asks the person, and
//! sends the browser back with a code or an error (sections 4.1.2 and 4.1.2.1).

use std::sync::Arc;

use axum::{
    extract::State,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY},
    },
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::{
    Shared,
    api_error::ApiError,
    grants::{Change, Digest, Grant},
    options::RegisteredApp,
    pages::{self, ConsentPage},
    params::{BodyProblem, ParamProblem, ParamProblemKind, Params},
    scopes::ScopeSet,
    users::{self, USERS, User},
};

/// The parameters that belong to the request and not to the person's answer.
const REQUEST_PARAMETERS: [&str; 5] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
];

/// `GET` and `POST /b/authorize`. The consent page posts to the same address what the person chose; a test may send it
/// with the first request.
pub(super) async fn authorize(
    State(sandbox): State<Arc<Shared>>,
    params: Result<Params, BodyProblem>,
) -> Response {
    let outcome = match &params {
        Ok(params) => decide(&sandbox, params).await,
        Err(problem) => Err(bad_body(problem)),
    };
    outcome.unwrap_or_else(Refused::into_response)
}

async fn decide(sandbox: &Shared, params: &Params) -> Result<Response, Refused> {
    let asked = Asked::read(sandbox, params)?;
    let user = chosen_user(params)?;
    match params.get("sandbox_decision")? {
        None => Ok(consent_page(&asked, user, params)),
        Some("deny") => Err(Refused::Back(asked.way_back, "access_denied")),
        Some("allow") => {
            let (code, expires_in) = issue_code(sandbox, &asked, user)
                .await
                .map_err(|_| Refused::storage())?;
            let answer = format!("code={code}&expires_in={expires_in}");
            Ok(asked.way_back.redirect(&answer))
        }
        Some(_) => Err(Refused::page(
            "That is neither yes nor no",
            "sandbox_decision must be “allow” or “deny”.",
        )),
    }
}

/// A request that may be put before a person.
struct Asked<'a> {
    app: &'a RegisteredApp,
    scopes: ScopeSet,
    way_back: WayBack,
}

impl<'a> Asked<'a> {
    fn read(sandbox: &'a Shared, params: &Params) -> Result<Self, Refused> {
        // Until the app and its redirect URL are known to be right, nobody is sent anywhere.
        let client_id = params.need("client_id")?;
        let app = sandbox.app(client_id).ok_or_else(|| {
            Refused::page(
                "Unknown app",
                "No app is registered with this client id. Check the client_id of the link that brought you here.",
            )
        })?;
        let asked_url = params.get("redirect_uri")?;
        let url = match asked_url {
            None => app.redirect_urls.first(),
            Some(asked) => app.redirect_urls.iter().find(|url| *url == asked),
        };
        let url = url.cloned().ok_or_else(|| {
            Refused::page(
                "Wrong redirect URL",
                "The redirect_uri is not one that this app is registered with. They must be equal, character by character.",
            )
        })?;

        // From here on the app learns what is wrong.
        let (state, state_problem) = match params.raw("state") {
            Ok(state) => (state.map(<[u8]>::to_vec), None),
            Err(problem) => (None, Some(problem)),
        };
        let way_back = WayBack { url, state };
        if state_problem.is_some() {
            return Err(Refused::Back(way_back, "invalid_request"));
        }
        match params.get("response_type") {
            Ok(Some("code")) => {}
            Ok(Some(_)) => return Err(Refused::Back(way_back, "unsupported_response_type")),
            Ok(None) | Err(_) => return Err(Refused::Back(way_back, "invalid_request")),
        }
        let list = match params.get("scope") {
            Ok(list) => list.unwrap_or_default(),
            Err(problem) if problem.kind == ParamProblemKind::Twice => {
                return Err(Refused::Back(way_back, "invalid_request"));
            }
            Err(_) => return Err(Refused::Back(way_back, "invalid_scope")),
        };
        match ScopeSet::parse(list) {
            Ok(scopes) => Ok(Self {
                app,
                scopes,
                way_back,
            }),
            Err(_) => Err(Refused::Back(way_back, "invalid_scope")),
        }
    }
}

/// The person that the request names, or else the first one.
fn chosen_user(params: &Params) -> Result<&'static User, Refused> {
    match params.get("sandbox_user")? {
        None => Ok(&USERS[0]),
        Some(slug) => users::find(slug).ok_or_else(|| {
            let known: Vec<_> = USERS.iter().map(|user| user.slug).collect();
            let text = format!("sandbox_user must be one of: {}.", known.join(", "));
            Refused::page("Unknown user", text)
        }),
    }
}

fn consent_page(asked: &Asked<'_>, user: &'static User, params: &Params) -> Response {
    // The request travels in the address of the form, because fields of a form can't carry every byte of a `state`.
    let request: Vec<_> = REQUEST_PARAMETERS
        .iter()
        .filter_map(|name| {
            let value = params.raw(name).ok()??;
            Some(format!("{name}={}", encode(value)))
        })
        .collect();
    pages::consent(&ConsentPage {
        app: &asked.app.name,
        scopes: asked.scopes.iter().collect(),
        users: &USERS,
        chosen: user,
        action: format!("authorize?{}", request.join("&")),
        destination: pages::origin(&asked.way_back.url),
    })
}

/// Notes the grant; the code, and for how many milliseconds it is valid.
async fn issue_code(
    sandbox: &Shared,
    asked: &Asked<'_>,
    user: &'static User,
) -> Result<(String, u64), ApiError> {
    let code = sandbox.dice.code();
    let lifetime = super::millis(sandbox.code_lifetime);
    let expires_at = sandbox.now().saturating_add_unsigned(lifetime);
    sandbox
        .ledger
        .commit(|book| {
            let mut changes: Vec<_> = book.room_for_code().into_iter().collect();
            changes.push(Change::put(Grant {
                id: book.next_id(),
                client_id: asked.app.client_id.clone(),
                user,
                scopes: asked.scopes,
                redirect_url: asked.way_back.url.clone(),
                code: Digest::of(&code),
                code_expires_at: expires_at,
                pair: None,
                revoked: false,
            }));
            (changes, ())
        })
        .await?;
    Ok((code, lifetime))
}

/// Where the browser returns to, and the `state` it brings along.
struct WayBack {
    url: String,
    state: Option<Vec<u8>>,
}

impl WayBack {
    fn redirect(&self, answer: &str) -> Response {
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
                (StatusCode::FOUND, headers).into_response()
            }
            Err(_) => Refused::storage().into_response(),
        }
    }
}

/// Every byte comes back as it was: what is not plainly a letter, digit or one of `-._~` is percent-encoded.
fn encode(bytes: &[u8]) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encode(bytes, RESERVED).to_string()
}

/// How a request ends that gets no code.
enum Refused {
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
    fn page(title: &'static str, text: impl Into<String>) -> Self {
        Self::Page {
            status: StatusCode::BAD_REQUEST,
            title,
            text: text.into(),
        }
    }

    fn storage() -> Self {
        Self::Page {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "The sandbox failed",
            text: "Your answer could not be kept. Its log says why.".into(),
        }
    }

    fn into_response(self) -> Response {
        match self {
            Self::Page {
                status,
                title,
                text,
            } => pages::error(status, title, &text, pages::BESIDE),
            Self::Back(way_back, error) => way_back.redirect(&format!("error={error}")),
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
        Refused::page("This link is not complete", text)
    }
}

fn bad_body(problem: &BodyProblem) -> Refused {
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
    Refused::Page {
        status,
        title: "This request can't be read",
        text: text.into(),
    }
}
