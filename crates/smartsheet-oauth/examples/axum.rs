//! "Sign in with Smartsheet" in an axum app, whole: `/`, `/login`, `/redirect` and `/me`. What it leaves to the app of this
//! repository: sessions that outlive a restart, and two tabs that refresh at the same moment, of which only one can.
use axum::extract::{RawQuery, State as Shared};
use axum::response::{ErrorResponse, Html, IntoResponse as _, Redirect, Response, Result};
use axum::{Router, http::StatusCode, routing::get};
use smartsheet_oauth::{Callback, Client, Region, Registration, Scope, State, Token};
use smartsheet_oauth::{api::Api, jiff::Timestamp, rand};
use std::{error::Error, time::Duration};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, cookie::SameSite};

/// One sentence, without a secret. A real app tells people what to do next.
fn failed(error: impl Into<Box<dyn Error>>) -> ErrorResponse {
    (StatusCode::BAD_GATEWAY, error.into().to_string()).into()
}

type App = Shared<(Client, Api)>;

/// Sends the browser to Smartsheet, and remembers the `state` that it has to come back with.
async fn login(Shared((client, _)): App, session: Session) -> Result<Redirect> {
    let state = State::random(&mut rand::rng());
    let url = client.authorization_url(&[Scope::ReadSheets], &state);
    session.insert("state", state).await.map_err(failed)?;
    Ok(Redirect::to(url.as_str()))
}

/// The callback. Only with this browser's `state`, which works once, is the code exchanged.
async fn redirect(app: App, session: Session, RawQuery(query): RawQuery) -> Result<Redirect> {
    let callback = Callback::parse(&query.unwrap_or_default()).map_err(failed)?;
    let expected: Option<State> = session.remove("state").await.map_err(failed)?;
    if expected.is_none() || callback.state != expected {
        return Err(failed("This sign-in was not started in this browser."));
    }
    let (code, now) = (callback.outcome.map_err(failed)?, Timestamp::now());
    let token = app.0.0.exchange_code(&code, now).await.map_err(failed)?;
    session.cycle_id().await.map_err(failed)?; // an id from before the sign-in is worth nothing now
    session.insert("token", token).await.map_err(failed)?;
    Ok(Redirect::to("/me"))
}

/// Uses the token; within five minutes of its end it is refreshed, and the new pair stored, before that.
async fn me(Shared((client, api)): App, session: Session) -> Result<Response> {
    let Some(mut token) = session.get::<Token>("token").await.map_err(failed)? else {
        return Ok(Redirect::to("/login").into_response());
    };
    let now = Timestamp::now();
    if token.expires_within(Duration::from_mins(5), now) {
        let old = token.refresh_token.as_ref();
        let old = old.ok_or_else(|| failed("The sign-in has expired."))?;
        token = client.refresh(old, now).await.map_err(failed)?;
        session.insert("token", &token).await.map_err(failed)?;
        session.save().await.map_err(failed)?;
    }
    let person = api.current_user(&token.access_token).await;
    let name = person.map_err(failed)?.name();
    Ok(format!("Signed in as {name}").into_response())
}

/// The app, with the client and the API that `main` or a test made.
pub(crate) fn app(client: Client, api: Api) -> Router {
    // `Lax`: the cookie must come along when Smartsheet sends the browser back. Secure is for https.
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_same_site(SameSite::Lax);
    let index = Html("<a href=/login>Sign in with Smartsheet</a>");
    Router::new()
        .route("/", get(async move || index))
        .route("/login", get(login))
        .route("/redirect", get(redirect))
        .route("/me", get(me))
        .with_state((client, api))
        .layer(sessions.with_secure(false))
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let (id, secret) = (std::env::var("CLIENT_ID")?, std::env::var("CLIENT_SECRET")?);
    let callback = "http://localhost:8080/redirect".parse()?;
    let registration = Registration::new(&id, secret.into(), callback);
    let (client, api) = Region::Us.connect(registration, "my-app/1.0")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, app(client, api)).await?)
}
