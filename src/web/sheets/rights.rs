//! What somebody may do with a sheet: by the scopes that they were asked for, and by their access level.

use super::{Asked, sign_in_path};
use crate::oauth::Scope;
use crate::session::Login;
use crate::smartsheet::AccessLevel;
use crate::web::App;

/// Whether somebody may write rows.
pub(in crate::web) enum Rights {
    /// They may.
    Write,
    /// They were not asked for `WRITE_SHEETS`. With the way to sign in that asks for it, if the settings allow that.
    NoScope(Option<String>),
    /// Their access level does not allow it.
    NoAccess(AccessLevel),
}

impl Rights {
    pub(super) fn of(asked: &Asked<'_>, login: &Login, level: AccessLevel) -> Self {
        if !level.may_write() {
            return Self::NoAccess(level);
        }
        if has(asked.app, login, Scope::WriteSheets) {
            return Self::Write;
        }
        Self::NoScope(way_to(asked, login, Scope::WriteSheets))
    }

    pub(super) fn may_write(&self) -> bool {
        matches!(self, Self::Write)
    }
}

/// Whether the person was asked for `scope`.
pub(super) fn has(app: &App, login: &Login, scope: Scope) -> bool {
    login.asked_for(&app.settings.scopes).contains(&scope)
}

/// The way to sign in that asks for `scope` beside what the person was asked for before. `None` when the settings don't allow it.
pub(super) fn way_to(asked: &Asked<'_>, login: &Login, scope: Scope) -> Option<String> {
    let app = asked.app;
    let before = login.asked_for(&app.settings.scopes);
    let is_wanted = |known: &&Scope| **known == scope || before.contains(known);
    let scopes: Vec<Scope> = app
        .settings
        .scopes
        .iter()
        .filter(is_wanted)
        .copied()
        .collect();
    scopes
        .contains(&scope)
        .then(|| sign_in_path(&asked.here, &scopes))
}
