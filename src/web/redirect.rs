//! `GET /redirect`: the callback. Checks `state`, exchanges the code, signs the browser in.

mod failures;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Redirect;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::App;
use super::browser::Browser;
use super::failure::Failure;
use crate::flow::Message;
use crate::metrics;
use crate::oauth::{
    self, AuthorizationCode, AuthorizationError, Callback, CallbackError, OAuthError,
};
use crate::session::{Login, SignIn, StoreError, Stored, Taken, UsedState};

/// How long a sign-in waits to know who it is.
const INTRODUCE_WITHIN: Duration = Duration::from_secs(3);

/// Why a callback signs nobody in.
enum RedirectError {
    Unreadable(CallbackError),
    /// `state` is missing, unknown, of another browser, of a sign-in that failed, or too old.
    UnknownState,
    /// Another callback with this `state` takes longer than a page waits.
    StillUnderWay,
    Refused(AuthorizationError),
    NotExchanged(OAuthError),
    Store(StoreError),
    /// The task that exchanged the code panicked.
    Interrupted,
}

/// Where a callback leads.
enum Arrival {
    /// It signed the person in, who goes there.
    SignedIn(String),
    /// Another callback of this browser did. The person goes where that one led, and gets nothing else.
    Again(String),
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Redirect, Failure> {
    let result = sign_in(&app, &browser, &query.unwrap_or_default()).await;
    app.metrics.sign_in(match &result {
        Ok(Arrival::SignedIn(_)) => metrics::SignIn::Succeeded,
        Ok(Arrival::Again(_)) => metrics::SignIn::Repeated,
        Err(error) => error.outcome(),
    });
    match &result {
        Ok(Arrival::SignedIn(_)) => tracing::info!("sign-in succeeded"),
        Ok(Arrival::Again(_)) => tracing::info!("sign-in had succeeded already"),
        Err(error) => tracing::info!(reason = error.reason(), "sign-in failed"),
    }
    let (Arrival::SignedIn(return_to) | Arrival::Again(return_to)) = result?;
    Ok(Redirect::to(&return_to))
}

/// Signs the browser in and says where the person wanted to go.
async fn sign_in(app: &Arc<App>, browser: &Browser, query: &str) -> Result<Arrival, RedirectError> {
    record_with_what_is_known(app, browser).await;
    let callback = Callback::parse(query).map_err(RedirectError::Unreadable)?;

    // Nothing of the callback counts before it is known that this browser asked for it.
    let state = callback.state.ok_or(RedirectError::UnknownState)?;
    let Some(sign_in) = browser.sign_in_of(&state) else {
        return again(app, browser, &state).await;
    };
    browser.record_in(sign_in.flow, app.clock.now());
    let asked = Asked {
        state,
        query: query.to_owned(),
        outcome: callback.outcome,
    };
    // A task of its own: once the state is used, the answer must be stored even if the browser goes away, as it does when
    // somebody reloads the page. In a box, because what starts it would move it a dozen times, and it is large.
    let task = {
        let (app, browser, sign_in) = (Arc::clone(app), browser.clone(), sign_in.clone());
        Box::pin(async move { use_state(&app, &browser, sign_in, asked).await })
    };
    let task = app.running.tasks.spawn(task.in_current_span());
    let taken = match task.await.unwrap_or(Err(RedirectError::Interrupted))? {
        Ok(arrival) => return Ok(arrival),
        // Waiting is for as long as the browser waits, too.
        Err(Taken::StillUnderWay) => {
            app.sessions
                .store
                .wait_for_sign_in(&sign_in, app.settings.patience)
                .await?
        }
        Err(taken) => taken,
    };
    match taken {
        Taken::Succeeded(return_to) => Ok(Arrival::Again(return_to)),
        Taken::StillUnderWay => Err(RedirectError::StillUnderWay),
        Taken::Ours(_) | Taken::Failed | Taken::TooOld => Err(RedirectError::UnknownState),
    }
}

/// What a callback brought.
struct Asked {
    state: oauth::State,
    query: String,
    outcome: Result<AuthorizationCode, AuthorizationError>,
}

/// Uses the state of `sign_in` and signs the browser in, or says what another callback has made of it so far.
async fn use_state(
    app: &App,
    browser: &Browser,
    sign_in: SignIn,
    asked: Asked,
) -> Result<Result<Arrival, Taken>, RedirectError> {
    // In one conditional write, which is what makes the state good for one exchange.
    let used = match app
        .sessions
        .store
        .take_sign_in(sign_in, Duration::ZERO)
        .await?
    {
        Taken::Ours(used) => used,
        other => return Ok(Err(other)),
    };
    record_consent(app, browser, used.sign_in(), &asked.state, &asked.query);

    let finished = finish(app, browser, &used, asked.outcome).await;
    match &finished {
        Ok(stored) => {
            browser.point_to(stored);
            browser.forget_flow();
        }
        Err(_) => browser.show_flow(used.sign_in().flow),
    }
    browser.finish(used.sign_in());
    finished?;
    Ok(Ok(Arrival::SignedIn(used.sign_in().return_to.clone())))
}

/// What becomes of a callback whose sign-in this browser has no cookie for: the one that it came back with before is gone when
/// it has a session by that very sign-in.
async fn again(
    app: &App,
    browser: &Browser,
    state: &oauth::State,
) -> Result<Arrival, RedirectError> {
    let Some(session) = browser.session().await? else {
        return Err(RedirectError::UnknownState);
    };
    match app
        .sessions
        .store
        .finished_sign_in(state, &session.data)
        .await?
    {
        Taken::Succeeded(return_to) => Ok(Arrival::Again(return_to)),
        _ => Err(RedirectError::UnknownState),
    }
}

/// Exchanges the code, if there is one, and stores the session. Remembers if nothing came of it.
async fn finish(
    app: &App,
    browser: &Browser,
    used: &UsedState,
    outcome: Result<AuthorizationCode, AuthorizationError>,
) -> Result<Stored, RedirectError> {
    let finished = match outcome {
        Ok(code) => exchange(app, browser, used, code).await,
        Err(error) => Err(RedirectError::Refused(error)),
    };
    if finished.is_err()
        && let Err(error) = app.sessions.store.sign_in_failed(used).await
    {
        tracing::warn!(%error, "that a sign-in failed was not noted");
    }
    finished
}

async fn exchange(
    app: &App,
    browser: &Browser,
    used: &UsedState,
    code: AuthorizationCode,
) -> Result<Stored, RedirectError> {
    // The session that this browser has had so far, and its other sign-ins under way.
    let before = browser.session().await?.map(|stored| stored.id);
    let others: Vec<SignIn> = browser.sign_ins().collect();
    let now = app.clock.now();
    let client = match browser.recorder() {
        Some(recorder) => app.smartsheet.client.observed_by(Arc::new(recorder)),
        None => app.smartsheet.client.clone(),
    };
    let token = client.exchange_code(&code, now).await?;
    let login = Login::new(token, now);
    match app
        .sessions
        .store
        .sign_in(used, login.clone(), before, &others)
        .await
    {
        Ok(stored) => {
            introduce(app, browser, &stored).await;
            Ok(stored)
        }
        Err(error) => {
            // Nobody will ever use this pair: give it back.
            if let Err(error) = app.sessions.revocations.give_back(login.token).await {
                tracing::warn!(%error, "a pair that could not be stored could not be revoked");
            }
            Err(error.into())
        }
    }
}

/// Finds out who it is, for the other sites and for calls that are passed on, if there are any. Should it take long, nobody waits for it: they are asked for again
/// when it is needed.
async fn introduce(app: &App, browser: &Browser, stored: &Stored) {
    if !app.gateway.is_on() && app.gateway.api.allow.is_empty() {
        return;
    }
    // What Smartsheet says of the person is the session's: the sign-in's cookie may have been copied.
    let recorder = browser.recorder_of(&stored.data);
    let identities = app.gateway.identities.clone();
    let (id, token) = (stored.id, stored.data.login.token.access_token.clone());
    let introduced = async move {
        if let Err(error) = identities.introduce(id, &token, recorder).await {
            tracing::info!(%error, "it is not known yet who signed in");
        }
    };
    let introduced = app.running.tasks.spawn(introduced.in_current_span());
    let _ = timeout(INTRODUCE_WITHIN, introduced).await;
}

/// Until it is known which sign-in a callback belongs to, its messages go where the browser would look for them.
async fn record_with_what_is_known(app: &App, browser: &Browser) {
    if let Some(flow) = browser
        .flow()
        .or_else(|| browser.flow_under_way(app.clock.now()))
    {
        browser.record_in(flow, app.clock.now());
    } else if let Err(error) = browser.session().await {
        tracing::debug!(%error, "it is not known where the messages of a callback belong");
    }
}

/// Takes down what the browser did at Smartsheet, as far as its way there and back tell.
fn record_consent(
    app: &App,
    browser: &Browser,
    sign_in: &SignIn,
    state: &oauth::State,
    query: &str,
) {
    if let Some(recorder) = browser.recorder() {
        let scopes = sign_in.scopes.as_deref().unwrap_or(&app.settings.scopes);
        let way_there = app.smartsheet.client.authorization_url(scopes, state);
        let way_back = format!("{}redirect?{query}", app.settings.base_url);
        let now = app.clock.now();
        recorder.record(&Message::of_consent(
            &way_there,
            &way_back,
            sign_in.started_at,
            now,
        ));
    }
}

impl From<StoreError> for RedirectError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OAuthError> for RedirectError {
    fn from(error: OAuthError) -> Self {
        Self::NotExchanged(error)
    }
}
