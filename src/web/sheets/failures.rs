//! Why a sheet or a row is not shown or not written, for the person: one constructor a failure.

use axum::http::StatusCode;

use super::{Asked, rights};
use crate::oauth::Scope;
use crate::session::Login;
use crate::smartsheet::{ApiError, CallError};
use crate::web::failure::{Action, Failure};
use crate::web::person_failures::PersonError;

fn to_sheets() -> Action {
    Action::to("Your sheets", "/sheets".to_owned())
}

/// What most have in common.
fn failed(
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    explanation: String,
) -> Failure {
    Failure {
        reason: explanation.clone(),
        advice: "Start from your sheets.",
        action: to_sheets(),
        ..Failure::plain(status, kind, title, explanation)
    }
}

/// 404: nobody knows such a sheet, or this person may not see it.
pub(super) fn no_such_sheet() -> Failure {
    Failure {
        why: "Smartsheet does not tell a sheet that is gone from one that you may not see.",
        ..failed(
            StatusCode::NOT_FOUND,
            "no-such-sheet",
            "There is no such sheet",
            "Smartsheet knows no sheet of this number that you can see. It may have been deleted, or is no longer shared with \
             you."
                .to_owned(),
        )
    }
}

/// 404: the sheet has no such row.
pub(super) fn no_such_row(sheet: u64) -> Failure {
    Failure {
        action: Action::to("Go to the sheet", format!("/sheets/{sheet}")),
        advice: "Go to the sheet, and look for it there.",
        ..failed(
            StatusCode::NOT_FOUND,
            "no-such-row",
            "There is no such row",
            "The sheet has no row of this number. It may have been deleted.".to_owned(),
        )
    }
}

/// 404: beyond the last page, whose address is given.
pub(super) fn no_such_page(last: String) -> Failure {
    Failure {
        action: Action::to("Go to the last page", last),
        advice: "Go to the last page that there is.",
        ..failed(
            StatusCode::NOT_FOUND,
            "no-such-page",
            "Page not found",
            "The list does not go that far. It may have become shorter.".to_owned(),
        )
    }
}

/// 403: the person was not asked for `scope`.
pub(super) fn no_scope(asked: &Asked<'_>, login: &Login, scope: Scope) -> Failure {
    let way = rights::way_to(asked, login, scope);
    let advice = match way {
        Some(_) => "Sign in again; Smartsheet will ask you for it.",
        None => "Whoever runs this app decides what it asks for, by `smartsheet.scopes`.",
    };
    let explanation = format!(
        "This takes the scope {scope}: to {}. When you signed in, this app did not ask you for it.",
        scope.meaning()
    );
    Failure {
        why: "A token is good for what the person was asked for, and for nothing else.",
        advice,
        action: match way {
            Some(path) => Action::to("Sign in again, asking for it", path),
            None => Action::GoHome,
        },
        ..failed(
            StatusCode::FORBIDDEN,
            "scope-missing",
            "You have not allowed that",
            explanation,
        )
    }
}

/// What an error means at a sheet, where that is not the same as elsewhere.
pub(super) fn of_sheet(asked: &Asked<'_>, login: &Login, error: &CallError) -> Option<Failure> {
    match (&error.error, error.status) {
        (ApiError::AppRefused(_), Some((404, Some(_)))) => Some(no_such_sheet()),
        (ApiError::NotAllowed { reason, .. }, _) => {
            let scopes = login.asked_for(&asked.app.settings.scopes);
            let wanted = [Scope::ReadSheets, Scope::WriteSheets];
            let missing = wanted.iter().find(|scope| !scopes.contains(scope));
            Some(not_allowed(
                reason,
                missing.and_then(|scope| rights::way_to(asked, login, *scope)),
            ))
        }
        _ => None,
    }
}

/// 403: Smartsheet refuses this person, and says why.
fn not_allowed(said: &str, way: Option<String>) -> Failure {
    Failure {
        why: "What you may do there, Smartsheet decides: by the scopes that you allowed, by your access to the sheet, and by \
              your plan.",
        advice: "If the reason does not say what to do, ask the sheet’s owner or your Smartsheet administrator.",
        action: match way {
            Some(path) => Action::to("Sign in again, asking for more", path),
            None => to_sheets(),
        },
        reason: said.to_owned(),
        said: Some(said.to_owned()),
        ..failed(
            StatusCode::FORBIDDEN,
            "not-allowed",
            "Smartsheet does not allow this",
            "Smartsheet refused this. You are still signed in.".to_owned(),
        )
    }
}

/// 403: the access level does not allow it.
pub(super) fn no_access(words: &str) -> Failure {
    Failure {
        advice: "Ask the sheet’s owner to share it with you as an editor.",
        ..failed(
            StatusCode::FORBIDDEN,
            "access-level",
            "You may not change this sheet",
            format!("It is shared with you, but not for writing. Your access: {words}."),
        )
    }
}

/// 403: the row is locked.
pub(super) fn row_locked() -> Failure {
    Failure {
        advice: "Ask the sheet’s owner to unlock it.",
        ..failed(
            StatusCode::FORBIDDEN,
            "row-locked",
            "The row is locked",
            "Only the sheet’s owner and its administrators change it. Nothing was written."
                .to_owned(),
        )
    }
}

/// 400: the form is not one of this sheet.
pub(super) fn unreadable_form(what: &str) -> Failure {
    Failure {
        why: "A form has one field for each column that you can fill in, and no others. When somebody adds or removes a column \
              meanwhile, it no longer fits.",
        advice: "Look at the fields, and save again.",
        ..failed(
            StatusCode::BAD_REQUEST,
            "form-unreadable",
            "The form does not fit the sheet",
            format!("{what} Nothing was written."),
        )
    }
}

/// 422: there is nothing to write.
pub(super) fn empty_row() -> Failure {
    Failure {
        advice: "Fill in one field at least.",
        ..failed(
            StatusCode::UNPROCESSABLE_ENTITY,
            "row-empty",
            "There is nothing in this row",
            "Every field is empty, so no row was added.".to_owned(),
        )
    }
}

/// What became of a write that failed. `none` is Smartsheet's answer for another cause.
pub(super) fn of_write(asked: &Asked<'_>, login: &Login, error: CallError) -> Failure {
    if let Some(failure) = of_sheet(asked, login, &error) {
        return failure;
    }
    if let (ApiError::Refused(said), false) = (&error.error, error.may_be_done) {
        return value_refused(said);
    }
    let may_be_done = error.may_be_done;
    let PersonError::Failed(failure) = error.error.into() else {
        // No error of a call means that.
        return Failure::internal("signed out by a call");
    };
    if may_be_done {
        return perhaps_done(failure);
    }
    Failure {
        explanation: format!("{} Nothing was written.", failure.explanation),
        ..failure
    }
}

/// 422: Smartsheet refused what was to be written.
fn value_refused(said: &str) -> Failure {
    Failure {
        why: "A column takes values of its type, and Smartsheet decides which those are.",
        advice: "Change it, and save again.",
        reason: said.to_owned(),
        said: Some(said.to_owned()),
        ..failed(
            StatusCode::UNPROCESSABLE_ENTITY,
            "value-refused",
            "Smartsheet did not take that",
            "Nothing was written.".to_owned(),
        )
    }
}

/// The same failure, at a write that was sent: nobody knows what came of it.
pub(super) fn perhaps_done(failure: Failure) -> Failure {
    Failure {
        title: "Nobody knows whether it was saved",
        explanation: format!(
            "{} The change was sent, and no answer of use came back, so it may have been made.",
            failure.explanation
        ),
        why: "This app does not send it again by itself: if it was saved, that would save it twice.",
        advice: "Look at the sheet first. Save again only if the change is not there.",
        ..failure
    }
}

/// 401: signed out, while a form was being filled in.
pub(super) fn signed_out_meanwhile() -> Failure {
    Failure {
        why: "Somebody signed out in this browser, in another tab perhaps, while this form was open.",
        advice: "Sign in again in a new tab, come back to this one, and save again: what you typed is still here.",
        action: Action::SignIn,
        ..failed(
            StatusCode::UNAUTHORIZED,
            "signed-out",
            "Please sign in",
            "Nobody is signed in with this browser any more. Nothing was written.".to_owned(),
        )
    }
}

/// 409: somebody else has changed the row meanwhile.
pub(super) fn conflict() -> Failure {
    Failure {
        why: "Whoever saves last would undo what others wrote meanwhile, unseen.",
        advice: "Look at both, and choose.",
        ..failed(
            StatusCode::CONFLICT,
            "row-changed",
            "Somebody else changed this row",
            "The row is not the one that your form showed. Nothing was written.".to_owned(),
        )
    }
}
