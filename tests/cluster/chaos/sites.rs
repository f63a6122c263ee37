//! People who use another site, whose proxy asks the app who they are.

use std::time::Instant;

use reqwest::Method;
use url::Url;

use super::World;
use super::person::Person;
use super::state::Sent;
use crate::support::{Browser, Page};

pub(super) const SITE: &str = "wiki.localhost:3000";
const APP: &str = "localhost:8080";
const PAGE: &str = "/page";

impl Person {
    /// One hop from the site to the app and back, for somebody who is signed in at the app.
    pub(super) async fn arrive(&self, world: &World) {
        let sign_in = format!("/auth/sign-in?return_to={PAGE}");
        let Some(grant) = self.led_on(world, &self.at_site, &sign_in).await else {
            return;
        };
        let at_app = self.browser.at_host(APP);
        let Some(arrive) = self.led_on(world, &at_app, &grant).await else {
            return;
        };
        if !arrive.starts_with("/auth/arrive?") {
            // Asked to sign in: the next page tells why.
            return;
        }
        let at = self.instance(world);
        let page = self
            .request_by(world, &self.at_site, at, Method::GET, &arrive)
            .await;
        match page {
            Some(page) if page.location() == Some(PAGE) => {
                world.tally.count("arrivals at a site");
                let mut state = self.state();
                state.site.has_arrived = true;
                state.site.may_have_changed_login =
                    state.excused.is_some() || state.has_left_unanswered;
            }
            Some(page) if page.status == 400 && self.is_signed_in(world, at).await => {
                world.tally.count("ARRIVALS REFUSED");
                world.tally.note(format!("{arrive}: {}", page.body));
            }
            _ => {}
        }
    }

    /// Where a page leads on to within the app and the site, if it does.
    async fn led_on(&self, world: &World, browser: &Browser, path: &str) -> Option<String> {
        let at = self.instance(world);
        let page = self
            .request_by(world, browser, at, Method::GET, path)
            .await?;
        self.may_be_asked_for(at);
        let location = Url::parse(page.location()?).ok()?;
        Some(location[url::Position::BeforePath..].to_owned())
    }

    /// What the site's proxy asks before each request.
    pub(super) async fn check(&self, world: &World) {
        let at = self.instance(world);
        let Some(page) = self.checked(world, &self.at_site, at).await else {
            return;
        };
        if page.status != 401 {
            return;
        }
        let was_arrived = std::mem::take(&mut self.state().site.has_arrived);
        if !was_arrived {
            world.tally.count("checks of somebody who has left");
        } else if !self.is_signed_in(world, at).await {
            // The next page tells whether it should have.
            world.tally.count("checks that found the login over");
        } else if self.state().site.may_have_changed_login {
            world.tally.count("site sessions of a login before");
        } else {
            world.tally.count("SITE SESSIONS LOST");
            let recent = self.state().recent.clone();
            world.tally.note(format!("{:?}: {recent:#?}", self.habit));
        }
    }

    /// The answer to a check with the cookies of `browser`, after a look at whom it names.
    async fn checked(&self, world: &World, browser: &Browser, at: usize) -> Option<Page> {
        let page = self
            .request_by(world, browser, at, Method::GET, "/auth/check")
            .await?;
        match page.status.as_u16() {
            200 => {
                world.tally.count("checks that named the person");
                if page.header("remote-user") != Some(&self.user.id.to_string()) {
                    world.tally.count("PAGES OF SOMEBODY ELSE");
                    world
                        .tally
                        .note(format!("{:?}: check: {page:?}", self.user));
                }
                self.may_be_asked_for(at);
            }
            401 | 503 => {}
            _ => {
                world.tally.count("CHECKS THAT WERE WRONG");
                world.tally.note(format!("check: {page:?}"));
            }
        }
        Some(page)
    }

    /// Smartsheet may be asked behind an answer of instance `at`, which can take a new pair.
    fn may_be_asked_for(&self, at: usize) {
        let behind = Sent {
            at,
            is_callback: false,
        };
        self.state().leave_open(behind, Instant::now());
    }

    /// A login has ended at `browser`'s site, too, and at once: on every instance that answers.
    pub(super) async fn is_gone_from(&self, world: &World, browser: &Browser) {
        world.tally.count("sites left");
        for at in 0..world.addresses.len() {
            let page = self.checked(world, browser, at).await;
            if page.is_some_and(|page| page.status == 200) {
                world.tally.count("SITE SESSIONS THAT OUTLIVED THEIR LOGIN");
            }
        }
    }
}
