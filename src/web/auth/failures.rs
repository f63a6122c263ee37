//! Why somebody does not get on at another site, for people: one constructor a failure.

use std::time::Duration;

use axum::http::StatusCode;

use crate::gateway::AskError;
use crate::session::Identity;
use crate::web::failure::{Action, Failure};
use crate::web::person_failures::PersonError;

/// 401.
pub(super) fn nobody() -> Failure {
    Failure {
        advice: "If you were about to send a form, nothing of it was sent: open this site in another tab, sign in there, then go \
                 back to the form and send it again.",
        why: "This site asks another app who you are before it answers, and that app does not know this browser (any more).",
        action: Action::SignInAtSite,
        ..Failure::plain(
            StatusCode::UNAUTHORIZED,
            "signed-out",
            "Sign in to go on",
            "Nobody is signed in at this site with this browser.".to_owned(),
        )
    }
}

/// 401, for a page's script.
pub(super) fn nobody_for_scripts() -> Failure {
    Failure {
        advice: "Send the person to sign_in_url.",
        action: Action::SignInAtSite,
        ..Failure::plain(
            StatusCode::UNAUTHORIZED,
            "signed-out",
            "Please sign in",
            "Nobody is signed in with this browser.".to_owned(),
        )
    }
}

/// 403: not one of the sites.
pub(super) fn not_a_site() -> Failure {
    Failure {
        checks: &[
            "Does `gateway.sites` list this site, with its scheme and port?",
            "Does `server.trusted_proxies` name the proxy in front of it, and does that set X-Forwarded-Host and X-Forwarded-Proto, \
             each once?",
        ],
        advice: "Whoever runs this app must act, and should check:",
        ..Failure::plain(
            StatusCode::FORBIDDEN,
            "unknown-site",
            "This site is not known here",
            "The app that signs people in was asked by a site that it does not know.".to_owned(),
        )
    }
}

/// 403: somebody who may not use the site.
pub(super) fn not_allowed(identity: Option<&Identity>) -> Failure {
    let who = match identity {
        Some(identity) if !identity.email.is_empty() && identity.email != identity.name => {
            format!(
                "You are signed in as {} ({}).",
                identity.name, identity.email
            )
        }
        Some(identity) => format!("You are signed in as {}.", identity.name),
        None => String::new(),
    };
    Failure {
        advice: "Ask whoever runs this site to let you in, or sign in as somebody else.",
        action: Action::SignInAsAnother,
        ..Failure::plain(
            StatusCode::FORBIDDEN,
            "not-allowed-here",
            "You may not use this site",
            format!("{who} This site is not for everybody who can sign in.")
                .trim()
                .to_owned(),
        )
    }
}

/// 503: who it is could not be asked yet.
pub(super) fn not_known_yet() -> Failure {
    Failure {
        advice: "Try again in a moment.",
        retry_after: Some(Duration::from_secs(1)),
        ..Failure::plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-known-yet",
            "Smartsheet is being asked who you are",
            "You are signed in, but Smartsheet has not said yet who you are.".to_owned(),
        )
    }
}

/// 400: a grant that is asked for wrongly.
pub(super) fn not_granted(reason: &'static str) -> Failure {
    Failure {
        advice: "Go to the site that you wanted to use, and start again there. If it happens again, tell whoever runs it.",
        reason: reason.to_owned(),
        ..Failure::plain(
            StatusCode::BAD_REQUEST,
            "bad-grant",
            "That site can’t sign you in this way",
            "What sent you here is none of the sites that this app signs people in to, or did not say all that is needed."
                .to_owned(),
        )
    }
}

/// 400: a ticket that does not count.
pub(super) fn not_arrived() -> Failure {
    Failure {
        why: "What leads back from the sign-in works once, within a minute, and in the browser that asked for it. So a page that is \
              loaded again, or a link that somebody else sent, signs nobody in.",
        advice: "Start again. If you are still signed in, there is nothing to type.",
        action: Action::StartAgain,
        ..Failure::plain(
            StatusCode::BAD_REQUEST,
            "bad-ticket",
            "This sign-in can’t be finished",
            "It was finished before, took too long, or was begun in another browser.".to_owned(),
        )
    }
}

impl From<AskError> for PersonError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Access(error) => error.into(),
            AskError::Api(error) => error.into(),
        }
    }
}
