//! What every page shows around its content.

use super::at::At;
use super::{App, assets};

/// The frame of a page (`templates/base.html`).
pub(super) struct Frame {
    /// Whether to say that this is the sandbox.
    pub(super) sandbox: bool,
    /// Which entry of the navigation is this page's.
    pub(super) here: Here,
    /// What an arranged failure was about to show, if this page answers one.
    pub(super) lesson: Option<Lesson>,
    /// Where the app's own pages are: nothing on the app's address, and that address elsewhere.
    pub(super) app: String,
    /// What the assets' addresses begin with.
    pub(super) mounted_at: &'static str,
    /// The stylesheet's address.
    pub(super) stylesheet: &'static str,
    /// The address of what the pages of sheets have beside it.
    pub(super) sheets_stylesheet: &'static str,
    /// The script's address. Pages work without it.
    pub(super) script: &'static str,
    /// What the script must be to run.
    pub(super) script_integrity: &'static str,
    /// The icon's address.
    pub(super) icon: &'static str,
}

/// The entries of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Home,
    Profile,
    Sheets,
    Flow,
    BreakIt,
    /// A page that the navigation does not lead to, such as an error.
    Elsewhere,
}

/// What happened, and what the app did about it: a line above the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lesson {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
}

impl Frame {
    pub(super) fn of(app: &App, here: Here) -> Self {
        Self {
            sandbox: app.sandbox,
            here,
            lesson: None,
            app: String::new(),
            mounted_at: "",
            stylesheet: assets::stylesheet_url(),
            sheets_stylesheet: assets::sheets_stylesheet_url(),
            script: assets::script_url(),
            script_integrity: assets::script_integrity(),
            icon: assets::icon_url(),
        }
    }

    /// The same frame for where the page is shown.
    pub(super) fn at(self, at: &At, app: &App) -> Self {
        match at.site() {
            None => self,
            Some(_) => Self {
                app: app.base_url.origin().ascii_serialization(),
                mounted_at: "/auth",
                ..self
            },
        }
    }

    /// The same frame with a lesson, if there is one.
    pub(super) fn teaching(self, lesson: Option<Lesson>) -> Self {
        Self { lesson, ..self }
    }
}
