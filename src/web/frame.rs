//! What every page shows around its content.

use std::sync::Arc;

use super::at::At;
use super::avatar::Avatar;
use super::{App, assets};
use crate::session::Person;

/// The frame of a page (`templates/base.html`).
pub(super) struct Frame {
    /// Whether to say that this is the sandbox.
    pub(super) sandbox: bool,
    /// Which entry of the navigation is this page's.
    pub(super) here: Here,
    /// Who is told that they are signed in.
    pub(super) viewer: Viewer,
    /// What an arranged failure was about to show, if this page answers one.
    pub(super) lesson: Option<Lesson>,
    /// Where the app's own pages are: nothing on the app's address, and that address elsewhere.
    pub(super) app: String,
    /// What the assets' addresses begin with.
    pub(super) mounted_at: &'static str,
    /// The stylesheet's address.
    pub(super) stylesheet: &'static str,
    /// The address of what some pages have beside it.
    pub(super) own_stylesheet: Option<&'static str>,
    /// The script's address. Pages work without it.
    pub(super) script: &'static str,
    /// What the script must be to run.
    pub(super) script_integrity: &'static str,
    /// The icon's address.
    pub(super) icon: &'static str,
}

/// Who looks at a page, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) enum Viewer {
    #[default]
    Unknown,
    SignedOut,
    /// With their name, unless Smartsheet has not said it yet.
    SignedIn(Option<Arc<Named>>),
}

/// Somebody's name, and what stands for their picture.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) avatar: Avatar,
}

impl Viewer {
    /// Somebody who is signed in.
    pub(super) fn signed_in(person: Option<&Person>) -> Self {
        Self::SignedIn(person.map(|person| {
            Arc::new(Named {
                name: person.name.clone(),
                avatar: Avatar::of(person),
            })
        }))
    }
}

/// The entries of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Home,
    Profile,
    Sheets,
    Flow,
    BreakIt,
    /// After a sign-out, which the navigation does not lead to.
    SignedOut,
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
            sandbox: app.settings.sandbox,
            here,
            viewer: Viewer::Unknown,
            lesson: None,
            app: String::new(),
            mounted_at: "",
            stylesheet: assets::stylesheet_url(),
            own_stylesheet: match here {
                Here::Sheets => Some(assets::sheets_stylesheet_url()),
                Here::Flow | Here::SignedOut => Some(assets::flow_stylesheet_url()),
                Here::Home | Here::Profile | Here::BreakIt | Here::Elsewhere => None,
            },
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
                app: app.settings.base_url.origin().ascii_serialization(),
                mounted_at: "/auth",
                ..self
            },
        }
    }

    /// The same frame for `viewer`.
    pub(super) fn for_viewer(self, viewer: Viewer) -> Self {
        Self { viewer, ..self }
    }

    /// Whether the header says that somebody is signed in.
    pub(super) fn is_signed_in(&self) -> bool {
        matches!(self.viewer, Viewer::SignedIn(_))
    }

    /// Who that is, as far as it is known.
    pub(super) fn named(&self) -> Option<&Named> {
        match &self.viewer {
            Viewer::SignedIn(named) => named.as_deref(),
            Viewer::Unknown | Viewer::SignedOut => None,
        }
    }

    /// The same frame for somebody who is signed in.
    pub(super) fn for_person(self, person: Option<&Person>) -> Self {
        self.for_viewer(Viewer::signed_in(person))
    }

    /// The same frame with a lesson, if there is one.
    pub(super) fn teaching(self, lesson: Option<Lesson>) -> Self {
        Self { lesson, ..self }
    }
}
