//! What each step of the flow is for, what would go wrong without it, and where that is written.

use super::explanation::{Explanation, Party, Source};
use super::sheet_steps::{
    CELL_HISTORY, LIST_SHEETS, OPEN_SHEETS, PASS_ON, READ_SHEET, SAVE_ROW, SUBMIT_ROW,
};
use crate::flow::Step;

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
        Step::SignOut => &SIGN_OUT,
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
    purpose: "The code has passed through the browser, so by itself it must not be enough. This app sends it to Smartsheet \
                      directly, with a hash over the code and the app’s secret that only this app can make.",
    without: "Without the hash, whoever finds the code in a history or a log could use it. Without single use, a code \
                      that leaks later would still work.",
    source: Source {
        name: "Smartsheet’s documentation, OAuth: Request an access token",
        url: OAUTH_GUIDE,
    },
};

const REFRESH: Explanation = Explanation {
    title: "Refresh the tokens",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "An access token lasts about 7 days. Before it ends, or when Smartsheet refuses it, this app exchanges the \
                      refresh token for a new pair. The old pair is void from then on.",
    without: "Refresh tokens work once, so that a stolen one is noticed. Two refreshes at the same time would lose the \
                      login: one instance at a time may refresh, and the new pair is stored before it is used.",
    source: Source {
        name: "RFC 9700, section 4.14: Refresh Token Protection",
        url: "https://www.rfc-editor.org/rfc/rfc9700#section-4.14",
    },
};

const SIGN_OUT: Explanation = Explanation {
    title: "Sign out",
    from: Party::Browser,
    to: Party::App,
    purpose: "This app ends the session and takes the browser’s cookie back. As it changes something, it is a POST, and taken from \
                      this app’s own pages alone.",
    without: "If a link could do it, any page could sign you out. If only the cookie went, a copy of it would go on working.",
    source: Source {
        name: "RFC 9110, section 9.2.1: Safe Methods",
        url: "https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1",
    },
};

const REVOCATION: Explanation = Explanation {
    title: "Revoke the tokens",
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
