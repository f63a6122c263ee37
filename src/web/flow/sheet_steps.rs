//! The steps of reading and changing sheets, and of calls that are passed on.

use super::explanation::{Explanation, Party, Source};

const SHEETS_REFERENCE: &str = "https://developers.smartsheet.com/api/smartsheet/openapi/sheets";

pub(super) const OPEN_SHEETS: Explanation = Explanation {
    title: "Open sheets",
    from: Party::Browser,
    to: Party::App,
    purpose: "The browser asks for a page, with its cookie. This app looks up the session’s access token, and asks Smartsheet for \
                      what the page shows, and no more.",
    without: "If the browser asked Smartsheet itself, it would need the token.",
    source: Source {
        name: "RFC 6749, section 10.3: Access Tokens",
        url: "https://www.rfc-editor.org/rfc/rfc6749#section-10.3",
    },
};

pub(super) const SUBMIT_ROW: Explanation = Explanation {
    title: "Send a row",
    from: Party::Browser,
    to: Party::App,
    purpose: "Somebody pressed Save. The form brings what was typed, and which version of the sheet it showed. As it changes \
                      something, it is a POST, and taken from this app’s own pages alone.",
    without: "Without the check where it comes from, another site could write into your sheets. Without the version, \
                      whoever saves last would undo what others wrote meanwhile, unseen.",
    source: Source {
        name: "RFC 9110, section 9.2.1: Safe Methods",
        url: "https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1",
    },
};

pub(super) const LIST_SHEETS: Explanation = Explanation {
    title: "List the sheets",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "The sheets that the person can see, a page of them, each with what they may do there. It needs the scope \
                      READ_SHEETS.",
    without: "Whoever asks for all pages at once waits for all of them, and so does everybody else.",
    source: Source {
        name: "Smartsheet’s documentation, API: List sheets",
        url: SHEETS_REFERENCE,
    },
};

pub(super) const READ_SHEET: Explanation = Explanation {
    title: "Read the sheet",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "Columns, and the rows that are shown or about to be changed. Who changed a row last comes only with \
                      include=writerInfo. Before a row is written, this app looks whether it is still the one that the form \
                      showed.",
    without: "Without page and pageSize, or rowIds, Smartsheet sends all rows, thousands of them.",
    source: Source {
        name: "Smartsheet’s documentation, API: Get sheet",
        url: SHEETS_REFERENCE,
    },
};

pub(super) const CELL_HISTORY: Explanation = Explanation {
    title: "Read a cell’s history",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "Who wrote which value when, for one cell, the newest first.",
    without: "Smartsheet counts this call as ten. A page that asked for every cell would use up the 300 that a token has a \
                      minute.",
    source: Source {
        name: "Smartsheet’s documentation, API: List cell history",
        url: SHEETS_REFERENCE,
    },
};

pub(super) const SAVE_ROW: Explanation = Explanation {
    title: "Save the row",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "The changed cells alone, in the person’s name: the token says whose change it is. Smartsheet-Change-Agent says by \
                      which app, so that its own webhooks can leave it out.",
    without: "Sent twice, a new row would be there twice. So it is sent again only where the answer proves that nothing was \
                      done: 401, 429, error code 4001 or 4004, or no connection.",
    source: Source {
        name: "Smartsheet’s documentation, API: Add rows, Update rows",
        url: SHEETS_REFERENCE,
    },
};

pub(super) const PASS_ON: Explanation = Explanation {
    title: "Pass a call on",
    from: Party::App,
    to: Party::Smartsheet,
    purpose: "A page, or the back end of a site, asked this app for something of Smartsheet’s API. This app looks whether that is on \
                      its list, puts the person’s access token in, and passes the answer on as it comes.",
    without: "A page that asks Smartsheet itself needs the token, and every script that gets onto the page could take it.",
    source: Source {
        name: "RFC 10017, section 6.1: Backend for Frontend",
        url: "https://www.rfc-editor.org/rfc/rfc10017#section-6.1",
    },
};
