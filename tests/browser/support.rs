//! What the tests share: the app with a clock to move, a browser with a profile of its own, and sites of other people.

mod app;
mod browser;
mod chromedriver;
mod command;
mod console;
mod guarded_site;
mod keyboard;
mod other_site;
mod tabs;
mod tls;

pub(crate) use app::TestApp;
pub(crate) use browser::Browser;
pub(crate) use guarded_site::GuardedSite;
pub(crate) use keyboard::Focus;
pub(crate) use other_site::OtherSite;
pub(crate) use test_support::{PATIENCE, until};
pub(crate) use tls::DOMAIN;

/// The sandbox's user with a full profile: what names her everywhere, and what only her profile says.
pub(crate) mod grace {
    pub(crate) const NAME: &str = "Grace Hopper";
    pub(crate) const EMAIL: &str = "grace.hopper@example.com";
    pub(crate) const TITLE: &str = "Rear Admiral";
    pub(crate) const PHONE: &str = "+1 206 555 0100";
}
