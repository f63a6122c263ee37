//! The authorization endpoint: `/b/authorize` checks what an app asks for (RFC 6749 section 4.1.1), asks the person, and
//! sends the browser back with a code or an error (sections 4.1.2 and 4.1.2.1).

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    Shared,
    api_error::ApiError,
    grants::{Change, Digest, Grant},
    options::RegisteredApp,
    pages::{self, ConsentPage},
    params::{BodyProblem, ParamProblemKind, Params},
    scopes::ScopeSet,
    users::{self, USERS, User},
    way_back::{Refused, WayBack, encode},
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
        Err(problem) => Err(Refused::from(problem)),
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
