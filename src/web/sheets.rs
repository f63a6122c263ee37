//! `/sheets`: the sheets that somebody can see, one of them, and its rows, changed in their name.
//!
//! | file | subject |
//! | --- | --- |
//! | `list`, `table`, `row` | the pages: all sheets, one of them, one row with its form and its history |
//! | `write` | adding and changing a row |
//! | `cells` | values as they are shown |
//! | `fields`, `sent`, `form` | what can be filled in, what was, and the form around it |
//! | `shown`, `remembered`, `conflict` | whether a row is the one that a form showed, and if not, both |
//! | `past` | who wrote which value when |
//! | `rights` | what somebody may do, and how they get to |
//! | `failures` | why something was not done |

mod cells;
mod conflict;
mod failures;
mod fields;
mod form;
pub(super) mod list;
mod names;
mod past;
mod place;
mod refused;
mod remembered;
pub(super) mod rights;
pub(super) mod row;
mod row_page;
mod sent;
mod shown;
pub(super) mod table;
mod who;
pub(super) mod write;

pub use remembered::ShownForms;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::time::timeout;

use super::App;
use super::accept::wants_json;
use super::browser::Browser;
use super::failure::{Action, Failure};
use super::person::visitor;
use super::person_failures::{PersonError, signed_out, slow};
use super::query;
use super::shares::Caller;
use super::visit::{Visit, VisitError};
use crate::oauth::Scope;
use crate::session::{Login, Person};
use crate::smartsheet::ApiCall;

/// Rows on a page.
const ROWS: u64 = 100;

/// What would end a parameter, or be read as something else.
const IN_PARAMETER: &AsciiSet = &CONTROLS.add(b' ').add(b'&').add(b'#').add(b'+').add(b'%');

/// The id that `text` is: a number of up to 63 bits, as Smartsheet writes it.
fn id(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_digits && !text.starts_with('0');
    let id: i64 = text.parse().ok().filter(|_| is_plain)?;
    u64::try_from(id).ok()
}

/// The page's number in `query`: 1 when there is none, `None` when it is no number from 1.
fn page_number(query: &str) -> Option<u64> {
    match query::first(query, "page") {
        None => Some(1),
        Some(text) => text.parse().ok().filter(|number| *number > 0),
    }
}

/// The way to sign in that ends at `here`, asking for `scopes` if they are named.
fn sign_in_path(here: &str, scopes: &[Scope]) -> String {
    let here = utf8_percent_encode(here, IN_PARAMETER);
    let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    match names.join("+") {
        names if names.is_empty() => format!("/login?return_to={here}"),
        names => format!("/login?scope={names}&return_to={here}"),
    }
}

/// What a page was asked for, and by whom.
struct Asked<'a> {
    app: &'a App,
    browser: &'a Browser,
    caller: Caller,
    json: bool,
    /// The path of this page, with its query.
    here: String,
}

/// An answer of Smartsheet's for somebody.
struct Found<'a, T> {
    answer: T,
    visit: Visit<'a>,
    login: Login,
    person: Option<Person>,
}

impl<'a> Asked<'a> {
    fn new(
        app: &'a App,
        browser: &'a Browser,
        caller: Caller,
        headers: &HeaderMap,
        here: String,
    ) -> Self {
        Self {
            app,
            browser,
            caller,
            json: wants_json(headers),
            here,
        }
    }

    /// Makes `call` for whoever is signed in, who must have been asked for `READ_SHEETS`. All of it within [`App::patience`].
    async fn find<C: ApiCall>(&self, call: &C) -> Result<Found<'a, C::Answer>, PersonError> {
        let found = async {
            let mut visit = Visit::begin(self.app, self.browser, self.caller).await?;
            if !rights::has(self.app, visit.login(), Scope::ReadSheets) {
                let failure = failures::no_scope(self, visit.login(), Scope::ReadSheets);
                return Err(PersonError::Failed(failure));
            }
            let answer = match visit.call(call).await {
                Ok(answer) => answer,
                Err(error) => return Err(self.refused(&visit, error)),
            };
            let person = visitor(self.app, &mut visit).await;
            Ok(Found {
                answer,
                login: visit.login().clone(),
                person,
                visit,
            })
        };
        let found = timeout(self.app.settings.patience, found).await;
        let found = match found {
            Ok(found) => found,
            Err(_) => Err(PersonError::Failed(slow())),
        };
        if found.is_err() {
            // For the record: the session may be of no use, but its flow can still be shown.
            let _ = self.browser.session().await;
        }
        found
    }

    /// What an error of a call means here.
    fn refused(&self, visit: &Visit<'_>, error: VisitError) -> PersonError {
        if let VisitError::Call(error) = &error
            && let Some(failure) = failures::of_sheet(self, visit.login(), error)
        {
            return PersonError::Failed(failure);
        }
        visit.failed(error)
    }

    /// The answer instead of a page.
    fn failed(&self, error: PersonError) -> Response {
        match error {
            PersonError::SignedOut if !self.json => {
                Redirect::to(&sign_in_path(&self.here, &[])).into_response()
            }
            PersonError::SignedOut => signed_out().into_response(),
            PersonError::Failed(failure) => self.leading_back(failure).into_response(),
        }
    }

    /// The same failure, whose button leads back here rather than to the profile.
    fn leading_back(&self, failure: Failure) -> Failure {
        let action = match failure.action {
            Action::TryProfileAgain => Action::to("Try again", self.here.clone()),
            Action::SignIn => Action::to("Sign in", sign_in_path(&self.here, &[])),
            other => other,
        };
        Failure { action, ..failure }
    }
}

/// What Smartsheet sent, as it is.
fn as_sent(raw: &str) -> Response {
    let headers = [
        (header::VARY, "Accept"),
        (header::CONTENT_TYPE, "application/json"),
    ];
    (StatusCode::OK, headers, raw.to_owned()).into_response()
}

/// Pages of a list, and which one this is.
struct Pages {
    number: u64,
    /// How many there are, where that is known.
    last: Option<u64>,
    previous: Option<String>,
    next: Option<String>,
}

impl Pages {
    /// `to` makes the address of a page.
    fn of(number: u64, last: u64, to: impl Fn(u64) -> String) -> Self {
        Self {
            number,
            last: Some(last),
            previous: (number > 1).then(|| to(number - 1)),
            next: (number < last).then(|| to(number + 1)),
        }
    }

    fn is_needed(&self) -> bool {
        self.previous.is_some() || self.next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert_eq!(id("1"), Some(1));
        assert_eq!(id("9223372036854775807"), Some(9_223_372_036_854_775_807));
        assert_eq!(id(""), None);
        for text in [
            "0",
            "01",
            "-1",
            "+1",
            "1.0",
            "1e3",
            " 1",
            "9223372036854775808",
            "99999999999999999999999",
            "١",
            "x",
        ] {
            assert_eq!(id(text), None, "{text:?}");
        }
    }

    #[test]
    fn page_numbers() {
        for (query, expected) in [
            ("", Some(1)),
            ("page=3", Some(3)),
            ("row=5&page=2", Some(2)),
            ("page=0", None),
            ("page=-1", None),
            ("page=x", None),
            ("page=", None),
            ("page=99999999999999999999999", None),
        ] {
            assert_eq!(page_number(query), expected, "{query}");
        }
    }

    #[test]
    fn the_way_to_sign_in() {
        assert_eq!(
            sign_in_path("/sheets?q=a&page=2", &[]),
            "/login?return_to=/sheets?q=a%26page=2"
        );
        let scopes = [Scope::ReadSheets, Scope::WriteSheets];
        assert_eq!(
            sign_in_path("/sheets/7", &scopes),
            "/login?scope=READ_SHEETS+WRITE_SHEETS&return_to=/sheets/7"
        );
    }
}
