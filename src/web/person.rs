//! Who is signed in: the way from a session to a profile.

use tokio::time::timeout;

use super::App;
use super::browser::Browser;
use super::person_failures::{PersonError, slow};
use super::shares::Caller;
use super::visit::Visit;
use crate::session::{Id, Login, Person};
use crate::smartsheet::{CurrentUser, Profile};

/// Somebody who is signed in, as Smartsheet knows them right now.
pub(super) struct CurrentPerson {
    pub(super) profile: Profile,
    /// The sign-in whose token Smartsheet has just accepted.
    pub(super) login: Login,
}

/// Calls `users/me` for the browser's session, refreshing the token before or, when Smartsheet refuses it, in between; all
/// of that within [`App::patience`], and as part of what the session and `caller` may have under way. Remembers who it is
/// for the other pages.
pub(super) async fn current_person(
    app: &App,
    browser: &Browser,
    caller: Caller,
) -> Result<CurrentPerson, PersonError> {
    // In a box of its own: it is large, and what is around it would move all of it.
    let known = Box::pin(async {
        let mut visit = Visit::begin(app, browser, caller).await?;
        let profile = profile(&mut visit).await?;
        let id = visit.id;
        let login = visit.end();
        Ok(remembered(app, id, profile, login).await)
    });
    // Giving up on the waiting ends no refresh: that goes on as a task of its own.
    let known = match timeout(app.settings.patience, known).await {
        Ok(known) => known,
        Err(_) => Err(PersonError::Failed(slow())),
    };
    if known.is_err() {
        // For the record: the session may be of no use, but its flow can still be shown.
        let _ = browser.session().await;
    }
    known
}

async fn profile(visit: &mut Visit<'_>) -> Result<Profile, PersonError> {
    let profile = visit.call(&CurrentUser::default()).await;
    profile.map_err(|error| visit.failed(error))
}

async fn remembered(app: &App, id: Id, profile: Profile, mut login: Login) -> CurrentPerson {
    let person = Person::of(&profile);
    if login.person.as_ref() != Some(&person) {
        let remembered = app.sessions.store.note(id, |data| {
            data.login.person = Some(person.clone());
        });
        if let Err(error) = remembered.await {
            // The profile is here and can be shown; the name is asked for again next time.
            tracing::warn!(%error, "a person's name could not be stored");
        }
        login.person = Some(person);
    }
    CurrentPerson { profile, login }
}

/// Who makes `visit`. Smartsheet is asked only if no page has asked before; `None` when it can't say.
pub(super) async fn visitor(app: &App, visit: &mut Visit<'_>) -> Option<Person> {
    if let Some(person) = visit.login().person.clone() {
        return Some(person);
    }
    let profile = profile(visit).await.ok()?;
    let login = visit.login().clone();
    remembered(app, visit.id, profile, login).await.login.person
}

impl Person {
    /// Whether the name is too long for the largest letters.
    pub(super) fn is_long(&self) -> bool {
        self.name.chars().count() > 40
    }
}
