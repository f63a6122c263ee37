//! Who is signed in: the way from a session to a profile.

mod failures;

use std::sync::Arc;

use tokio::time::timeout;

use super::App;
use super::browser::Browser;
use super::failure::Failure;
use super::shares::Caller;
use crate::session::{AccessError, Id, Login, Person, SignedIn};
use crate::smartsheet::{Api, ApiError, Profile};
use failures::overtaken;
pub(super) use failures::{MAINTENANCE_FOR, PAUSE_FOR, slow};

/// Why there is no profile.
pub(super) enum PersonError {
    /// Nobody is signed in.
    SignedOut,
    /// Everything else.
    Failed(Failure),
}

/// Somebody who is signed in, as Smartsheet knows them right now.
pub(super) struct Known {
    pub(super) profile: Profile,
    /// The sign-in whose token Smartsheet has just accepted.
    pub(super) login: Login,
}

/// Calls `users/me` for the browser's session, refreshing the token before or, when Smartsheet refuses it, in between; all
/// of that within [`App::patience`], and as part of what the session and `caller` may have under way. Remembers who it is
/// for the other pages.
pub(super) async fn known(
    app: &App,
    browser: &Browser,
    caller: Caller,
) -> Result<Known, PersonError> {
    let id = browser.id().await.map_err(AccessError::from);
    let Some(id) = id.map_err(|error| PersonError::of(error, app, browser))? else {
        return Err(PersonError::SignedOut);
    };
    // Giving up on the waiting ends no refresh: that goes on as a task of its own.
    let known = match timeout(app.patience, current_user(app, browser, id, caller)).await {
        Ok(known) => known,
        Err(_) => Err(PersonError::Failed(slow())),
    };
    if known.is_err() {
        // For the record: the session may be of no use, but its flow can still be shown.
        let _ = browser.session().await;
    }
    known
}

async fn current_user(
    app: &App,
    browser: &Browser,
    id: Id,
    caller: Caller,
) -> Result<Known, PersonError> {
    let failed = |error| PersonError::of(error, app, browser);
    let mut signed_in = app.access.usable(id).await.map_err(failed)?;
    let share = app.shares.visit(id, caller).await;
    let share = share.map_err(PersonError::Failed)?;
    let api = watched(app, browser, &signed_in);
    let mut answer = api.current_user(signed_in.access_token()).await;
    // Two calls for a visit at most, with one refresh between them that is shared by all who wait for it. If Smartsheet refuses
    // every token, as with a wrong clock, more of either would only multiply.
    if let Err(ApiError::TokenRefused(_)) = answer {
        let refused = signed_in.access_token();
        let next = app.access.instead_of(id, refused).await.map_err(failed)?;
        if next.access_token() != refused {
            signed_in = next;
            answer = api.current_user(signed_in.access_token()).await;
        }
    }
    if let Err(ApiError::TokenRefused(reason)) = &answer {
        let refused = signed_in.access_token();
        let other = app.access.has_other_than(id, refused).await;
        if other.map_err(failed)? {
            return Err(PersonError::Failed(overtaken(reason.clone())));
        }
    }
    let profile = answer?;
    drop(share);

    let person = Person::of(&profile);
    let mut login = signed_in.login;
    if login.person.as_ref() != Some(&person) {
        let remembered = app.store.update(id, |data| {
            data.login.person = Some(person.clone());
        });
        if let Err(error) = remembered.await {
            // The profile is here and can be shown; the name is asked for again next time.
            tracing::warn!(%error, "a person's name could not be stored");
        }
        login.person = Some(person);
    }
    Ok(Known { profile, login })
}

/// The API, with its calls taken down in this session's flow.
fn watched(app: &App, browser: &Browser, signed_in: &SignedIn) -> Api {
    browser.record_with(signed_in.recorder.clone());
    match &signed_in.recorder {
        Some(recorder) => app.api.watched_by(Arc::new(recorder.clone())),
        None => app.api.clone(),
    }
}

impl Person {
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            name: profile.name(),
            email: profile.email().to_owned(),
        }
    }

    /// Whether the name is too long for the largest letters.
    pub(super) fn is_long(&self) -> bool {
        self.name.chars().count() > 40
    }
}

impl PersonError {
    /// What `error` means to the person. The browser of a session that is gone still finds its messages. Its cookie stays: this
    /// answer may be late, and the browser may have another session's by now, from a sign-in in another tab.
    pub(super) fn of(error: AccessError, app: &App, browser: &Browser) -> Self {
        if let AccessError::GrantGone(Some(flow)) = &error {
            browser.record_in(*flow, app.clock.now());
            browser.show_flow(*flow);
        }
        error.into()
    }
}
