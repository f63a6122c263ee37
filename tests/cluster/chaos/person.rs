//! Somebody with a browser, and what they may rightly expect of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use serde_json::Value;

use super::World;
use crate::support::{Browser, Page};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    Calm,
    /// Does not wait for answers.
    Impatient,
    /// Loads several pages at once.
    ManyTabs,
}

/// A refresh that nobody waits for any more is over after this long, whatever Smartsheet does here.
const REFRESH_TIME: Duration = Duration::from_secs(15);

pub(super) struct Person {
    browser: Browser,
    habit: Habit,
    random: Mutex<StdRng>,
    state: Mutex<State>,
    next_request: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Whether the app has told this browser that it is signed in.
    signed_in: bool,
    /// Requests without an answer yet: which instance each went to.
    open: HashMap<u64, usize>,
    /// Requests that were given up or broke: which instance each went to, and when.
    unknown: Vec<(usize, Instant)>,
    /// When an instance was killed that may just have refreshed for this browser.
    excused: Option<Instant>,
    /// Cookies of sessions that were signed out.
    left: Vec<Browser>,
}

impl Person {
    pub(super) fn new(seed: u64, habit: Habit) -> Self {
        Self {
            browser: Browser::new(),
            habit,
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            state: Mutex::default(),
            next_request: AtomicU64::new(0),
        }
    }

    pub(super) async fn live(&self, world: &World) {
        while !world.over.load(Ordering::SeqCst) {
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
                (_, 0..70) => self.visit(world, Method::GET, "/me").await,
                (_, 70..85) => self.visit(world, Method::POST, "/refresh").await,
                // A sign-in that is begun and not finished.
                (_, 85..90) => self.visit(world, Method::GET, "/login").await,
                (Habit::Impatient, 90..93) => self.give_up_signing_in_again(world).await,
                (_, 90..93) => self.sign_in(world).await,
                _ => self.visit(world, Method::GET, "/").await,
            }
        }
    }

    /// An instance was killed.
    pub(super) fn excuse(&self, instance: usize) {
        let mut state = self.state();
        let recent =
            |(at, when): &(usize, Instant)| *at == instance && when.elapsed() < REFRESH_TIME;
        if state.open.values().any(|at| *at == instance) || state.unknown.iter().any(recent) {
            state.excused = Some(Instant::now());
        }
    }

    /// A look at the profile when all is over, on every instance; and at the sessions that were left.
    pub(super) async fn takes_stock(&self, world: &World) {
        for (at, address) in world.addresses.iter().enumerate() {
            if !self.state().signed_in {
                break;
            }
            let started = Instant::now();
            let page = self.browser.me(*address).await;
            assert!(
                page.status == 200 || page.status == 401,
                "when all is quiet: {page:?}"
            );
            self.judge(world, at, "/me", started, &page).await;
        }
        let left = std::mem::take(&mut self.state().left);
        for browser in left {
            world.tally.count("sign-outs checked");
            if browser.me(world.addresses[0]).await.status != 401 {
                world.tally.count("REVIVED SESSIONS");
            }
        }
    }

    async fn sign_in(&self, world: &World) {
        let address = world.addresses[self.instance(world)];
        let Ok(callback) = self.browser.try_consent(address).await else {
            return;
        };
        let at = self.instance(world);
        let page = self.request(world, at, Method::GET, &callback).await;
        match page {
            Some(page) if page.location() == Some("/me") => {
                world.tally.count("sign-ins");
                let mut state = self.state();
                state.signed_in = true;
                state.excused = None;
            }
            Some(page) => world.tally.failed_sign_in(&page),
            None => {}
        }
    }

    async fn sign_out(&self, world: &World) {
        let left = self.browser.apart();
        let at = self.instance(world);
        let page = self.request(world, at, Method::POST, "/logout").await;
        let mut state = self.state();
        // Without an answer nobody knows; the next page will tell.
        if page.is_some_and(|page| page.status == 303) {
            world.tally.count("sign-outs");
            state.left.push(left);
            state.signed_in = false;
        } else {
            state.excused = Some(Instant::now());
        }
    }

    async fn visit(&self, world: &World, method: Method, path: &str) {
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

    /// What an answer says about the login.
    async fn judge(&self, world: &World, at: usize, path: &str, started: Instant, page: &Page) {
        let signed_out = page.status == 401;
        if signed_out && self.state().signed_in && self.is_signed_in(world, at).await {
            if started < *world.last_expiry.lock().unwrap() {
                // The new pair expired in the middle of the request, too, and nothing is refreshed twice for one page.
                world
                    .tally
                    .count("pages that asked to sign in because a new token had expired");
            } else {
                world.tally.count("PAGES THAT WERE WRONG");
                world
                    .tally
                    .note(format!("{:?}: {path}: {}", self.habit, page.body));
            }
            return;
        }
        let mut state = self.state();
        if signed_out && state.signed_in {
            state.signed_in = false;
            if state.excused.is_some() {
                world.tally.count("logins lost with a killed instance");
            } else {
                world.tally.count("LOGINS LOST");
                world
                    .tally
                    .note(format!("{:?}: {path}: {}", self.habit, page.body));
            }
        }
        // An answer to a request that was sent after the kill shows whether anything was lost with it.
        let decisive = signed_out || (path == "/me" && page.status == 200);
        if decisive && state.excused.is_some_and(|killed| killed < started) {
            state.excused = None;
        }
    }

    /// Tells a lost login from a page that was wrong: a session that is over says so, and stays so.
    async fn is_signed_in(&self, world: &World, at: usize) -> bool {
        for _ in 0..300 {
            let page = self.request(world, at, Method::GET, "/me").await;
            match page {
                Some(page) if page.status == 200 => return true,
                Some(page) if page.status == 401 && page.body.contains(":signed-out") => {
                    return false;
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        panic!("neither signed in nor signed out");
    }

    /// Sends a request and keeps book of it. `None`: there was no answer.
    async fn request(&self, world: &World, at: usize, method: Method, path: &str) -> Option<Page> {
        let number = self.next_request.fetch_add(1, Ordering::SeqCst);
        self.state().open.insert(number, at);
        let mut open = Open {
            person: self,
            number,
            answered: false,
        };
        let address = world.addresses[at];
        let sent = self
            .browser
            .send(method, address, path, "application/json")
            .await;
        world.tally.count("requests");
        let Ok(page) = sent else {
            world.tally.count("requests without an answer");
            return None;
        };
        open.answered = true;
        if page.status.is_server_error() {
            let problem: Value = serde_json::from_str(&page.body).unwrap_or_default();
            let kind = problem["type"]
                .as_str()
                .and_then(|kind| kind.rsplit(':').next());
            world
                .tally
                .error(page.status.as_u16(), kind.unwrap_or("no problem details"));
        }
        Some(page)
    }

    fn instance(&self, world: &World) -> usize {
        usize::try_from(self.draw(0..world.addresses.len() as u64)).unwrap()
    }

    fn draw(&self, range: std::ops::Range<u64>) -> u64 {
        self.random.lock().unwrap().random_range(range)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// A request that is under way. When it is dropped without an answer, nobody knows what came of it.
struct Open<'a> {
    person: &'a Person,
    number: u64,
    answered: bool,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut state = self.person.state();
        let at = state.open.remove(&self.number);
        if let (Some(at), false) = (at, self.answered) {
            state
                .unknown
                .retain(|(_, when)| when.elapsed() < REFRESH_TIME);
            state.unknown.push((at, Instant::now()));
        }
    }
}
