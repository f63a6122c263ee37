//! The authorization endpoint: `/b/authorize` checks what an app asks for (RFC 6749 section 4.1.1), asks the person, and
//! sends the browser back with a code or an error (sections 4.1.2 and 4.1.2.1).

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    arranged::{self, Arranged},
    grants::{Change, Digest, Grant, millis},
    options::RegisteredApp,
    pages::{self, ConsentPage},
    param_problems::{BodyProblem, ParamProblemKind},
    params::Params,
    scopes::ScopeSet,
    shared::Shared,
    users::{self, ODD, ORDINARY, User},
    way_back::{Refused, WayBack, encode},
};

/// The parameters that belong to the request and not to the person's answer.
const REQUEST_PARAMETERS: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    arranged::FAULT,
    arranged::DELAY,
];

/// The errors (RFC 6749 section 4.1.2.1, and `invalid_client` as Smartsheet adds it) that `sandbox_decision` can ask for.
const ERRORS: [&str; 6] = [
    "invalid_scope",
    "invalid_request",
    "unsupported_response_type",
    "server_error",
    "temporarily_unavailable",
    "invalid_client",
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
    outcome.unwrap_or_else(|refused| refused.into_response(&sandbox))
}

async fn decide(sandbox: &Shared, params: &Params) -> Result<Response, Refused> {
    let asked = Asked::read(sandbox, params)?;
    let user = chosen_user(params)?;
    let fault = Arranged::read(params)?;
    match params.get("sandbox_decision")? {
        None => Ok(consent_page(sandbox, &asked, user, fault, params)),
        Some("deny") => Err(Refused::Back(asked.way_back, "access_denied")),
        Some("allow") => {
            let (code, expires_in) = issue_code(sandbox, &asked, user, fault).await?;
            let answer = format!("code={code}&expires_in={expires_in}");
            asked.way_back.redirect(&answer)
        }
        Some(other) => match ERRORS.into_iter().find(|error| *error == other) {
            Some(error) => Err(Refused::Back(asked.way_back, error)),
            None => Err(unknown_decision()),
        },
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
        None => Ok(&ORDINARY[0]),
        Some(slug) => users::find(slug).ok_or_else(|| {
            let known: Vec<_> = users::all().map(|user| user.slug).collect();
            let text = format!("sandbox_user must be one of: {}.", known.join(", "));
            Refused::page("Unknown user", text)
        }),
    }
}

fn unknown_decision() -> Refused {
    let errors = ERRORS.join(", ");
    let text =
        format!("sandbox_decision must be “allow” or “deny”, or one of the errors {errors}.");
    Refused::page("That is neither yes nor no", text)
}

fn consent_page(
    sandbox: &Shared,
    asked: &Asked<'_>,
    user: &'static User,
    fault: Option<Arranged>,
    params: &Params,
) -> Response {
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
        ordinary: &ORDINARY,
        odd: &*ODD,
        chosen: user,
        fault: fault.map(|fault| fault.name),
        action: format!("authorize?{}", request.join("&")),
        destination: pages::origin(&asked.way_back.url),
        onward: &sandbox.onward,
    })
}

/// Notes the grant, and the fault that goes with it; the code, and for how many milliseconds it is said to be valid.
async fn issue_code(
    sandbox: &Shared,
    asked: &Asked<'_>,
    user: &'static User,
    fault: Option<Arranged>,
) -> Result<(String, u64), Refused> {
    let code = sandbox.dice.code();
    let digest = Digest::of(&code);
    let lifetime = millis(sandbox.code_lifetime);
    let expires_at = match fault {
        Some(fault) if fault.expires_code() => sandbox.now(),
        _ => sandbox.now().saturating_add_unsigned(lifetime),
    };
    if let Some(fault) = fault {
        fault.bind(sandbox, digest)?;
    }
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
                code: digest,
                code_expires_at: expires_at,
                pair: None,
                revoked: false,
            }));
            (changes, ())
        })
        .await
        .map_err(|_| Refused::storage())?;
    Ok((code, lifetime))
}
