//! What each step of the flow is for, what would go wrong without it, and where that is written.

use super::explanation::{Explanation, Party, Source};
use super::sheet_steps::{
    CELL_HISTORY, LIST_SHEETS, OPEN_SHEETS, PASS_ON, READ_SHEET, SAVE_ROW, SUBMIT_ROW,
};
use crate::flow::{Ending, Message, Step};

const OAUTH_GUIDE: &str =
    "https://developers.smartsheet.com/api/smartsheet/guides/advanced-topics/oauth";

/// The explanation of `step`.
pub(super) fn explain(step: Step) -> &'static Explanation {
    match step {
        Step::SignIn => &SIGN_IN,
        Step::Consent => &CONSENT,
        Step::Callback => &CALLBACK,
        Step::CodeExchange => &CODE_EXCHANGE,
        Step::Refresh => &REFRESH,
        Step::Revocation => &REVOCATION,
        Step::CurrentUser => &CURRENT_USER,
        Step::Profile => &PROFILE,
        Step::RefreshNow => &REFRESH_NOW,
        Step::OpenSheets => &OPEN_SHEETS,
        Step::SubmitRow => &SUBMIT_ROW,
        Step::ListSheets => &LIST_SHEETS,
        Step::ReadSheet => &READ_SHEET,
        Step::CellHistory => &CELL_HISTORY,
        Step::SaveRow => &SAVE_ROW,
        Step::PassOn => &PASS_ON,
    }
}

const SIGN_IN: Explanation = Explanation {
    title: "Start the sign-in",
    from: Party::Browser,
    to: Party::App,
    purpose: "This app draws a random state, gives this browser a sealed cookie for it, and sends the browser to Smartsheet \
                      with its client id and what it asks for.",
    without: "Without a state of its own for each sign-in, somebody could finish their sign-in in your browser, and \
                      you would work in their account without noticing (RFC 6749, section 10.12).",
    source: Source {
        name: "RFC 6749, section 4.1.1: Authorization Request",
        url: "https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1",
    },
};

const CONSENT: Explanation = Explanation {
    title: "Ask the person",
    from: Party::Browser,
    to: Party::Smartsheet,
    purpose: "At Smartsheet the person signs in, sees who asks for what, and allows or denies it. This app does not see \
                      this message; it is told from where the browser was sent and what it came back with.",
    without: "Without a page at Smartsheet’s own address, people would have to trust every app with their password.",
    source: Source {
        name: "RFC 6749, section 3.1: Authorization Endpoint",
        url: "https://www.rfc-editor.org/rfc/rfc6749#section-3.1",
    },
};

const CALLBACK: Explanation = Explanation {
    title: "Come back with the answer",
    from: Party::Browser,
    to: Party::App,
    purpose: "Smartsheet sends the browser back with a code, or an error, and the state. This app looks for this \
                      browser’s cookie of that state and notes that it was used: each works once, and for 10 minutes.",
    without: "Without the check, anybody could send you a link with a code of theirs. Without the note, a reload \
                      or a second click would use the code again.",
    source: Source {
        name: "RFC 9700, section 4.7: Cross-Site Request Forgery",
        url: "https://www.rfc-editor.org/rfc/rfc9700#section-4.7",
    },
};

const CODE_EXCHANGE: Explanation = Explanation {
    title: "Exchange the code for tokens",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "The code has passed through the browser, so by itself it is worth nothing. This app shows it to Smartsheet \
                      directly, with a hash over the code and the app’s secret that only this app can make.",
    without: "Without the hash, whoever finds the code in a history or a log could use it. Without single use, a code \
                      that leaks later would still be good.",
    source: Source {
        name: "Smartsheet’s documentation, OAuth: Request an access token",
        url: OAUTH_GUIDE,
    },
};

const REFRESH: Explanation = Explanation {
    title: "Renew the tokens",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "An access token lasts about 7 days. Before it ends, or when Smartsheet refuses it, this app exchanges the \
                      refresh token for a new pair. The old pair is void from then on.",
    without: "Refresh tokens work once, so that a stolen one is noticed. Two renewals at the same time would lose the \
                      login: one instance at a time may renew, and the new pair is stored before it is used.",
    source: Source {
        name: "RFC 9700, section 4.14: Refresh Token Protection",
        url: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14",
    },
};

const REVOCATION: Explanation = Explanation {
    title: "Give the tokens back",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "At sign-out this app ends the session first, and then tells Smartsheet that the tokens are no longer \
                      needed.",
    without: "Without it, a copy of the token would work for days after the sign-out.",
    source: Source {
        name: "Smartsheet’s documentation, OAuth: Revoke an access token",
        url: OAUTH_GUIDE,
    },
};

const CURRENT_USER: Explanation = Explanation {
    title: "Ask who it is",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "With the access token this app calls the API in the person’s name. users/me says who that is, and needs no \
                      scope.",
    without: "A token says nothing about the person; only the API does. It travels in a header, because an address ends \
                      up in logs and histories.",
    source: Source {
        name: "RFC 6750, section 2.1: Authorization Request Header Field",
        url: "https://www.rfc-editor.org/rfc/rfc6750#section-2.1",
    },
};

const PROFILE: Explanation = Explanation {
    title: "Open the profile",
    from: Party::Browser,
    to: Party::App,
    purpose: "The browser brings a cookie that points at a session, and nothing else. The tokens stay on the server, \
                      sealed.",
    without: "A token in the browser could be taken by any script that gets onto a page, and used from anywhere.",
    source: Source {
        name: "RFC 6749, section 10.3: Access Tokens",
        url: "https://www.rfc-editor.org/rfc/rfc6749#section-10.3",
    },
};

const REFRESH_NOW: Explanation = Explanation {
    title: "Ask for new tokens",
    from: Party::Browser,
    to: Party::App,
    purpose: "Somebody pressed “Refresh now”. As it changes something, it is a POST, and taken from this app’s own pages \
                      alone.",
    without: "If other sites could send it, they could spend refresh tokens in your name.",
    source: Source {
        name: "RFC 6749, section 6: Refreshing an Access Token",
        url: "https://www.rfc-editor.org/rfc/rfc6749#section-6",
    },
};

/// What this app made of an ending that is not the ordinary one.
pub(super) fn reaction(message: &Message) -> Option<&'static str> {
    let answer = match &message.ending {
        Ending::Answer(answer) if answer.status >= 400 => answer,
        Ending::Unseen { location } if location.contains("error=") => {
            return Some("Smartsheet sent the browser back with an error instead of a code.");
        }
        Ending::Answer(_) | Ending::Unseen { .. } => return None,
        Ending::Failure(_) => {
            return Some(match message.step {
                Step::CodeExchange => {
                    "No answer that could be used, so nobody was signed in. The request was not repeated: a code works once."
                }
                Step::Refresh => {
                    "No answer that could be used. The session kept its tokens, and the next visit tries again."
                }
                Step::SaveRow => {
                    "No answer that could be used, so nobody knows whether it was saved. It was not sent again: that could save it twice."
                }
                Step::PassOn => "No answer that could be used. Whoever called was told so.",
                _ => "No answer that could be used. The session was kept.",
            });
        }
    };
    let has_code = |code: &str| {
        answer
            .body
            .as_deref()
            .is_some_and(|body| body.contains(code))
    };
    let is_read = matches!(
        message.step,
        Step::CurrentUser | Step::ListSheets | Step::ReadSheet | Step::CellHistory
    );
    Some(match (message.step, answer.status) {
        (step, 401)
            if (is_read || matches!(step, Step::SaveRow | Step::PassOn))
                && (!has_code("errorCode") || has_code("1002") || has_code("1003")) =>
        {
            "Smartsheet refused the token: this app renews it and asks again, once."
        }
        (step, 401 | 403) if (is_read || step == Step::SaveRow) && has_code("errorCode") => {
            "Smartsheet does not allow this to this person. Asking again would not help."
        }
        (Step::PassOn, _) => {
            "Whoever called gets this answer, unless asking again is known to do no harm: then this app asks again a few times."
        }
        (_, 429) if is_read => {
            "Smartsheet asked for a pause: this app asks again a few times, or passes the wait on when it is long."
        }
        (_, 400..500) if is_read => "The call was refused. Asking again would not help.",
        (Step::SaveRow, 429) => {
            "Nothing was saved, so this app sends it again in a moment, a few times."
        }
        (Step::SaveRow, 400..500) => {
            "Smartsheet refused it, and nothing was saved. What was typed stays in the form."
        }
        (Step::SaveRow, _) if has_code("4001") || has_code("4004") => {
            "Nothing was saved, so this app sends it again in a moment, a few times."
        }
        (Step::SaveRow, _) => {
            "Nobody knows whether it was saved. It was not sent again: that could save it twice."
        }
        (Step::CurrentUser | Step::ListSheets | Step::ReadSheet | Step::CellHistory, _) => {
            "Smartsheet failed. Where its documentation says that it may pass, this app asks again a few times."
        }
        (Step::CodeExchange, _) => {
            "Smartsheet refused the exchange, so nobody was signed in. It was not repeated: a code works once."
        }
        (Step::Refresh, _) if has_code("invalid_grant") => {
            "The grant is gone: the tokens were dropped, and the person was asked to sign in again."
        }
        (Step::Refresh, _) => "The session kept its tokens, and the next visit tries again.",
        (Step::Revocation, _) => "The session ended all the same.",
        (
            Step::SignIn
            | Step::Consent
            | Step::Callback
            | Step::Profile
            | Step::RefreshNow
            | Step::OpenSheets
            | Step::SubmitRow,
            _,
        ) => "This app answered with a page that says what happened and what to do next.",
    })
}
