//! Somebody with a browser, and how they live.

use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;

use super::World;
use super::cookies::Bait;
use super::sites::SITE;
use super::state::State;
use super::tally::at_risk;
use super::users::User;
use crate::support::{Browser, Page, Planted};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    Calm,
    /// Does not wait for answers.
    Impatient,
    /// Loads several pages at once.
    ManyTabs,
    /// Attacks the others. Nobody promises them an answer in time.
    Attacker,
}

pub(super) struct Person {
    pub(super) browser: Browser,
    /// The same browser at another site, which has cookies of its own.
    pub(super) at_site: Browser,
    pub(super) habit: Habit,
    pub(super) user: User,
    random: Mutex<StdRng>,
    state: Mutex<State>,
    pub(super) next_request: AtomicU64,
}

impl Person {
    pub(super) fn new(seed: u64, habit: Habit, user: User, address: Option<IpAddr>) -> Self {
        Self {
            browser: Browser::at(address),
            at_site: Browser::at(address).at_host(SITE),
            habit,
            user,
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            state: Mutex::default(),
            next_request: AtomicU64::new(0),
        }
    }

    pub(super) async fn live(&self, world: &World) {
        while !world.is_over() {
            let (pause, choice) = (self.draw(5..60), self.draw(0..100));
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if !self.state().signed_in {
                self.sign_in(world).await;
                continue;
            }
            match (self.habit, choice) {
                (Habit::Impatient, 0..60) => self.give_up_on_a_page(world).await,
                (Habit::ManyTabs, 0..60) => {
                    join_all((0..6).map(|_| self.visit(world, Method::GET, "/me"))).await;
                }
                (Habit::Calm, 0..3) => self.sign_out(world).await,
                (_, 0..68) => self.visit(world, Method::GET, "/me").await,
                (_, 68..70) => self.visit(world, Method::GET, "/flow").await,
                // Some know no other site, so that nothing is asked behind their backs and a kill excuses less.
                (Habit::Calm, 70..78 | 93..) if self.knows_the_site() => {
                    self.use_the_site(world).await;
                }
                (_, 70..83) => self.visit(world, Method::POST, "/refresh").await,
                (_, 83..85) => self.follow_a_forged_link(world).await,
                // A sign-in that is begun and not finished.
                (_, 85..90) => self.visit(world, Method::GET, "/login").await,
                (Habit::Impatient, 90..93) => self.give_up_signing_in_again(world).await,
                (_, 90..93) => {
                    self.sign_in(world).await;
                }
                _ => self.visit(world, Method::GET, "/").await,
            }
        }
    }

    fn knows_the_site(&self) -> bool {
        self.user.slug != "minimal"
    }

    async fn use_the_site(&self, world: &World) {
        if self.state().site.has_arrived {
            self.check(world).await;
        } else {
            self.arrive(world).await;
        }
    }

    /// Whether it worked.
    pub(super) async fn sign_in(&self, world: &World) -> bool {
        let started = Instant::now();
        let at = self.instance(world);
        let Some(login) = self.request(world, at, Method::GET, "/login").await else {
            return false;
        };
        let Ok(callback) = self.browser.allow(&login, self.user.slug).await else {
            return false;
        };
        let at = self.instance(world);
        let page = self.request(world, at, Method::GET, &callback).await;
        match page {
            Some(page) if page.location() == Some("/me") => {
                world.tally.count("sign-ins");
                let mut state = self.state();
                if state.signed_in && state.excused.is_some() {
                    world.tally.count(at_risk::SIGN_INS);
                }
                // Sites follow the same person only.
                let is_another = !state.signed_in || world.may_not_know_who_signed_in(started);
                if is_another || state.excused.is_some() || state.has_left_unanswered {
                    state.site.may_have_changed_login = true;
                }
                state.signed_in = true;
                state.signed_in_at = Some(Instant::now());
                state.excused = None;
                state.has_left_unanswered = false;
                true
            }
            Some(page) => {
                world.tally.failed_sign_in(&page);
                false
            }
            None => false,
        }
    }

    pub(super) async fn sign_out(&self, world: &World) {
        let left = self.browser.apart();
        if !self.sign_out_by(world, &self.browser, left).await {
            return;
        }
        let has_arrived = {
            let mut state = self.state();
            std::mem::take(&mut state.site.has_arrived) && !state.site.may_have_changed_login
        };
        if has_arrived {
            self.is_gone_from(world, &self.at_site).await;
            self.state().left_sites.push(self.at_site.apart());
        }
    }

    /// Signs out with the cookies of `browser`. With those of `left` nobody may be signed in afterwards. Whether it worked.
    pub(super) async fn sign_out_by(
        &self,
        world: &World,
        browser: &Browser,
        left: Browser,
    ) -> bool {
        let at = self.instance(world);
        let page = self
            .request_by(world, browser, at, Method::POST, "/logout")
            .await;
        let mut state = self.state();
        // Without an answer nobody knows; the next page will tell.
        if page.is_none_or(|page| page.status != 303) {
            state.has_left_unanswered = true;
            return false;
        }
        world.tally.count("sign-outs");
        if state.signed_in && state.excused.is_some() {
            world.tally.count(at_risk::SIGN_OUTS);
        }
        state.left.push(left);
        state.signed_in = false;
        true
    }

    pub(super) async fn visit(&self, world: &World, method: Method, path: &str) {
        let at = self.instance(world);
        let started = Instant::now();
        if let Some(page) = self.request(world, at, method, path).await {
            self.judge(world, at, path, started, &page).await;
        }
    }

    async fn give_up_on_a_page(&self, world: &World) {
        let at = self.instance(world);
        let started = Instant::now();
        let patience = Duration::from_millis(self.draw(1..40));
        let request = self.request(world, at, Method::GET, "/me");
        match tokio::time::timeout(patience, request).await {
            Ok(Some(page)) => self.judge(world, at, "/me", started, &page).await,
            Ok(None) => {}
            Err(_) => world.tally.count("requests given up"),
        }
    }

    /// Somebody who is signed in signs in again and goes away, at a moment at which nobody knows what came of it.
    async fn give_up_signing_in_again(&self, world: &World) {
        let patience = Duration::from_millis(self.draw(1..80));
        let sign_in = tokio::time::timeout(patience, self.sign_in(world));
        let given_up = sign_in.await.is_err();
        world.tally.add("sign-ins given up", usize::from(given_up));
    }

    /// Opens the callback of an attacker's sign-in, in a browser for which the attacker has set cookies, too.
    async fn follow_a_forged_link(&self, world: &World) {
        let Some(bait) = self.bait(world) else { return };
        let planted = bait.spelt(&mut self.random());
        let at = self.instance(world);
        let page = self
            .request_beside(world, at, Method::GET, &bait.callback, &planted)
            .await;
        world.tally.count("forged callbacks");
        if let Some(page) = page.filter(|page| page.status == 303) {
            world.tally.count("FORGED CALLBACKS THAT WORKED");
            world.tally.note(format!("{planted:?}: {page:?}"));
        }
    }

    pub(super) async fn request(
        &self,
        world: &World,
        at: usize,
        method: Method,
        path: &str,
    ) -> Option<Page> {
        let planted = self.planted(world, path);
        self.request_beside(world, at, method, path, &planted).await
    }

    /// What one of the attackers puts into this browser.
    fn bait(&self, world: &World) -> Option<Bait> {
        let all = world.bait.lock().unwrap();
        let others: Vec<&Bait> = all.iter().filter(|bait| bait.user != self.user).collect();
        let number = self.random().random_range(0..others.len().max(1));
        others.get(number).map(|bait| (*bait).clone())
    }

    /// The cookies that an attacker has set for this browser's next request: every third time.
    fn planted(&self, world: &World, path: &str) -> Planted {
        let bait = self.bait(world).filter(|_| self.draw(0..3) == 0);
        let Some(bait) = bait else {
            return Planted::default();
        };
        world.tally.count("requests with planted cookies");
        let is_signed_in = self.state().signed_in;
        if path == "/me" && is_signed_in {
            bait.spelt_and_plain(&mut self.random())
        } else {
            bait.spelt(&mut self.random())
        }
    }

    pub(super) fn instance(&self, world: &World) -> usize {
        usize::try_from(self.draw(0..world.addresses.len() as u64)).unwrap()
    }

    pub(super) fn draw(&self, range: std::ops::Range<u64>) -> u64 {
        self.random().random_range(range)
    }

    pub(super) fn random(&self) -> MutexGuard<'_, StdRng> {
        self.random.lock().unwrap()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
