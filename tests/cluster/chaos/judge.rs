//! What an answer says: about the login, whose page it is, and how long it took.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use super::World;
use super::person::{Habit, Person};
use super::state::{Open, Sent};
use super::tally::at_risk;
use super::trouble::LEASE;
use crate::support::{Browser, Page, Planted};

/// No answer may take longer, unless something explains it. Smartsheet does not: each of its answers is late by 0.2 seconds at
/// most ([`super::trouble`]), and a page makes two calls of four tries and two refreshes.
const TOO_SLOW: Duration = Duration::from_secs(5);

/// How long after Smartsheet's answer a pair may be stored.
const STORED_WITHIN: Duration = Duration::from_secs(1);

/// How long a killed instance may hold up a page elsewhere: until its lease lapses and a refusal is doubted no more.
const AFTER_A_KILL: Duration = Duration::from_secs(3).saturating_add(LEASE);

impl Person {
    pub(super) async fn judge(
        &self,
        world: &World,
        at: usize,
        path: &str,
        started: Instant,
        page: &Page,
    ) {
        let mut signed_out = page.status == 401;
        if page.status == 200 && self.is_of_somebody_else(path, page) {
            // Under plain http a planted cookie can't be told from the person's own, and counts once their session is over.
            if path != "/me" || self.is_signed_in(world, at).await {
                world.tally.count("PAGES OF SOMEBODY ELSE");
                world
                    .tally
                    .note(format!("{:?}: {path}: {}", self.user, page.body));
                return;
            }
            world
                .tally
                .count("pages by a planted cookie when the person's session was over");
            signed_out = true;
        } else if signed_out && self.state().signed_in && self.is_signed_in(world, at).await {
            if started < *world.last_expiry.lock().unwrap() + STORED_WITHIN {
                // The new pair expired in the middle of the request, too, or was issued to another page before it and stored
                // after it; and no page calls three times.
                world
                    .tally
                    .count("pages that asked to sign in because a new token had expired");
            } else if world.database_was_away_since(started) {
                world
                    .tally
                    .count("pages that asked to sign in while the database was away");
            } else if self.state().signed_in_at.is_some_and(|at| at > started) {
                // It was asked for with the login before, which another tab found over, and replaced.
                world
                    .tally
                    .count("pages of a login that was replaced meanwhile");
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
            state.site.may_have_changed_login = true;
            if state.has_left_unanswered {
                world.tally.count("sign-outs whose answer was lost");
                if state.excused.is_some() {
                    world.tally.count(at_risk::SIGN_OUTS);
                }
            } else if state.excused.is_some() {
                world.tally.count(at_risk::LOGINS);
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
        if decisive {
            state.has_left_unanswered = false;
        }
    }

    fn is_of_somebody_else(&self, path: &str, page: &Page) -> bool {
        if path != "/me" {
            return self.user.sees_others_in(&page.body);
        }
        let profile: Value = serde_json::from_str(&page.body).unwrap_or_default();
        profile["id"].as_u64() != Some(self.user.id)
    }

    /// Tells a lost login from a page that was wrong: a session that is over says so, and stays so.
    pub(super) async fn is_signed_in(&self, world: &World, at: usize) -> bool {
        for turn in 0..300 {
            // One of them may be starting.
            let at = (at + turn) % world.addresses.len();
            let alone = Planted::default();
            let page = self
                .request_beside(world, at, Method::GET, "/me", &alone)
                .await;
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
    pub(super) async fn request_beside(
        &self,
        world: &World,
        at: usize,
        method: Method,
        path: &str,
        planted: &Planted,
    ) -> Option<Page> {
        self.send(world, &self.browser, at, (method, path), planted)
            .await
    }

    /// The same with the cookies of `browser`.
    pub(super) async fn request_by(
        &self,
        world: &World,
        browser: &Browser,
        at: usize,
        method: Method,
        path: &str,
    ) -> Option<Page> {
        let planted = Planted::default();
        self.send(world, browser, at, (method, path), &planted)
            .await
    }

    async fn send(
        &self,
        world: &World,
        browser: &Browser,
        at: usize,
        (method, path): (Method, &str),
        planted: &Planted,
    ) -> Option<Page> {
        let number = self.next_request.fetch_add(1, Ordering::SeqCst);
        let is_callback = path.starts_with("/redirect");
        let mut open = Open::new(self, number, Sent { at, is_callback });
        let started = Instant::now();
        let address = world.addresses[at];
        let sent = browser
            .send_beside(method.clone(), address, path, "application/json", planted)
            .await;
        let answer = sent.as_ref().map(|page| page.status.as_u16()).ok();
        let path_alone = path.split('?').next().unwrap_or_default();
        self.state()
            .remember(format!("{method} {path_alone} at {at}: {answer:?}"));
        world.tally.count("requests");
        self.judge_time(world, path, started);
        let page = match sent {
            Ok(page) => page,
            Err(error) => {
                // Nobody saw what could not be sent.
                open.is_settled = error.is_connect();
                world.tally.count("requests without an answer");
                return None;
            }
        };
        open.is_settled = true;
        if page.status.is_server_error() {
            world.tally.error(&page);
        }
        Some(page)
    }

    fn judge_time(&self, world: &World, path: &str, started: Instant) {
        let taken = started.elapsed();
        if self.habit == Habit::Attacker {
            return;
        }
        world.tally.took(taken);
        if taken <= TOO_SLOW {
            return;
        }
        let last_kill = self.state().last_kill;
        if world.database_was_away_since(started) {
            world
                .tally
                .count("slow answers while the database was away");
        } else if last_kill.is_some_and(|killed| started < killed + AFTER_A_KILL) {
            world
                .tally
                .count("slow answers that waited for a killed instance");
        } else {
            world.tally.count("ANSWERS TOO SLOW");
            world
                .tally
                .note(format!("{:?}: {path} took {taken:?}", self.habit));
        }
    }
}
