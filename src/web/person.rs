//! Who is signed in: the way from a session to a profile.

mod failures;

use std::sync::Arc;

use tokio::time::timeout;

use super::App;
use super::failure::Failure;
use crate::session::{Browser, Id, Login, Person, SignedIn};
use crate::smartsheet::{Api, ApiError, Profile};
use failures::overtaken;
pub(super) use failures::{BUSY_BECAUSE, BUSY_FOR, MAINTENANCE_FOR, PAUSE_FOR, slow};

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
/// of that within [`App::patience`]. Remembers who it is for the other pages.
pub(super) async fn known(app: &App, browser: &Browser) -> Result<Known, PersonError> {
    let Some(id) = browser.id() else {
        return Err(PersonError::SignedOut);
    };
    // Giving up on the waiting ends no refresh: that goes on as a task of its own.
    let known = match timeout(app.patience, current_user(app, browser, id)).await {
        Ok(known) => known,
        Err(_) => Err(PersonError::Failed(slow())),
    };
    if known.is_err() {
        // For the record: the session may be of no use, but its flow can still be shown.
        let _ = browser.read().await;
    }
    known
}

async fn current_user(app: &App, browser: &Browser, id: Id) -> Result<Known, PersonError> {
    let mut signed_in = app.access.usable(id).await?;
    let api = watched(app, browser, &signed_in);
    let mut answer = api.current_user(signed_in.access_token()).await;
    // Two calls for a visit at most, with one refresh between them that is shared by all who wait for it. If Smartsheet refuses
    // every token, as with a wrong clock, more of either would only multiply.
    if let Err(ApiError::TokenRefused(_)) = answer {
        let refused = signed_in.access_token();
        let next = app.access.instead_of(id, refused).await?;
        if next.access_token() != refused {
            signed_in = next;
            answer = api.current_user(signed_in.access_token()).await;
        }
    }
    if let Err(ApiError::TokenRefused(reason)) = &answer {
        let refused = signed_in.access_token();
        if app.access.has_other_than(id, refused).await? {
            return Err(PersonError::Failed(overtaken(reason.clone())));
        }
    }
    let profile = answer?;

    let person = Person::of(&profile);
    let mut login = signed_in.login;
    if login.person.as_ref() != Some(&person) {
        let remembered = app.store.update(id, |data| {
            if let Some(login) = &mut data.login {
                login.person = Some(person.clone());
            }
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
    browser.visit().learn(signed_in.learned.clone());
    match &signed_in.learned.recorder {
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
